"""The window a report is about, materialised once: every rule and every re-pricing reads the same rows.

Five relations stand for the store's views while a report is made. `w_calls` is `v_calls` of the window with a
running number `n`, the end of each call, the hash of its whole prompt and the key of the batch price that its
standard price has (the same geography, or none); `w_segments` its prompt segments (`position` 1 is the first);
`w_models` what is known of each model that answered; `w_candidates` the cheaper models worth a trial, best first;
`w_price` the prices, with those of the candidates under the user's own. They are temporary: the store itself may be
open for reading only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import duckdb

from otelcost.advise.own_prices import add_own_prices
from otelcost.advise.report import Period
from otelcost.pricing.facts import ModelFacts, model_facts

RELATIONS: Final = ("w_calls", "w_segments", "w_models", "w_candidates", "w_price")

_PRICE: Final = "CREATE OR REPLACE TEMP TABLE w_price AS SELECT * FROM price"

_CALLS: Final = """
CREATE OR REPLACE TEMP TABLE w_calls AS
SELECT
    (row_number() OVER (ORDER BY start, call_id))::BIGINT AS n,
    * EXCLUDE (usage_raw, labels),
    start + to_microseconds(coalesce(duration_us, 0)) AS end_at,
    segments[len(segments)].prefix_hash AS prompt_hash,
    (SELECT any_value(p.price_key) FROM price p
        WHERE p.price_key = regexp_replace(v_calls.price_key, '/standard([+][^/]*)?$', '/batch\\1')
            AND p.price_key <> v_calls.price_key) AS batch_price_key,
    len(list_filter(segments, lambda s: s.cache IS NOT NULL)) AS cache_marks
FROM v_calls
WHERE start >= $start AND start < $end
"""

_SEGMENTS: Final = """
CREATE OR REPLACE TEMP TABLE w_segments AS
SELECT n, position, s."role" AS "role", s.kind AS kind, s.hash AS hash, s.template_hash AS template_hash,
    s.prefix_hash AS prefix_hash, s.bytes AS bytes, s.tokens AS tokens, s.cache AS cache, s.volatile AS volatile,
    s.volatile_offset_bytes AS volatile_offset_bytes, s.volatile_bytes AS volatile_bytes
FROM (SELECT n, unnest(segments) AS s, unnest(range(1, len(segments) + 1)) AS position FROM w_calls)
"""

_MODELS: Final = """
CREATE OR REPLACE TEMP TABLE w_models (
    provider VARCHAR, model VARCHAR, cache_minimum_tokens BIGINT, cache_step_tokens BIGINT,
    cache_automatic BOOLEAN, cache_short_s BIGINT, cache_long_s BIGINT
);
CREATE OR REPLACE TEMP TABLE w_candidates (
    provider VARCHAR, model VARCHAR, rank INTEGER, candidate VARCHAR, token_milli BIGINT,
    vision BOOLEAN, tools BOOLEAN, "schema" BOOLEAN, context_window_tokens BIGINT, max_output_tokens BIGINT,
    priced BOOLEAN
)
"""

_ANSWERED: Final = """
SELECT provider, model, min(split_part(price_key, '/', 1)) AS price_list
FROM w_calls
WHERE model IS NOT NULL
GROUP BY provider, model
ORDER BY provider, model
"""


@contextmanager
def materialised(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[None]:
    """Hold the window's relations for the length of a block."""
    try:
        connection.execute(_CALLS, {"start": period.start, "end": period.end})
        connection.execute(_SEGMENTS)
        connection.execute(_MODELS)
        connection.execute(_PRICE)
        _fill_models(connection)
        yield
    finally:
        for name in RELATIONS:
            connection.execute(f"DROP TABLE IF EXISTS {name}")


def _fill_models(connection: duckdb.DuckDBPyConnection) -> None:
    models: list[tuple[Any, ...]] = []
    candidates: list[tuple[Any, ...]] = []
    answered = connection.execute(_ANSWERED).fetchall()
    add_own_prices(connection, [(row[0], row[1], row[2]) for row in answered if row[2] is not None])
    keys = {row[0] for row in connection.execute("SELECT DISTINCT price_key FROM w_price").fetchall()}
    for provider, model, price_list in answered:
        facts = model_facts(provider, model) or ModelFacts()
        models.append(
            (
                provider, model, facts.cache_minimum_tokens, facts.cache_increment_tokens, facts.cache_automatic,
                facts.cache_ttl_short_s, facts.cache_ttl_long_s,
            )
        )  # fmt: skip
        candidates += _candidates(provider, model, facts, {key for key in keys if key.startswith(f"{price_list}/")})
    _insert(connection, "w_models", models)
    _insert(connection, "w_candidates", candidates)


def _candidates(provider: str, model: str, facts: ModelFacts, keys: set[str]) -> Iterator[tuple[Any, ...]]:
    """Rows for the cheaper models that are known well enough to say how many tokens they would need."""
    for rank, name in enumerate(facts.downgrade):
        other = model_facts(provider, name)
        factor = facts.token_factor_to(other) if other is not None else None
        if other is not None and factor is not None:
            priced = any(key.split("/")[1:] == [name, "standard"] for key in keys)
            yield (
                provider, model, rank, name, round(factor * 1000), other.vision, other.tools, other.schema,
                other.context_window_tokens, other.max_output_tokens, priced,
            )  # fmt: skip


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
