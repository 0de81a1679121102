"""One window, five faces: command line, digest, screens, report page and comparison say the same figures."""

from __future__ import annotations

import json
from datetime import datetime
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
