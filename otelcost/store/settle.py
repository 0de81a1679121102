"""Answers that were read again, as those made in the background are: they settle the call that created them.

A background response returns without usage, and is then polled from anywhere, as often as anybody likes. Each
finished answer that passed by is a record with the flag `retrieved`. None of them is ever billed; the first one
fills in what the creating call could not know, and from then on there is nothing left to settle. An answer whose
creation nobody recorded stays out of every figure: it may be old.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import duckdb

from otelcost.model import Usage
from otelcost.store import hourly

SLACK: Final = timedelta(days=2)
"""Between creating an answer and reading it. Delayed processing takes up to eight hours."""

_READ: Final = "FROM calls WHERE start BETWEEN $begin AND $end AND list_contains(flags, 'retrieved')"

_NEVER_BILLED: Final = f"""
INSERT INTO call_covered
SELECT DISTINCT span_id {_READ} AND span_id NOT IN (SELECT span_id FROM call_covered)
RETURNING span_id
"""

_TAKEN: Final = (
    *Usage.__struct_fields__,
    *("usage_raw", "response_model", "service_tier", "status", "error_type", "finish_reason", "pricing_id"),
    *("output_hash", "output_bytes", "output_kind", "tools_called"),
)
"""Columns that only a finished answer knows."""

_SETTLED: Final = f"""
UPDATE calls SET
    {", ".join(f'"{name}" = answer."{name}"' for name in _TAKEN)},
    duration_us = greatest(
        epoch_us(answer.start) - epoch_us(calls.start) + coalesce(answer.duration_us, 0), calls.duration_us),
    flags = list_filter(calls.flags, lambda f: f NOT IN ('lower_bound', 'estimated'))
        || list_filter(answer.flags, lambda f: f IN ('lower_bound', 'usage_mismatch', 'hidden_iterations'))
FROM (
    SELECT * {_READ} AND response_id <> '' AND (output_tokens IS NOT NULL OR status = 'error')
    QUALIFY row_number() OVER (
        PARTITION BY provider, api, response_id ORDER BY output_tokens IS NULL, start, span_id) = 1
) answer
WHERE calls.start BETWEEN $begin AND $end
    AND calls.response_id = answer.response_id AND calls.provider = answer.provider AND calls.api = answer.api
    AND NOT list_contains(calls.flags, 'retrieved')
    AND (calls.output_tokens IS NULL OR list_contains(calls.flags, 'estimated'))
RETURNING calls.span_id
"""


def settle(connection: duckdb.DuckDBPyConnection, first_us: int, last_us: int) -> None:
    """Fill in the calls whose answers were read later, around records that start between two moments.

    Args:
        connection: a write session, inside the transaction that loads the records.
        first_us, last_us: when the earliest and the latest new record start, in Unix microseconds.
    """
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
    around = {
        "begin": epoch + timedelta(microseconds=first_us) - SLACK,
        "end": epoch + timedelta(microseconds=last_us) + SLACK,
    }
    if connection.execute(f"SELECT 1 {_READ} LIMIT 1", around).fetchone() is not None:
        for statement in (_NEVER_BILLED, _SETTLED):
            changed = [span_id for (span_id,) in connection.execute(statement, around).fetchall()]
            hourly.touched_by(connection, "calls", changed, around)
