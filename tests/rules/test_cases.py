"""Every rule proves itself: its form, its page, and its declared cases, each in a store of its own."""

from __future__ import annotations

import sys
import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pytest

from otelcost.advise import text
from otelcost.advise.catalogue import HEADINGS, doc_headings, load, read_rule, rule_folders

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "advise"))
import world

FOLDERS = tuple(rule_folders(resources.files("otelcost_rules")))


def _cases(folder: Traversable) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = tomllib.loads(folder.joinpath("cases.toml").read_text(encoding="utf-8"))["case"]
    return cases


CASES = [
    pytest.param(folder, case, id=f"{folder.name}: {case['name']}") for folder in FOLDERS for case in _cases(folder)
]


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
    cases = _cases(folder)
    silent = [case for case in cases if not case["fires"]]
    assert len(cases) - len(silent) >= 2
    assert len(silent) >= 2
    assert sum(case.get("trap", False) for case in silent) == 1


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
def test_case(folder: Traversable, case: dict[str, Any], home: Path) -> None:
    rule = read_rule(folder)
    report = world.advise([world.from_table(row) for row in case["calls"]], home, [rule])
    found = report.recommendations or report.insights
    assert not [entry for entry in report.not_checked if entry.task is None], report.not_checked
    assert bool(found) == case["fires"], (found, report.not_checked)
    if "selected" in case:
        assert [card.calls for card in found] == [case["selected"]]
    if "transform" in case:
        assert found[0].transform == case["transform"]
    if "not_checked" in case:
        assert any(case["not_checked"] in entry.reason for entry in report.not_checked), report.not_checked
    for hint in report.insights:
        assert text.UNKNOWN not in hint.title + hint.change
    for card in report.recommendations:
        assert card.standalone_picousd > 0
        assert text.UNKNOWN not in card.title + card.change
        assert len(card.call_ids) == card.calls == len(set(card.call_ids))
