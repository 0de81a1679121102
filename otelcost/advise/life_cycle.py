"""What the reader decided about a recommendation, joined to it by its stable id."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import duckdb

OPEN: Final = "open"

_COUNTED: Final = frozenset({OPEN, "accepted"})
_STATES: Final = "SELECT id, state, until FROM recommendation_state ORDER BY changed_at"


def read_states(connection: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, str]:
    """The newest state by recommendation. A snooze that has run out is open again."""
    states: dict[str, str] = {}
    for id_, state, until in connection.execute(_STATES).fetchall():
        states[id_] = OPEN if state == "snoozed" and until is not None and until <= now else state
    return states


def counts(state: str) -> bool:
    """Whether a recommendation in this state is part of the joint saving: it is still to be had."""
    return state in _COUNTED
