"""Deciding on recommendations: what keys order, what the store keeps, what a second decider is told, and undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from otelcost.advise import life_cycle
from otelcost.errors import UsageError
from otelcost.store.db import session
from otelcost.tui.app import OtelcostApp
from otelcost.tui.loader import Loader
from otelcost.tui.snapshot import Advice, Order, Period

from . import facts, look, traffic
from .test_keys import press, running

NOW = facts.NOW
WEEK = Period("7d")


def note(pilot: Pilot[Any]) -> str:
    """What was told last."""
    return [one.message for one in pilot.app._notifications][-1]


@pytest.mark.parametrize(("key", "state"), [("a", "accepted"), ("A", "applied"), ("u", "open")])
@pytest.mark.parametrize("way", [(), ("2",), ("2", "enter")], ids=["overview", "list", "detail"])
async def test_a_key_orders_a_decision_on_what_the_cursor_is_on(key: str, state: str, way: tuple[str, ...]) -> None:
    async with running() as (pilot, source):
        await press(pilot, *way, key)
        assert source.orders == [Order(id="OC001-3f2a", state=state, seen=0)]
        assert "otelcost-page_0" in source.threads


async def test_dismissing_takes_a_reason_and_snoozing_a_time() -> None:
    async with running() as (pilot, source):
        shown = await press(pilot, "2", "d", "enter")
        assert "Dismiss OC001-3f2a, because" in shown  # an empty reason is none
        await press(pilot, *"no", "enter")
        await press(pilot, "s", "w")
        await press(pilot, "d", "escape", "s", "escape")
        assert [(one.state, one.reason, one.days) for one in source.orders] == [
            ("dismissed", "no", None),
            ("snoozed", None, 7),
        ]


async def test_undo_takes_back_the_last_decision_and_then_the_one_before() -> None:
    async with running() as (pilot, source):
        await press(pilot, "2", "a", "j", "A")
        assert "z takes it back" in note(pilot)
        await press(pilot, "z", "z", "z")
        assert [one.id for one in source.undone] == ["OC002-77d0", "OC001-3f2a"]
        assert "Nothing was decided here" in note(pilot)


async def test_a_decision_somebody_else_made_meanwhile_is_a_notice_and_nothing_is_lost() -> None:
    async with running() as (pilot, source):
        source.refusal = UsageError("OC001-3f2a became dismissed meanwhile", "decide again")
        shown = await press(pilot, "2", "a")
        assert "became dismissed meanwhile" in note(pilot)
        assert "not up to date" not in shown
        await press(pilot, "z")
        assert not source.undone


async def test_what_was_decided_long_ago_can_be_reopened_from_its_history() -> None:
    async with running() as (pilot, source):
        await press(pilot, "2", "m", "enter", "u")
        assert source.orders == [Order(id="OC009-0d0d", state="open", seen=4)]


@pytest.fixture
def loader(home: Path) -> tuple[Loader, Advice]:
    """A real store that has a recommendation."""
    traffic.spool(home, traffic.repeated(NOW))
    loader = Loader(home / "store.duckdb", NOW)
    loader.refresh(WEEK, force=True)
    return loader, loader.advise(WEEK)


def test_a_decision_is_in_the_store_with_its_figures_and_can_be_undone(
    loader: tuple[Loader, Advice], home: Path
) -> None:
    source, advice = loader
    card = advice.recommendations[0]
    done = source.decide(Order(id=card.id, state="accepted", seen=0))
    assert done.promised_picousd == card.standalone_picousd
    with session(home / "store.duckdb") as connection:
        (event,) = life_cycle.history(connection, card.id)
    assert event.frozen is not None
    assert event.frozen["task_calls"] >= event.frozen["calls"] == card.calls
    seen = source.advise(WEEK)
    assert {row.id: row.state for row in seen.recommendations}[card.id] == "accepted"
    assert seen.decided[0].newest == done
    source.take_back(done)
    back = source.advise(WEEK)
    assert {row.id: row.state for row in back.recommendations}[card.id] == "open"
    assert [one.state for one in back.decided[0].events] == ["accepted", "open"]


def test_who_decides_on_what_is_outdated_is_told(loader: tuple[Loader, Advice]) -> None:
    source, advice = loader
    card = advice.recommendations[0]
    source.decide(Order(id=card.id, state="accepted", seen=0))
    with pytest.raises(UsageError, match="became accepted meanwhile"):
        source.decide(Order(id=card.id, state="dismissed", seen=0, reason="no"))
    with pytest.raises(UsageError, match="no figures to keep"):
        source.decide(Order(id="OC001-unknown", state="applied", seen=0))


def test_an_applied_change_is_measured_from_then_on(loader: tuple[Loader, Advice]) -> None:
    source, advice = loader
    source.decide(Order(id=advice.recommendations[0].id, state="applied", seen=0))
    measured = source.advise(WEEK).decided[0].measured
    assert measured is not None
    assert (measured.verdict, measured.calls, measured.realised_picousd) == (None, 0, None)


async def test_deciding_on_a_real_store_shows_at_once(home: Path) -> None:
    traffic.spool(home, traffic.repeated(NOW))
    app = OtelcostApp(Loader(home / "store.duckdb", NOW), "7d", live=False, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await look.settle(pilot)
        assert "dismissed" not in await press(pilot, "2")
        shown = await press(pilot, "d", *"never", "enter")
        assert "⊘ dismissed" in shown
        assert "never, by" in shown
        back = await press(pilot, "z")
        assert "taken back" in back
        assert "⊘ dismissed" not in back.split("DECISIONS")[0]


async def test_a_list_says_what_was_decided_at_any_width() -> None:
    first = facts.recommendations()[0]
    for state, glyph in (("dismissed", "⊘"), ("snoozed", "◌"), ("accepted", "◔"), ("applied", "◑")):
        advice = msgspec.structs.replace(
            facts.advice(), recommendations=(msgspec.structs.replace(first, state=state), *facts.recommendations()[1:])
        )
        snapshot = msgspec.structs.replace(facts.snapshot(), advice=advice)
        async with running(snapshot, size=(72, 22)) as (pilot, _):
            shown = await press(pilot, "2")
            row = next(row for row in shown.splitlines() if "Cache the" in row)
            assert row.split("▸")[1].split()[0] == glyph
