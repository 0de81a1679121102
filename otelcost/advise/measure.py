"""What an applied change really saved: the waste that is gone against the waste that was frozen.

The frozen figures say how much each affected call wasted and how many of a task's calls were affected. For the calls
since the change the same rule is asked again, at the prices of their own dates. What it still finds is what was not
saved; what the same mix of calls would have wasted is what could have been. No figure is made from fewer than three
days with calls or twenty calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import duckdb

from otelcost.advise.engine import recommend
from otelcost.advise.life_cycle import OPEN, Decision, Event, history
from otelcost.advise.report import Recommendation, Report

RECENT: Final = timedelta(days=7)
"""A change that was verified once is looked at again over this time: then the waste is back or it is not."""
MIN_DAYS: Final = 3
MIN_CALLS: Final = 20
VERIFIED_SHARE: Final = 0.5
"""At least so much of what could have been saved has to be, for a change to count as verified."""

ACTOR: Final = "otelcost rec measure"

_SINCE: Final = """
SELECT count(*), count(DISTINCT start::DATE) FROM v_calls WHERE task = $task AND start >= $start AND start < $end
"""


class _Since(NamedTuple):
    start: datetime
    end: datetime


class Measurement(NamedTuple):
    """An applied change since it was applied. Pico-dollars; `expected` is None where there is too little to say.

    `verdict` is `verified`, `failed` or None (too early).
    """

    id: str
    verdict: str | None
    since: datetime
    days: int
    calls: int
    expected_picousd: int | None
    remaining_picousd: int | None
    realised_picousd: int | None

    def as_dict(self) -> dict[str, Any]:
        """The figures as they are kept with the verdict."""
        return {name: value for name, value in self._asdict().items() if name not in {"id", "since", "verdict"}}


def measurable(events: Sequence[Event]) -> dict[str, tuple[Event, Event]]:
    """By id: the newest event and the one that applied it, of everything applied and not taken back."""
    found: dict[str, tuple[Event, Event]] = {}
    applied: dict[str, Event] = {}
    for event in events:
        if event.state == "applied":
            applied[event.id] = event
        if event.state in {"applied", "verified", "failed"} and event.id in applied:
            found[event.id] = (event, applied[event.id])
        else:
            found.pop(event.id, None)
    return found


def measure(connection: duckdb.DuckDBPyConnection, now: datetime) -> list[tuple[Measurement, Event]]:
    """Every applied change measured, each with the newest event of its recommendation."""
    reports: dict[datetime, Report] = {}
    measured = []
    for newest, applied in measurable(history(connection)).values():
        if applied.frozen is None:
            continue
        start = datetime.fromisoformat(applied.frozen["since"])
        if newest.state == "verified":
            start = max(start, now - RECENT)
        if start not in reports:
            reports[start] = recommend(connection, _Since(start, now), now=now)
        cards = {card.id: card for card in reports[start].recommendations}
        measured.append((_measured(connection, applied, start, now, cards.get(applied.id)), newest))
    return measured


def verdicts(measured: Sequence[tuple[Measurement, Event]]) -> list[tuple[Measurement, Decision, int]]:
    """The decisions that measurements ask for, each with the event it is based on.

    A verified change whose waste is back is open again.
    """
    found = []
    for measurement, newest in measured:
        state, reason = measurement.verdict, None
        if state == "failed" and newest.state == "verified":
            state, reason = OPEN, "the waste is back"
        if state is not None and state != newest.state:
            frozen = measurement.as_dict()
            decision = Decision(id=newest.id, state=state, actor=ACTOR, reason=reason, frozen=frozen)  # type: ignore[arg-type]
            found.append((measurement, decision, newest.seq))
    return found


def _measured(
    connection: duckdb.DuckDBPyConnection,
    applied: Event,
    start: datetime,
    now: datetime,
    card: Recommendation | None,
) -> Measurement:
    frozen: Mapping[str, Any] = applied.frozen or {}
    span = {"task": frozen["task"], "start": start, "end": now}
    calls, days = connection.execute(_SINCE, span).fetchone() or (0, 0)
    still, remaining = (card.calls, card.standalone_picousd) if card is not None else (0, 0)
    if days < MIN_DAYS or calls < MIN_CALLS:
        return Measurement(applied.id, None, start, days, calls, None, None, None)
    expected = _expected(frozen, calls, still)
    realised = max(0, expected - remaining)
    verdict = "verified" if expected > 0 and realised >= VERIFIED_SHARE * expected else "failed"
    return Measurement(applied.id, verdict, start, days, calls, expected, remaining, realised)


def _expected(frozen: Mapping[str, Any], calls: int, still: int) -> int:
    """What as many calls would have wasted before.

    Where only some calls were affected (duplicates, retries), the others say how many there would be: the affected
    ones are gone if the change worked.
    """
    affected, others = int(frozen["calls"]), int(frozen["task_calls"]) - int(frozen["calls"])
    saving = int(frozen["standalone_picousd"])
    if others <= 0:
        return saving * calls // max(affected, 1)
    return saving * max(calls - still, 0) // others
