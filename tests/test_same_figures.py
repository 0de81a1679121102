"""One window, five faces: command line, digest, screens, report page and comparison say the same figures."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from decimal import Decimal
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from otelcost.cli import page, reader
from otelcost.cli.options import Reading
from otelcost.cli.page import pictures
from otelcost.cli.page.render import figures
from otelcost.display import money
from otelcost.tui.loader import Loader
from otelcost.tui.snapshot import Period


def _world() -> ModuleType:
    """The recorded world of the command line's tests."""
    spec = util.spec_from_file_location("figures_world", Path(__file__).parent / "cli" / "world.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("window", ["7d", "all"])
def test_all_faces_of_a_window_agree(window: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = _world()
    world.spool(tmp_path, world.lines())
    monkeypatch.setenv("OTELCOST_HOME", str(tmp_path))
    monkeypatch.setenv("OTELCOST_NOW", world.NOW)

    def told(*arguments: str) -> dict[str, Any]:
        answer = world.run(tmp_path, *arguments, "--window", window, "--format", "json")
        assert answer.returncode == 0, answer.stderr
        envelope: dict[str, Any] = json.loads(answer.stdout)
        return envelope

    overview, digest, advised = told("overview"), told("digest", "preview")["digest"], told("rec", "list")
    spend, joint = overview["totals"]["spend_picousd"], overview["joint_picousd"]
    with reader.reader(Reading(window, True, "json", drain=False)) as found:
        facts = page.read(found)
        exact = {figure.label: figure.exact for figure in figures(facts)}
        shown = page.page(facts)
        moved = facts.movement
        savings, bars = pictures.savings(facts), pictures.spend(facts)
    loader = Loader(now=datetime.fromisoformat(world.NOW).replace(tzinfo=None))
    screen = loader.refresh(Period(text=window), force=True)
    advice = loader.advise(Period(text=window))
    assert screen is not None

    assert spend == advised["spend_picousd"] == exact["spend"] == screen.overview.spend_picousd
    assert joint == advised["joint_picousd"] == exact["fixes save together"] == advice.joint_picousd
    assert overview["totals"]["calls"] == exact["calls"] == screen.overview.calls
    assert overview["totals"]["unpriced_calls"] == exact["of unknown cost"] == screen.overview.unpriced_calls
    assert money(spend) in digest["subject"]
    assert money(spend) in shown
    assert digest["savings"] in shown
    if digest["compared"]:
        assert digest["drivers"] == overview["drivers"]
    assert [row.id for row in advice.recommendations] == [row["id"] for row in advised["recommendations"]]
    assert len(bars.table.rows) == len(overview["by_day"])
    if moved is not None:
        assert moved.total.head.picousd == spend
        assert moved.total.base.picousd == overview["totals"]["previous_picousd"]
        assert moved.total.change_picousd == sum(row.change_picousd for row in moved.by_task)
    if joint:
        assert savings is not None
        assert savings.table.rows[-1][2] == money(joint)


def test_forms_for_people_and_for_programs_agree(tmp_path: Path) -> None:
    world = _world()
    world.spool(tmp_path, world.lines())

    def said(*arguments: str) -> str:
        answer = world.run(tmp_path, *arguments)
        assert answer.returncode == 0, answer.stderr
        return str(answer.stdout)

    def rows(*arguments: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(said(*arguments, "--format", "csv"))))

    overview = json.loads(said("overview", "--format", "json"))
    total, previous = overview["totals"]["spend_picousd"], overview["totals"]["previous_picousd"]
    by_task = {row["name"]: row["cost_picousd"] for row in overview["by_task"]}

    for command in (("overview",), ("digest", "preview")):
        for form in ("table", "md"):
            assert money(total) in said(*command, "--format", form).replace("\\", "")
    for form in ("text", "html", "eml"):
        assert money(total) in said("digest", "preview", "--format", form)

    (whole,) = [row for row in rows("overview") if row["section"] == "total"]
    assert (int(whole["cost_picousd"]), int(whole["unpriced_calls"])) == (total, overview["totals"]["unpriced_calls"])
    for section in ("task", "model"):
        parts = {row["name"]: row["cost_picousd"] for row in rows("overview") if row["section"] == section}
        told = {row["name"]: row["cost_picousd"] for row in overview[f"by_{section}"]}
        assert parts["draft" if section == "task" else "in-house-7b"] == ("123000000" if section == "task" else "")
        assert sum(int(cost or 0) for cost in parts.values()) == sum(cost or 0 for cost in told.values()) == total

    tasks, exported, calls = rows("tasks"), rows("export", "tasks"), rows("export", "calls")
    assert sum(int(row["previous_picousd"] or 0) for row in tasks) == previous
    for table in (tasks, exported, calls):
        assert sum(int(row["cost_picousd"] or 0) for row in table) == total
    gauges = re.findall(
        r'^otelcost_window_cost_dollars\{task="([^"]+)"\} (\S+)$',
        said("export", "tasks", "--format", "prometheus"),
        re.MULTILINE,
    )
    assert sum(Decimal(value) for _, value in gauges) * 10**12 == total
    assert Decimal(dict(gauges)["support-triage"]) * 10**12 == by_task["support-triage"]
    listed = json.loads(said("rec", "list", "--format", "json"))["recommendations"]
    advised = {row["id"]: row["standalone_picousd"] for row in listed}
    assert advised
    assert {row["id"]: int(row["standalone_picousd"]) for row in rows("export", "recommendations")} == advised
