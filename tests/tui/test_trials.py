"""Tab 5: what waits for a trial, in no total, with nothing said about quality."""

from __future__ import annotations

import msgspec
import pytest

from otelcost.tui import plain
from otelcost.tui.pages import trials
from otelcost.tui.snapshot import Advice, Period, Snapshot

from . import facts, look
from .test_keys import press, running, trail
from .test_screens import screen


def _with(advice: Advice | None, snapshot: Snapshot | None = None) -> Snapshot:
    return msgspec.structs.replace(snapshot or facts.snapshot(), advice=advice)


def _states(**states: str) -> Advice:
    rows = facts.recommendations()
    changed = tuple(msgspec.structs.replace(row, state=states.get(row.rule, row.state)) for row in rows)
    return msgspec.structs.replace(facts.advice(), recommendations=changed)


async def test_it_leads_to_the_recommendation_and_back() -> None:
    async with running() as (pilot, _):
        shown = await press(pilot, "5")
        assert "Try a cheaper model for contra" in shown
        assert "OC001-3f2a" not in shown
        assert (
            trail(await press(pilot, "enter")) == "5 Trials \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} OC003-9b1c"
        )
        assert "not in the total" in look.text(pilot.app)
        assert "No trial has been run" in await press(pilot, "escape")
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("Try a cheaper model for contract-extraction")


async def test_the_command_palette_leads_to_it() -> None:
    async with running() as (pilot, _):
        command = next(one for one in pilot.app.get_system_commands(pilot.app.screen) if one.title == "Trials")
        await command.callback()
        await look.settle(pilot)
        assert trail(look.text(pilot.app)).startswith("1 Overview")
        assert pilot.app.current_mode == "trials"


def test_only_what_is_still_to_be_done_waits_for_a_trial() -> None:
    assert trials.waiting(None) == ()
    assert [row.id for row in trials.waiting(_states())] == ["OC003-9b1c"]
    assert [row.id for row in trials.waiting(_states(OC003="accepted"))] == ["OC003-9b1c"]
    for state in ("applied", "verified", "failed", "dismissed", "snoozed"):
        assert trials.waiting(_states(OC003=state)) == ()


@pytest.mark.parametrize("width", [58, 78, 118, 198])
def test_the_sum_is_said_to_be_in_no_total(width: int) -> None:
    painter = trials.Untried()
    painter.advice = facts.advice()
    told = " ".join(row.plain.strip() for row in painter.paint(width))
    assert told.startswith(trials.UNTRIED)
    assert "1 change would save $97.00 if quality holds; in no total" in told
    assert all(row.cell_length <= width for row in painter.paint(width))


@pytest.mark.parametrize("lost", [True, False])
async def test_an_empty_list_names_the_next_key(lost: bool) -> None:
    shown = await screen(_with(_states(OC003="dismissed")) if lost else facts.quiet(), (80, 24), ("5",))
    assert ("2 shows every fix" if lost else "t chooses a longer one") in shown
    assert "would save" not in shown


def test_lines_of_text_tell_the_same() -> None:
    told = plain.text(facts.Facts(facts.snapshot(), calls=3), Period("7d"))
    section = told.split("5 Trials\n========\n")[1].split("Pictures")[0]
    assert "No trial has been run" in section
    assert "1 change would save $97.00 if quality holds; in no total" in section
    assert "880" in section
