"""What pictures are drawn from: calls counted on a grid of duration and cost, and the cache's share over time.

Both are grouped in the database, so that ten million calls hand over as few rows as ten thousand.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import duckdb
import msgspec

from otelcost.store.queries.rows import fetch, one
from otelcost.store.queries.window import Window

DECADE: Final = 10
"""Steps of the grid to a factor of ten."""
MOST_POINTS: Final = 60
_LEAST_STEP_US: Final = 60_000_000


class GridRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of a field of the grid: durations from 10^(x/DECADE) us on, costs from 10^(y/DECADE) pico-dollars on."""

    x: int
    y: int
    calls: int


class CacheRow(msgspec.Struct, frozen=True, kw_only=True):
    """Input tokens of a span of time from `start` (naive UTC) on; calls without counted input are left out."""

    start: datetime
    calls: int
    input_tokens: int
    read_tokens: int
    write_tokens: int


_GRID: Final = f"""
SELECT floor(log10(duration_us) * {DECADE})::INTEGER AS x, floor(log10(cost_picousd) * {DECADE})::INTEGER AS y,
    count(*)::BIGINT AS calls
FROM v_calls
WHERE start >= $start AND start < $end AND duration_us > 0 AND cost_picousd > 0 AND ($task IS NULL OR task = $task)
GROUP BY ALL ORDER BY ALL
"""

_SPAN: Final = """
SELECT min(start) AS first, max(start) AS last FROM v_base
WHERE start >= $start AND start < $end AND ($task IS NULL OR task = $task) AND input_tokens > 0
"""

_CACHE: Final = """
SELECT $first + to_microseconds((epoch_us(start) - epoch_us($first)) // $step * $step) AS start,
    count(*)::BIGINT AS calls, sum(input_tokens)::BIGINT AS input_tokens,
    coalesce(sum(cache_read_tokens), 0)::BIGINT AS read_tokens,
    coalesce(sum(coalesce(cache_write_short_tokens, 0) + coalesce(cache_write_long_tokens, 0)), 0)::BIGINT
        AS write_tokens
FROM v_base
WHERE start >= $start AND start < $end AND ($task IS NULL OR task = $task) AND input_tokens > 0
GROUP BY 1 ORDER BY 1
"""


def grid(connection: duckdb.DuckDBPyConnection, window: Window, task: str | None = None) -> list[GridRow]:
    """How many priced calls took how long and cost how much, of a window or of one task in it."""
    parameters = {"start": window.start, "end": window.until, "task": task}
    return fetch(connection, _GRID, parameters, GridRow)


def cache_line(
    connection: duckdb.DuckDBPyConnection, window: Window, task: str | None = None, most: int = MOST_POINTS
) -> tuple[timedelta, list[CacheRow]]:
    """Input tokens over time, from the first call to the last in at most `most` equal steps, and a step's length.

    Steps without calls are left out.
    """
    parameters = {"start": window.start, "end": window.until, "task": task}
    span = one(connection, _SPAN, parameters)
    if span["first"] is None:
        return timedelta(), []
    length = (span["last"] - span["first"]) // timedelta(microseconds=1) + 1
    step = max(_LEAST_STEP_US, -(-length // max(1, most)))
    rows = fetch(connection, _CACHE, {**parameters, "first": span["first"], "step": step}, CacheRow)
    return timedelta(microseconds=step), rows
