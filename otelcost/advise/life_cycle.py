"""What became of a recommendation: a log of decisions, joined to the advice by its stable id.

Nothing is ever overwritten: the newest event of an id is its state, the older ones are its history. Writers hold the
store's exclusive lock, and one that decided on what it had read before says so (`seen`), so that of two people at two
terminals the second is told and not obeyed blindly.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, get_args

import duckdb
import msgspec

from otelcost.errors import UsageError

State = Literal["open", "accepted", "applied", "verified", "failed", "dismissed", "snoozed"]
"""open: nobody decided. accepted: to be done, figures frozen. applied: done, to be measured. verified, failed: what the
measurement said. dismissed: not to be done, with a reason. snoozed: open again at a time."""

OPEN: Final = "open"
STATES: Final = get_args(State)

NEXT: Final[Mapping[str, frozenset[str]]] = {
    "open": frozenset({"accepted", "applied", "dismissed", "snoozed"}),
    "accepted": frozenset({"open", "applied", "dismissed", "snoozed"}),
    "applied": frozenset({"open", "verified", "failed", "dismissed"}),
    "verified": frozenset({"open"}),
    "failed": frozenset({"open", "applied", "verified", "dismissed"}),
    "dismissed": frozenset({"open"}),
    "snoozed": frozenset({"open", "accepted", "applied", "dismissed", "snoozed"}),
}
"""Where each state can go. A dismissed one has to be reopened first: that it was refused is not to be overlooked."""

_COUNTED: Final = frozenset({OPEN, "accepted"})

_NEWEST: Final = """
SELECT id, arg_max(state, seq) AS state, arg_max(until, seq) AS until FROM recommendation_event GROUP BY id
"""
_HISTORY: Final = """
SELECT seq, id, state, changed_at, actor, reason, until, frozen FROM recommendation_event
WHERE $id IS NULL OR id = $id ORDER BY seq
"""
_INSERT: Final = """
INSERT INTO recommendation_event (seq, id, state, changed_at, actor, reason, until, frozen)
SELECT coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ?, ?, ? FROM recommendation_event
"""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. `seq` orders all events of a store; times are naive UTC.

    `frozen` holds the figures as they were when the recommendation was accepted or applied, or what a measurement
    found; pico-dollars where the name says so.
    """

    seq: int
    id: str
    state: str
    changed_at: datetime
    actor: str | None = None
    reason: str | None = None
    until: datetime | None = None
    frozen: dict[str, Any] | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to become of a recommendation."""

    id: str
    state: State
    actor: str
    reason: str | None = None
    until: datetime | None = None
    frozen: Mapping[str, Any] | None = None


def read_states(connection: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, str]:
    """The newest state by recommendation. A snooze that has run out is open again."""
    return {id_: _awake(state, until, now) for id_, state, until in connection.execute(_NEWEST).fetchall()}


def history(connection: duckdb.DuckDBPyConnection, id_: str | None = None) -> tuple[Event, ...]:
    """All events, or those of one recommendation, oldest first."""
    rows = connection.execute(_HISTORY, {"id": id_}).fetchall()
    return tuple(_event(row) for row in rows)


def counts(state: str) -> bool:
    """Whether a recommendation in this state is part of the joint saving: it is still to be had."""
    return state in _COUNTED


def decide(
    connection: duckdb.DuckDBPyConnection, decision: Decision, *, now: datetime, seen: int | None = None
) -> Event:
    """Write a decision. The connection is a writing session's, so nobody else writes meanwhile.

    Args:
        connection: the store, open for writing.
        decision: what is wanted.
        now: naive UTC, the time of the decision.
        seen: the `seq` of the newest event that the decision is based on, 0 for none; None where it is not known.

    Raises UsageError where somebody decided otherwise meanwhile, or where the state cannot become that one.
    """
    past = history(connection, decision.id)
    newest = past[-1] if past else None
    if seen is not None and newest is not None and newest.seq != seen:
        raise UsageError(
            f"{decision.id} became {newest.state} meanwhile ({_by(newest)})",
            f"look at it with otelcost rec history {decision.id}, then decide again",
        )
    present = _awake(newest.state, newest.until, now) if newest is not None else OPEN
    if decision.state not in NEXT[present]:
        known = ", ".join(sorted(NEXT[present]))
        since = f" ({_by(newest)})" if newest is not None else ""
        raise UsageError(
            f"{decision.id} is {present}{since} and cannot become {decision.state}",
            f"from {present} it can become: {known}" if present != "dismissed" else "reopen it first",
        )
    frozen = msgspec.json.encode(decision.frozen).decode() if decision.frozen is not None else None
    connection.execute(
        _INSERT, [decision.id, decision.state, now, decision.actor, decision.reason, decision.until, frozen]
    )
    return history(connection, decision.id)[-1]


def take_back(connection: duckdb.DuckDBPyConnection, undone: Event, *, actor: str, now: datetime) -> Event:
    """Undo a decision: what was before holds again, with the figures and the reason it had. Nothing is erased.

    Raises UsageError where somebody decided otherwise since, or where time has undone it already.
    """
    past = [event for event in history(connection, undone.id) if event.seq < undone.seq]
    before = past[-1] if past else None
    target = OPEN if before is None else _awake(before.state, before.until, now)
    present = _awake(undone.state, undone.until, now)
    if present == target == OPEN:
        raise UsageError(f"{undone.id} is open again already", "its snooze has run out")
    seen, made = undone.seq, undone
    for state in _way(present, target):
        old = next((event for event in reversed(past) if event.state == state), None)
        decision = Decision(
            id=undone.id,
            state=state,  # type: ignore[arg-type]  # of NEXT
            actor=actor,
            reason=(old.reason if old is not None and state != OPEN else None) or "taken back",
            until=old.until if old is not None else None,
            frozen=old.frozen if old is not None else None,
        )
        made = decide(connection, decision, now=now, seen=seen)
        seen = made.seq
    return made


def _way(start: str, target: str) -> tuple[str, ...]:
    """The shortest way from a state to another one; through itself where both are the same (a snooze extended)."""
    ways: list[tuple[str, ...]] = [(state,) for state in sorted(NEXT[start])]
    for way in ways:
        if way[-1] == target:
            return way
        ways += [(*way, state) for state in sorted(NEXT[way[-1]]) if state not in way]
    return ()


def _event(row: tuple[Any, ...]) -> Event:
    seq, id_, state, changed_at, actor, reason, until, frozen = row
    figures = msgspec.json.decode(frozen, type=dict[str, Any]) if frozen is not None else None
    return Event(
        seq=seq, id=id_, state=state, changed_at=changed_at, actor=actor, reason=reason, until=until, frozen=figures
    )


def _awake(state: str, until: datetime | None, now: datetime) -> str:
    return OPEN if state == "snoozed" and until is not None and until <= now else state


def _by(event: Event) -> str:
    return f"{event.changed_at:%Y-%m-%d %H:%M} UTC" + (f" by {event.actor}" if event.actor else "")
