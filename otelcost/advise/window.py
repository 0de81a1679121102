"""The window a report is about, materialised once: every rule and every re-pricing reads the same rows.

Temporary relations, all named `w_...`, stand for the store's views while a report is made; the store itself may be
open for reading only. `w_calls` has a row for each call that started in the window, with a running number `n` in
the order of start and the number `g` of its group (task, provider, model and tool set); `w_groups` says what the
numbers of groups mean; `w_models`, `w_candidates` and `w_price` what is known of the models and what they cost.
The others (`otelcost.advise.relations`) are made when a rule's text names them, and so are the columns of
`w_calls` that the engine itself has no use for: what nobody reads is not copied.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import duckdb

from otelcost.advise import relations
from otelcost.advise.own_prices import add_own_prices
from otelcost.advise.report import Period
from otelcost.pricing.cost import TERMS
from otelcost.pricing.facts import ModelFacts, model_facts

_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")
_BUCKETS: Final = tuple(dict.fromkeys(name for term in TERMS for name in (term.units, *term.minus)))
ALWAYS: Final = frozenset(
    {"span_id", "start", "provider", "model", "task", "status", "operation", "flags", "price_key", "cost_picousd",
     "input_tokens", *_BUCKETS}
)  # fmt: skip
"""The columns of `v_calls` that the engine needs, whatever the rules read."""

DERIVED: Final = {
    "end_at": "start + to_microseconds(coalesce(duration_us, 0))",
    "doubtful": "list_has_any(flags, ['estimated', 'lower_bound'])",
    "segment_count": "len(segments)",
    "prompt_hash": "segments[len(segments)].prefix_hash",
    "cache_marks": "len(list_filter(segments, lambda s: s.cache IS NOT NULL))",
    "batch_price_key": "k.batch_price_key",
    "price_variant": "k.variant",
    "price_region": "k.region",
}
"""The columns of `w_calls` that no view has, as expressions over `v_calls` and the table of price keys `k`."""

_NEVER: Final = frozenset({"usage_raw", "labels", "segments", "call_id"})

_KEYS: Final = """
CREATE OR REPLACE TEMP TABLE w_price_keys AS
SELECT
    price_key,
    regexp_extract(price_key, '([^/+]*)([+][^/]*)?$', 1) AS variant,
    nullif(regexp_extract(price_key, '[+]([^/]*)$', 1), '') AS region,
    CASE WHEN variant = 'standard' THEN
        (SELECT any_value(p.price_key) FROM price p
            WHERE p.price_key = regexp_replace(o.price_key, '/standard([+][^/]*)?$', '/batch\\1'))
    END AS batch_price_key
FROM (SELECT DISTINCT price_key FROM price) o
"""

_GROUPS: Final = """
CREATE OR REPLACE TEMP TABLE w_groups AS
SELECT (row_number() OVER (ORDER BY min(start), task, provider, model, tools_hash))::INTEGER AS g,
    (dense_rank() OVER (ORDER BY task, provider, model))::INTEGER AS family, task, provider, model, tools_hash,
    mode(call_site) AS call_site, count(*) AS calls
FROM v_base
WHERE start >= $start AND start < $end
GROUP BY task, provider, model, tools_hash
"""

_CALLS: Final = """
CREATE OR REPLACE TEMP TABLE w_calls AS
SELECT (row_number() OVER ())::INTEGER AS n, *
FROM (
    SELECT g.g AS g, {columns}
    FROM v_calls c
    LEFT JOIN w_price_keys k ON k.price_key = c.price_key
    LEFT JOIN w_groups g ON g.task IS NOT DISTINCT FROM c.task AND g.provider IS NOT DISTINCT FROM c.provider
        AND g.model IS NOT DISTINCT FROM c.model AND g.tools_hash IS NOT DISTINCT FROM c.tools_hash
    WHERE c.start >= $start AND c.start < $end AND NOT list_contains(c.flags, 'free')
    ORDER BY c.start, c.span_id
)
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
def materialised(connection: duckdb.DuckDBPyConnection, period: Period, texts: Iterable[str] = ()) -> Iterator[None]:
    """Hold the window's relations for the length of a block.

    Args:
        connection: an open store.
        period: the window; naive UTC.
        texts: what will read them (the SQL or Python of rules): names found there are made available.
    """
    words = frozenset(word for text in texts for word in _WORD.findall(text.lower()))
    try:
        _fill(connection, period, words)
        yield
    finally:
        drop_all(connection)


def _fill(connection: duckdb.DuckDBPyConnection, period: Period, words: Collection[str]) -> None:
    span = {"start": period.start, "end": period.end}
    wanted = relations.needed({*words, "w_segments"})
    connection.execute(_KEYS)
    connection.execute(_GROUPS, span)
    columns = _columns(connection, frozenset(words) | relations.columns_of(wanted))
    connection.execute(_CALLS.format(columns=columns), span)
    connection.execute(_MODELS)
    connection.execute("CREATE OR REPLACE TEMP TABLE w_price AS SELECT * FROM price")
    _fill_models(connection)
    for name in wanted:
        connection.execute(relations.SQL[name])


def _columns(connection: duckdb.DuckDBPyConnection, words: frozenset[str]) -> str:
    """The select list of `w_calls`: what the engine needs and what somebody names."""
    known = [row[0] for row in connection.execute("SELECT column_name FROM (DESCRIBE v_calls)").fetchall()]
    plain = [f'c."{name}"' for name in known if name not in _NEVER and (name in ALWAYS or name in words)]
    derived = {name for name in DERIVED if name in words} | {"end_at", "doubtful", "segment_count"}
    return ", ".join([*plain, *(f"{DERIVED[name]} AS {name}" for name in sorted(derived))])


def drop_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Take every relation of the window away."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name LIKE 'w\\_%' ESCAPE '\\'"
    )
    for (name,) in rows.fetchall():
        connection.execute(f'DROP TABLE IF EXISTS temp."{name}"')


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
