"""Whose record of a call is billed where several parties recorded the same one: the leaf, never the aggregate.

An SDK instrumentation inside a framework's inside the application: each may have made an LLM span for one
HTTP call. The wire record is billed, and of spans without one the innermost. A response id ties what no
parent ties: the same answer seen by two instrumentations, or by an application and by the local proxy it
calls. What is covered is found once, while loading, so that no query compares every record with every other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import duckdb

from otelcost.store import hourly

SLACK: Final = timedelta(days=1)
"""Records of one call start close together: so far around what is new is enough to look at."""

_CALLS: Final = """
INSERT INTO call_covered
WITH near AS (
    SELECT span_id, start, start + to_microseconds(duration_us) AS finish, host, pid, request_hash,
        response_id, response_model, server_address, server_port, list_contains(flags, 'provider_assumed') AS assumed
    FROM calls
    WHERE start BETWEEN $begin AND $end AND response_id <> '' AND NOT list_contains(flags, 'retrieved')
)
SELECT DISTINCT outside.span_id
FROM near outside
JOIN near inside
    ON outside.response_id = inside.response_id
    AND outside.response_model IS NOT DISTINCT FROM inside.response_model
WHERE
    -- One server repeating an id is a server that counts badly, not a proxy: unless one process asked it the same
    -- while it asked it the same, as a transport does that hands its request to another thread.
    (
        (outside.server_address, outside.server_port) IS DISTINCT FROM (inside.server_address, inside.server_port)
        OR (
            (outside.host, outside.pid, outside.request_hash) = (inside.host, inside.pid, inside.request_hash)
            AND outside.start < inside.start AND inside.finish < outside.finish
        )
    )
    AND (NOT outside.assumed, outside.start, outside.span_id) < (NOT inside.assumed, inside.start, inside.span_id)
    AND outside.span_id NOT IN (SELECT span_id FROM call_covered)
RETURNING span_id
"""

_SPANS: Final = """
INSERT INTO span_covered
WITH RECURSIVE near AS (
    SELECT trace_id, span_id, parent_span_id, start, is_llm, provider, response_id
    FROM spans
    WHERE start BETWEEN $begin AND $end
),
near_calls AS (
    SELECT trace_id, span_id, parent_span_id, enclosing_span_id, response_id
    FROM calls
    WHERE start BETWEEN $begin AND $end
),
-- Every span with an LLM call below it, however deep, as far as the spans between were recorded.
above(trace_id, span_id) AS (
    SELECT trace_id, parent_span_id FROM near_calls WHERE parent_span_id IS NOT NULL
    UNION
    SELECT trace_id, enclosing_span_id FROM near_calls WHERE enclosing_span_id IS NOT NULL
    UNION
    SELECT trace_id, parent_span_id FROM near WHERE is_llm AND parent_span_id <> span_id
    UNION
    SELECT near.trace_id, near.parent_span_id
    FROM above
    JOIN near USING (trace_id, span_id)
    WHERE near.parent_span_id <> near.span_id
),
leaf AS (
    SELECT * FROM near WHERE is_llm AND (trace_id, span_id) NOT IN (SELECT (trace_id, span_id) FROM above)
),
covered AS (
    SELECT span_id FROM near JOIN above USING (trace_id, span_id) WHERE is_llm
    UNION
    -- A call's own span, exported and imported again.
    SELECT span_id FROM leaf WHERE (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM near_calls)
    UNION
    SELECT span_id FROM leaf WHERE response_id <> '' AND response_id IN (SELECT response_id FROM near_calls)
    UNION
    -- Two instrumentations side by side: the later, inner one stands for both.
    SELECT outside.span_id
    FROM leaf outside
    JOIN leaf inside ON outside.response_id = inside.response_id AND outside.provider = inside.provider
    WHERE outside.response_id <> '' AND (outside.start, outside.span_id) < (inside.start, inside.span_id)
)
SELECT span_id FROM covered WHERE span_id NOT IN (SELECT span_id FROM span_covered)
RETURNING span_id
"""


def cover(connection: duckdb.DuckDBPyConnection, first_us: int, last_us: int) -> None:
    """Mark what another record of the same call covers, around records that start between two moments.

    The records arrive in any order and in different drains, so what is old is looked at again; what is
    covered stays so, because whatever covers it is either billed or covered by what is.

    Args:
        connection: a write session, inside the transaction that loads the records.
        first_us, last_us: when the earliest and the latest new record start, in Unix microseconds.
    """
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
    around = {
        "begin": epoch + timedelta(microseconds=first_us) - SLACK,
        "end": epoch + timedelta(microseconds=last_us) + SLACK,
    }
    _cover(connection, "calls", _CALLS, around)
    spans = "SELECT 1 FROM spans WHERE is_llm AND start BETWEEN $begin AND $end LIMIT 1"
    if connection.execute(spans, around).fetchone() is not None:
        _cover(connection, "spans", _SPANS, around)


def _cover(connection: duckdb.DuckDBPyConnection, table: str, statement: str, around: dict[str, datetime]) -> None:
    covered = [span_id for (span_id,) in connection.execute(statement, around).fetchall()]
    hourly.touched_by(connection, table, covered, around)
