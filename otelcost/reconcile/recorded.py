"""What was recorded, by the days of an export: one row for a provider, a day and a model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final

import duckdb
import msgspec

from otelcost.pricing.names import undated

BUCKETS: Final = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
"""Disjoint, as an export's line has them."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that a provider bills. Token counts are of all of them, costs of the priced ones."""

    provider: str
    day: date
    model: str
    calls: int
    unpriced_calls: int
    unsure_calls: int  # counted by us, or broken off: the provider may have counted otherwise
    batch_calls: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    priced_input_tokens: int
    priced_cache_read_tokens: int
    priced_cache_write_tokens: int
    priced_output_tokens: int
    cost_picousd: int
    cost_input_picousd: int
    cost_cache_read_picousd: int
    cost_cache_write_picousd: int
    cost_output_picousd: int
    cost_other_picousd: int
    over_midnight_picousd: int  # of calls that began on this day and ended on the next


_COSTS: Final = ("input", "cache_read", "cache_write", "output", "other")
_TOKENS: Final = {
    "input": "input_uncached_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "coalesce(cache_write_short_tokens, 0) + coalesce(cache_write_long_tokens, 0)",
    "output": "output_tokens",
}

_SQL: Final = f"""
SELECT
    provider, CAST(start - to_seconds($offset) AS DATE) AS "day", lower(coalesce(model, '')) AS model,
    count(*) AS calls, count(*) FILTER (cost_picousd IS NULL) AS unpriced_calls,
    count(*) FILTER (list_has_any(flags, ['estimated', 'lower_bound'])) AS unsure_calls,
    count(*) FILTER (batch OR coalesce(service_tier = 'batch', false)) AS batch_calls,
    {", ".join(f"CAST(coalesce(sum({text}), 0) AS HUGEINT) AS {name}_tokens" for name, text in _TOKENS.items())},
    {
    ", ".join(
        f"CAST(coalesce(sum({text}) FILTER (cost_picousd IS NOT NULL), 0) AS HUGEINT) AS priced_{name}_tokens"
        for name, text in _TOKENS.items()
    )
},
    CAST(coalesce(sum(cost_picousd), 0) AS HUGEINT) AS cost_picousd,
    {
    ", ".join(
        f"CAST(coalesce(sum(cost_{name}_picousd) FILTER (cost_picousd IS NOT NULL), 0) AS HUGEINT) "
        f"AS cost_{name}_picousd"
        for name in _COSTS
    )
},
    CAST(coalesce(sum(cost_picousd) FILTER (
        CAST(start + to_microseconds(coalesce(duration_us, 0)) - to_seconds($offset) AS DATE) > "day"), 0) AS HUGEINT)
        AS over_midnight_picousd
FROM v_calls
WHERE provider IN (SELECT unnest($providers)) AND start >= $begin AND start < $end AND NOT not_billed
GROUP BY ALL
ORDER BY provider, "day", model
"""


def recorded(
    connection: duckdb.DuckDBPyConnection, providers: Iterable[str], first: date, last: date, offset: timedelta
) -> list[Recorded]:
    """Every row from the first day to the last, both included; versions of a model are one.

    Args:
        connection: an open session.
        providers: OpenTelemetry provider names.
        first: the first day; `last` the last.
        offset: how long after midnight UTC the days begin.
    """
    begin = datetime.combine(first, time()) + offset
    end = datetime.combine(last, time()) + timedelta(days=1) + offset
    values = {
        "offset": offset.total_seconds(),
        "providers": sorted(set(providers)),
        "begin": begin,
        "end": end,
    }
    cursor = connection.execute(_SQL, values)
    names = [column[0] for column in cursor.description or ()]
    merged: dict[tuple[str, date, str], Recorded] = {}
    for row in cursor.fetchall():
        one = Recorded(**dict(zip(names, row, strict=True)))
        key = (one.provider, one.day, undated(one.model))
        merged[key] = one if key not in merged else added(merged[key], one)
    return [msgspec.structs.replace(one, model=model) for (_, _, model), one in sorted(merged.items())]


def added(first: Recorded, second: Recorded) -> Recorded:
    """Two rows as one, under the names of the first."""
    sums = {
        name: getattr(first, name) + getattr(second, name)
        for name in Recorded.__struct_fields__
        if name not in {"provider", "day", "model"}
    }
    return msgspec.structs.replace(first, **sums)


def whole(one: object) -> int:
    """All tokens of something that has the buckets."""
    return sum(getattr(one, bucket) or 0 for bucket in BUCKETS)
