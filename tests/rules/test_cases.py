"""Every rule proves itself: its form, its page, and its declared cases, each in a store of its own."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from otelcost.advise.catalogue import HEADINGS, doc_headings, load, read_rule, rule_folders
from otelcost.advise.proof import Case, cases, failure

FOLDERS = tuple(rule_folders(resources.files("otelcost_rules")))


CASES = [pytest.param(folder, case, id=f"{folder.name}: {case.name}") for folder in FOLDERS for case in cases(folder)]


def test_all_rules_load() -> None:
    rules, errors = load()
    assert errors == ()
    assert [rule.id for rule in rules] == sorted(folder.name.partition("_")[0] for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_page_has_the_headings_in_order_and_text_under_each(folder: Traversable) -> None:
    assert doc_headings(folder) == HEADINGS
    sections = folder.joinpath("doc.md").read_text(encoding="utf-8").split("\n## ")
    assert all(len(section.split("\n", 1)[1].strip()) > 40 for section in sections[1:])
    assert sections[0].startswith(f"# {read_rule(folder).id}: ")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_at_least_two_cases_fire_and_two_are_silent_one_of_them_the_trap(folder: Traversable) -> None:
    found = cases(folder)
    silent = [case for case in found if not case.fires]
    assert len(found) - len(silent) >= 2
    assert len(silent) >= 2
    assert sum(case.trap for case in silent) == 1


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_parameter_is_used(folder: Traversable) -> None:
    rule = read_rule(folder)
    assert all(f"${name}" in (rule.sql or rule.check or "") for name in rule.parameters)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_rules_read_the_window_only_and_know_no_prices(folder: Traversable) -> None:
    sql = (read_rule(folder).sql or "").lower()
    for forbidden in (" from calls", " join calls", " from price", " join price", "read_csv", "read_json(", "attach"):
        assert forbidden not in sql
    assert "picousd *" not in sql
    assert "* price" not in sql


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_case(folder: Traversable, case: Case, home: Path) -> None:
    assert failure(read_rule(folder), case, home) is None
