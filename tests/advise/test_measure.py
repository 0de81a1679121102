"""What applied changes really saved, on stores of declared calls: gone, half gone, still there, and back again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from otelcost.advise import recommend
from otelcost.advise.life_cycle import Decision, decide, history
from otelcost.advise.measure import MIN_DAYS, Measurement, measure, verdicts
from otelcost.store.db import session

from . import world
from .world import BASE, Window

APPLIED = BASE + timedelta(days=7)
NIGHTLY: dict[str, Any] = {
    "task": "report", "provider": "openai", "model": "gpt-4o", "prompt": [("system", "r", 400), ("user", "{n}", 300)],
    "output": 900, "count": 12, "every_s": 25, "root": "CONSUMER", "root_name": "nightly",
}  # fmt: skip


def _measured(home: Path, after: list[world.Spec], days: float = 4, **first: Any) -> tuple[Measurement, int]:
    """A week of waste, advice, the change said to be applied, then `after`: the measurement and what was frozen."""
    before = world.spec(**{**NIGHTLY, **first}, days=7)
    with world.store_of(world.expand([before, *after]), home) as connection:
        report = recommend(connection, Window(BASE, APPLIED), now=APPLIED)
    (card,) = report.recommendations
    frozen = {
        "task": card.task, "calls": card.calls, "task_calls": 7 * 12, "since": APPLIED.isoformat(),
        "standalone_picousd": card.standalone_picousd,
    }  # fmt: skip
    with session(home / "store.duckdb", write=True) as connection:
        decide(connection, Decision(id=card.id, state="applied", actor="a", frozen=frozen), now=APPLIED)
        now = APPLIED + timedelta(days=days)
        measured = measure(connection, now)
        for _, decision, seen in verdicts(measured):
            decide(connection, decision, now=now, seen=seen)
    ((one, _),) = measured
    return one, card.standalone_picousd


def _after(days: int = 4, **changed: Any) -> list[world.Spec]:
    """Four days of the same work after the change: with `root` SERVER nothing is left for a batch to save."""
    return [world.spec(**{**NIGHTLY, **changed, "at_s": 9 * 3600 + 7 * 86400.0}, days=days)]


def _state(home: Path) -> str:
    with session(home / "store.duckdb") as connection:
        return history(connection)[-1].state


def test_waste_that_is_gone_is_saved(tmp_path: Path) -> None:
    one, frozen = _measured(tmp_path, _after(root="SERVER"))
    assert (one.verdict, one.days, one.calls) == ("verified", 4, 48)
    assert one.expected_picousd == one.realised_picousd == frozen * 48 // 84
    assert one.remaining_picousd == 0
    assert _state(tmp_path) == "verified"


def test_waste_that_is_still_there_is_not(tmp_path: Path) -> None:
    one, frozen = _measured(tmp_path, _after())
    assert one.verdict == "failed"
    assert one.remaining_picousd == frozen * 48 // 84
    assert one.realised_picousd == 0
    assert _state(tmp_path) == "failed"


def test_what_was_saved_in_part_is_said_in_part(tmp_path: Path) -> None:
    mostly = [*_after(root="SERVER", count=36), *_after()]
    one, frozen = _measured(tmp_path, mostly)
    assert one.expected_picousd == frozen * (48 + 144) // 84
    assert one.remaining_picousd == frozen * 48 // 84
    assert one.realised_picousd == one.expected_picousd - one.remaining_picousd
    assert one.verdict == "verified"


@pytest.mark.parametrize(("days", "calls"), [(MIN_DAYS - 1, 12), (4, 3)])
def test_too_little_says_nothing(days: int, calls: int, tmp_path: Path) -> None:
    one, _ = _measured(tmp_path, _after(days=days, count=calls, root="SERVER"))
    assert (one.verdict, one.expected_picousd, one.realised_picousd) == (None, None, None)
    assert _state(tmp_path) == "applied"


def test_waste_that_comes_back_opens_it_again(tmp_path: Path) -> None:
    later = [world.spec(**{**NIGHTLY, "at_s": 9 * 3600 + 12 * 86400.0}, days=8)]
    _measured(tmp_path, [*_after(root="SERVER"), *later], days=4)
    assert _state(tmp_path) == "verified"
    now = BASE + timedelta(days=20)
    with session(tmp_path / "store.duckdb", write=True) as connection:
        for _, decision, seen in verdicts(measure(connection, now)):
            decide(connection, decision, now=now, seen=seen)
        newest = history(connection)[-1]
    assert (newest.state, newest.reason) == ("open", "the waste is back")
    assert newest.changed_at == datetime.fromisoformat("2026-11-22")
