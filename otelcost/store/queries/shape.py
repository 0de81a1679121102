"""What calls are like over time and beside each other: the cache day by day, waiting against cost."""

from __future__ import annotations

from datetime import date
from typing import Final

import duckdb
import msgspec

from otelcost.store.queries.rows import fetch
from otelcost.store.queries.window import Window


class CacheDay(msgspec.Struct, frozen=True, kw_only=True):
    """The input tokens of one UTC day, in three disjoint parts, of the calls whose input is known."""

    day: date
    calls: int
    read_tokens: int
    write_tokens: int
    uncached_tokens: int


class LatencyRow(msgspec.Struct, frozen=True, kw_only=True):
    """The answered and priced calls of one task on one model."""

    task: str
    model: str | None
    calls: int
    median_us: int  # of the duration
    slow_us: int  # 95 of 100 were faster
    mean_picousd: int
    picousd: int


_CACHE_DAYS: Final = """
SELECT start::DATE AS day, count(*) AS calls,
    coalesce(sum(cache_read_tokens), 0)::BIGINT AS read_tokens,
    sum(coalesce(cache_write_short_tokens, 0) + coalesce(cache_write_long_tokens, 0))::BIGINT AS write_tokens,
    sum(input_uncached_tokens)::BIGINT AS uncached_tokens
FROM v_base
WHERE start >= $start AND start < $end AND input_uncached_tokens IS NOT NULL
GROUP BY day ORDER BY day
"""

_LATENCY: Final = """
SELECT task, model, count(*) AS calls,
    quantile_disc(duration_us, 0.5)::BIGINT AS median_us, quantile_disc(duration_us, 0.95)::BIGINT AS slow_us,
    round(sum(cost_picousd) / count(*))::BIGINT AS mean_picousd, sum(cost_picousd)::BIGINT AS picousd
FROM v_calls
WHERE start >= $start AND start < $end AND NOT batch AND cost_picousd > 0 AND duration_us > 0
    AND status IN ('ok', 'incomplete')
GROUP BY task, model ORDER BY picousd DESC, task, model LIMIT $limit
"""


def cache_days(connection: duckdb.DuckDBPyConnection, window: Window) -> list[CacheDay]:
    """The cache over a window, a row for each day with calls."""
    return fetch(connection, _CACHE_DAYS, {"start": window.start, "end": window.until}, CacheDay)


def latency(connection: duckdb.DuckDBPyConnection, window: Window, limit: int) -> list[LatencyRow]:
    """Waiting and cost by task and model, the most expensive first; batches have no waiting."""
    return fetch(connection, _LATENCY, {"start": window.start, "end": window.until, "limit": limit}, LatencyRow)
