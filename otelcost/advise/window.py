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
from otelcost.advise.rows import insert
from otelcost.pricing.cost import TERMS
from otelcost.pricing.facts import ModelFacts, model_facts

_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")
_COMMENT: Final = re.compile(r"--[^\n]*")
_USUAL: Final = frozenset(
    {"input_uncached_tokens", "cache_read_tokens", "cache_write_short_tokens", "cache_write_long_tokens",
     "output_tokens", "reasoning_tokens", "input_audio_tokens", "input_image_tokens"}
)  # fmt: skip
_RARE: Final = tuple(
    name for name in dict.fromkeys(n for term in TERMS for n in (term.units, *term.minus)) if name not in _USUAL
)
"""Buckets that most windows have nothing in: copied only where there is something."""

ALWAYS: Final = frozenset(
    {"span_id", "start", "provider", "model", "task", "status", "operation", "price_key", "cost_picousd",
     "input_tokens", *_USUAL}
)  # fmt: skip
"""The columns of `v_calls` that the engine needs, whatever the rules read."""

DERIVED: Final = {
    "end_at": "c.start + to_microseconds(coalesce(duration_us, 0))",
    "doubtful": "list_has_any(flags, ['estimated', 'lower_bound'])",
    "segment_count": "o.segment_count",
    "prompt_hash": "o.prompt_hash",
    "cache_marks": "o.cache_marks",
    "batch_price_key": "k.batch_price_key::e_price_key",
    "price_variant": "k.variant",
    "price_region": "k.region",
}
"""The columns of `w_calls` that no view has, as expressions over `v_calls` and the table of price keys `k`."""

_ENUMS: Final = {name: f"::e_{name}" for name in ("task", "provider", "model", "price_key")}
"""The texts that repeat in every call and are grouped and sorted by everywhere: numbers inside, texts outside."""

_PROMPT: Final = {
    "segment_count": "len(segments)",
    "prompt_hash": "segments[len(segments)].prefix_hash",
    "cache_marks": "len(list_filter(segments, lambda s: s.cache IS NOT NULL))",
}
"""Those that come from the prompt."""

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

_IDENTITY: Final = "hash(row({0}.task, {0}.provider, {0}.model, {0}.tools_hash))"

_GROUPS: Final = f"""
CREATE OR REPLACE TEMP TABLE w_groups AS
SELECT (row_number() OVER (ORDER BY min(start), task, provider, model, tools_hash))::INTEGER AS g,
    (dense_rank() OVER (ORDER BY task, provider, model))::INTEGER AS family, task, provider, model, tools_hash,
    mode(call_site) AS call_site, count(*) AS calls, any_value({_IDENTITY.format("c")}) AS identity
FROM v_base c
WHERE start >= $start AND start < $end
GROUP BY task, provider, model, tools_hash
"""

# Sorting a few columns and joining them back costs a third of sorting all, and the wide rows need not carry segments.
_ORDER: Final = f"""
CREATE OR REPLACE TEMP TABLE w_order AS
SELECT (row_number() OVER ())::INTEGER AS n, *
FROM (
    SELECT span_id, start, {_IDENTITY.format("c")} AS identity{{prompt}}
    FROM v_base c
    WHERE start >= $start AND start < $end
    ORDER BY start, span_id
)
"""

# The joins are outer ones, so that the calls on their left stream by what is hashed of the right.
_CALLS: Final = """
CREATE OR REPLACE TEMP TABLE w_calls AS
SELECT o.n, g.g, {columns}
FROM v_calls c
LEFT JOIN w_order o ON o.span_id = c.span_id AND o.start = c.start
LEFT JOIN w_groups g ON g.identity = o.identity
LEFT JOIN w_price_keys k ON k.price_key = c.price_key
WHERE c.start >= $start AND c.start < $end
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
    words = frozenset(word for text in texts for word in _WORD.findall(_COMMENT.sub("", text.lower())))
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
    _make_enums(connection)
    named = frozenset(words) | relations.columns_of(wanted) | {"segment_count"}
    prompt = "".join(f", {text} AS {name}" for name, text in _PROMPT.items() if name in named)
    connection.execute(_ORDER.format(prompt=prompt), span)
    columns = _columns(connection, named | _used(connection, span))
    with _streaming(connection):
        connection.execute(_CALLS.format(columns=columns), span)
    connection.execute("DROP TABLE w_order")
    connection.execute(_MODELS)
    connection.execute("CREATE OR REPLACE TEMP TABLE w_price AS SELECT * FROM price")
    _fill_models(connection)
    for name in wanted:
        connection.execute(relations.sql(name, words))


@contextmanager
def _streaming(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let wide calls stream by the tables that they are joined to, in any order, so that memory holds few at once.

    The optimizer takes the views for smaller than they are and would hash every column of every call.
    """
    connection.execute("SET disabled_optimizers = 'build_side_probe_side'; SET preserve_insertion_order = false")
    try:
        yield
    finally:
        connection.execute("RESET disabled_optimizers; RESET preserve_insertion_order")


def _used(connection: duckdb.DuckDBPyConnection, span: dict[str, Any]) -> frozenset[str]:
    """The rare buckets that some call of the window has something in."""
    some = ", ".join(f"coalesce(bool_or({name} > 0), false)" for name in _RARE)
    row = connection.execute(f"SELECT {some} FROM v_base WHERE start >= $start AND start < $end", span).fetchone()
    return frozenset(name for name, there in zip(_RARE, row or (), strict=True) if there)


def _columns(connection: duckdb.DuckDBPyConnection, words: frozenset[str]) -> str:
    """The select list of `w_calls`: what the engine needs and what somebody names."""
    known = [row[0] for row in connection.execute("SELECT column_name FROM (DESCRIBE v_calls)").fetchall()]
    plain = [
        f'c."{name}"{_ENUMS.get(name, "")} AS "{name}"'
        for name in known
        if name not in _NEVER and (name in ALWAYS or name in words)
    ]
    derived = {name for name in DERIVED if name in words} | {"end_at", "doubtful"}
    return ", ".join([*plain, *(f"{DERIVED[name]} AS {name}" for name in sorted(derived))])


def _make_enums(connection: duckdb.DuckDBPyConnection) -> None:
    for name in _ENUMS:
        known = "w_price_keys" if name == "price_key" else "w_groups"
        values = f"SELECT DISTINCT {name} FROM {known} WHERE {name} IS NOT NULL ORDER BY 1"
        connection.execute(f"CREATE TEMP TYPE e_{name} AS ENUM ({values})")


def drop_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Take every relation of the window away."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name LIKE 'w\\_%' ESCAPE '\\'"
    )
    for (name,) in rows.fetchall():
        connection.execute(f'DROP TABLE IF EXISTS temp."{name}"')
    for name in _ENUMS:
        connection.execute(f"DROP TYPE IF EXISTS e_{name}")


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
    insert(connection, "w_models", models)
    insert(connection, "w_candidates", candidates)


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
