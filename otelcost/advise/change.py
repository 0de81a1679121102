"""What each kind of change makes of a bill, as SQL over the bills before it.

Every statement reads `w_named_by` (the calls of each plan `p`), `w_plans` (its figures) and a table of bills `s`,
and appends the changed bills to `w_changed`. Counts round against the change: a saving never comes from rounding.
"""

from __future__ import annotations

from typing import Final

import duckdb

from otelcost.advise.ledger import BILL, TOTAL

CHANGED: Final = f"""
CREATE OR REPLACE TEMP TABLE w_changed AS
SELECT 0 AS p, n, true AS named, {", ".join(BILL)} FROM w_bills WHERE false
"""

_FIXED: Final = "(s.image + s.audio)"
"""Input that no cache and no tokenizer touches."""


def _scaled(tokens: str, factor: str, unit: str = "1000") -> str:
    """Rounded up, so that nothing is saved by rounding."""
    return f"(({tokens}) * {factor} + {unit} - 1) // {unit}"


_MILLI: Final = "q.token_milli"
_LONGER: Final = "(q.token_milli * q.output_milli)"
_SAVED_REASONING: Final = "(coalesce(s.reasoning, 0) * (1000 - least(q.reasoning_milli, 1000)) // 1000)"
_PLAIN: Final = {"uncached": TOTAL, "read": "0", "short": "0", "long": "0"}

EFFECTS: Final[dict[str, dict[str, str]]] = {
    "drop_call": {"made": "false"},
    "limit_output": {
        "output": "coalesce(s.reasoning, 0) + least(s.output - coalesce(s.reasoning, 0), coalesce(d.tokens, q.tokens))"
    },
    "set_model": {
        "k": "m.to_k",
        "uncached": f"{_FIXED} + {_scaled(f's.uncached - {_FIXED}', _MILLI)}",
        "read": _scaled("s.read", _MILLI),
        "short": _scaled("s.short", _MILLI),
        "long": _scaled("s.long", _MILLI),
        "output": _scaled("s.output", _LONGER, "1000000"),
        "reasoning": _scaled("s.reasoning", _LONGER, "1000000"),
    },
    "set_effort": {
        "output": f"s.output - {_SAVED_REASONING}",
        "reasoning": f"s.reasoning - {_SAVED_REASONING}",
    },
    "disable_cache": _PLAIN,
    "service_tier": {"k": "m.to_k"},
    "set_region": {"k": "m.to_k"},
    # A queue of up to 24 hours outlives the cache: nothing is read, and nothing need be written.
    "batch": {"k": "m.to_k", **_PLAIN},
}
"""What a kind of change gives another value: over the bill `s`, the plan `q`, its call `d` and the other price `m`."""

KEYED: Final = frozenset(kind for kind, effect in EFFECTS.items() if "k" in effect)
"""The kinds that change the price; a call whose price has no such twin stays as it is, outside the plan."""


def apply(connection: duckdb.DuckDBPyConnection, kind: str, bills: str) -> None:
    """Append what the plans of one kind make of `bills`."""
    effect = EFFECTS[kind]
    columns = ", ".join(effect.get(name, f"s.{name}") for name in BILL)
    keyed = "JOIN w_key_map m ON m.p = d.p AND m.k = s.k" if kind in KEYED else ""
    connection.execute(
        f"INSERT INTO w_changed SELECT d.p, s.n, true, {columns} FROM w_pass q "
        f"JOIN w_named_by d ON d.p = q.p JOIN {bills} s ON s.n = d.n {keyed} WHERE q.kind = ? AND s.made",
        [kind],
    )


_CUT: Final = f"""
INSERT INTO w_changed
WITH cut AS (
    {{cut}}
),
left_over AS (
    SELECT c.p, c.image AS less_image, s.*, w.minimum, w.step, w.automatic,
        greatest(s.uncached - c.uncached, {_FIXED} - c.image) AS now_uncached,
        greatest(s.read - c.read, 0) AS now_read,
        greatest(s.short - c.written, 0) AS now_short,
        greatest(s.long - greatest(c.written - s.short, 0), 0) AS now_long
    FROM cut c
    JOIN {{bills}} s ON s.n = c.n
    LEFT JOIN w_cache w ON w.g = s.g
    WHERE s.made
),
-- a prefix below the minimum is not cached any more, and an automatic cache reads in steps
stepped AS (
    SELECT *,
        now_read + now_short + now_long AS cached,
        cached > 0 AND cached < coalesce(minimum, 0) AS cold,
        CASE WHEN automatic AND step > 1 THEN now_read % step ELSE 0 END AS lost
    FROM left_over
)
SELECT p, n, true, k,
    CASE WHEN cold THEN now_uncached + cached ELSE now_uncached + lost END,
    CASE WHEN cold THEN 0 ELSE now_read - lost END,
    CASE WHEN cold THEN 0 ELSE now_short END, CASE WHEN cold THEN 0 ELSE now_long END,
    output, reasoning, greatest(image - less_image, 0), made
FROM stepped
"""

_CUT_SEGMENTS: Final = """
    SELECT p, n, sum(tokens - in_read - in_written)::BIGINT AS uncached, sum(in_read)::BIGINT AS read,
        sum(in_written)::BIGINT AS written, sum(least(image, tokens))::BIGINT AS image
    FROM (
        SELECT g.p, g.n, g.tokens, CASE WHEN s.image > 0 AND g.is_image THEN g.tokens ELSE 0 END AS image,
            greatest(least(g.from_token + g.tokens, s.read) - g.from_token, 0) AS in_read,
            greatest(least(g.from_token + g.tokens, s.read + s.short + s.long) - greatest(g.from_token, s.read), 0)
                AS in_written
        FROM ({gone}) g
        JOIN {bills} s ON s.n = g.n
    )
    GROUP BY p, n
"""

_GONE: Final = """
    SELECT c.p, c.n, c.tokens, c.is_image, c.from_token
    FROM w_cuts c
    JOIN w_pass q ON q.p = c.p
"""

_GONE_AFTER: Final = """
    SELECT c.p, c.n, any_value(c.tokens) AS tokens, any_value(c.is_image) AS is_image,
        any_value(c.from_token) - coalesce(sum(r.tokens) FILTER (r.position < c.position), 0) AS from_token
    FROM w_cuts c
    JOIN w_pass q ON q.p = c.p
    LEFT JOIN w_removed r ON r.n = c.n
    GROUP BY c.p, c.n, c.position
    HAVING NOT coalesce(bool_or(r.position = c.position), false)
"""

_CUT_TOKENS: Final = f"""
    SELECT d.p, d.n, t - t * s.read // {TOTAL} - t * (s.short + s.long) // {TOTAL} AS uncached,
        t * s.read // {TOTAL} AS read, t * (s.short + s.long) // {TOTAL} AS written, 0 AS image
    FROM (
        SELECT d.p, d.n, d.tokens AS t FROM w_named_by d JOIN w_pass q ON q.p = d.p
        WHERE d.tokens > 0 AND q.kind IN ('remove_segment', 'trim_history', 'image_detail')
    ) d
    JOIN {{bills}} s ON s.n = d.n
    WHERE {TOTAL} > 0
"""


def cut(connection: duckdb.DuckDBPyConnection, bills: str, *, after_others: bool) -> None:
    """Append the bills without the segments of `w_cuts`, and without the tokens that rules name by call.

    What was read from the cache or written to it is taken from there, by where in the prompt it stands. With
    `after_others`, what earlier plans removed (`w_removed`) is not removed again.
    """
    gone = _GONE_AFTER if after_others else _GONE
    connection.execute(_CUT.format(cut=_CUT_SEGMENTS.format(gone=gone, bills=bills), bills=bills))
    connection.execute(_CUT.format(cut=_CUT_TOKENS.format(bills=bills), bills=bills))
