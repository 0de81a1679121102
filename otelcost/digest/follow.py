"""What became of the actions that the last digest named: decided, measured, gone or still open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from otelcost.advise import measure
from otelcost.advise.life_cycle import OPEN, Event, history, read_states
from otelcost.digest.content import GONE, MEASURED, Followed, Told
from otelcost.digest.phrases import plain_day

if TYPE_CHECKING:
    from otelcost.advise import Report


def follow(
    connection: duckdb.DuckDBPyConnection, told: Sequence[Told], report: Report, now: datetime
) -> tuple[Followed, ...]:
    """What became of each action, in the order the digest named them.

    Args:
        connection: an open store; reading suffices.
        told: the last digest's actions.
        report: the advice of this digest's window: what is not in it any more is gone.
        now: naive UTC; measurements reach up to it.
    """
    if not told:
        return ()
    states = read_states(connection, now)
    newest = {event.id: event for event in history(connection)}
    ids = {one.id for one in told}
    measured: dict[str, measure.Measurement] = {}
    if any(states.get(id_) in MEASURED for id_ in ids):
        measured = {found.id: found for found, _ in measure.measure(connection, now) if found.id in ids}
    found_now = {card.id for card in report.recommendations}
    return tuple(
        _followed(one, _state(one.id, states, found_now), newest.get(one.id), measured.get(one.id)) for one in told
    )


def _state(id_: str, states: dict[str, str], found_now: set[str]) -> str:
    state = states.get(id_, OPEN)
    return GONE if state == OPEN and id_ not in found_now else state


def _followed(one: Told, state: str, event: Event | None, measured: measure.Measurement | None) -> Followed:
    known = measured is not None and state in MEASURED
    return Followed(
        id=one.id,
        title=one.title,
        task=one.task,
        state=state,
        realised_picousd=measured.realised_picousd if known and measured else None,
        expected_picousd=measured.expected_picousd if known and measured else None,
        note=_note(state, event),
    )


def _note(state: str, event: Event | None) -> str | None:
    if event is None:
        return None
    if state == "snoozed":
        return plain_day(event.until)
    return event.reason if state == "dismissed" else None
