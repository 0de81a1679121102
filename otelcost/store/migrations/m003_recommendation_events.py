"""Decisions on recommendations as a log: who, when, why, and the figures as they were then."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final = (
    (
        "CREATE TABLE recommendation_event (seq BIGINT, id VARCHAR, state VARCHAR, changed_at TIMESTAMP, "
        "actor VARCHAR, reason VARCHAR, until TIMESTAMP, frozen VARCHAR)"
    ),
    (
        "INSERT INTO recommendation_event SELECT row_number() OVER (ORDER BY changed_at), id, state, changed_at, NULL, "
        "reason, until, frozen::JSON::VARCHAR FROM recommendation_state"
    ),
    "DROP TABLE recommendation_state",
)
"""The statements of this migration, in order."""
