"""The guide to a rule of one's own does what it says: its files make a rule that holds, its settings are taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otelcost.advise.own.config import Limits
from otelcost.advise.own.installed import installed
from otelcost.advise.own.scaffold import new_rule
from otelcost.advise.proof import cases, prove

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "write-your-own-rule.md"
FILES = ("rule.sql", "rule.toml", "cases.toml")


def block(name: str) -> str:
    found = re.search(rf"<!-- {re.escape(name)} -->\n```\w+\n(.*?)```\n<!-- end -->", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".otelcost"


def test_the_rule_of_the_guide_holds(project: Path) -> None:
    folder = new_rule(project / "rules", "dev_priority")
    assert f".otelcost/{folder.relative_to(project)}/" in GUIDE.read_text()
    for name in FILES:
        assert (folder / name).is_file()
        (folder / name).write_text(block(name))
    found = installed()
    assert found.errors == ()
    (rule,) = (one.rule for one in found.known if one.rule.source == "project")
    declared = cases(folder)
    assert [case.fires for case in declared].count(True) == 2
    assert [(verdict.case, verdict.failure) for verdict in prove(rule, declared)] == [
        (case.name, None) for case in declared
    ]


def test_the_settings_of_the_guide_are_taken(project: Path) -> None:
    (project.parent / "otelcost.toml").write_text(block("otelcost.toml"))
    found = installed()
    active = {rule.id: rule for rule in found.active}
    assert "OC201" not in active
    assert active["OC401"].defaults()["horizon_hours"] == 48
    assert found.limits == Limits()  # it shows the usual ones
