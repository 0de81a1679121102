"""Waiting against cost, by task and model."""

from __future__ import annotations

from typing import Final

import duckdb
import msgspec

from otelcost.store.queries.rows import fetch
from otelcost.store.queries.window import Window


class LatencyRow(msgspec.Struct, frozen=True, kw_only=True):
    """The answered and priced calls of one task on one model."""

    task: str
    model: str | None
    calls: int
    median_us: int  # of the duration
    slow_us: int  # 95 of 100 were faster
    mean_picousd: int
    picousd: int


_LATENCY: Final = """
SELECT task, model, count(*) AS calls,
    quantile_disc(duration_us, 0.5)::BIGINT AS median_us, quantile_disc(duration_us, 0.95)::BIGINT AS slow_us,
    round(sum(cost_picousd) / count(*))::BIGINT AS mean_picousd, sum(cost_picousd)::BIGINT AS picousd
FROM v_calls
WHERE start >= $start AND start < $end AND NOT batch AND cost_picousd > 0 AND duration_us > 0
    AND status IN ('ok', 'incomplete')
GROUP BY task, model ORDER BY picousd DESC, task, model LIMIT $limit
"""


def latency(connection: duckdb.DuckDBPyConnection, window: Window, limit: int) -> list[LatencyRow]:
    """Waiting and cost by task and model, the most expensive first; batches have no waiting."""
    return fetch(connection, _LATENCY, {"start": window.start, "end": window.until, "limit": limit}, LatencyRow)
