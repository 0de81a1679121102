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
    "service_tier": {
        "k": "m.to_k",
        **{name: f"CASE WHEN q.queued THEN {plain} ELSE s.{name} END" for name, plain in _PLAIN.items()},
    },
    "set_region": {"k": "m.to_k"},
    # A queue of hours outlives the cache: nothing is read, and nothing need be written.
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
-- what stands behind a window that slides was stored behind another start: it is not read, but stored anew
slid AS (
    SELECT c.p, c.n, c.uncached, c.written, c.image,
        CASE WHEN q.kind = 'trim_history' THEN greatest(c.read, s.read - least(s.read, c.first)) ELSE c.read END
            AS read,
        CASE WHEN q.kind = 'trim_history' THEN greatest(s.read - least(s.read, c.first) - c.read, 0) ELSE 0 END AS anew
    FROM cut c
    JOIN w_pass q ON q.p = c.p
    JOIN {{bills}} s ON s.n = c.n
),
left_over AS (
    SELECT c.p, s.n, s.k, s.output, s.reasoning, greatest(s.image - c.image, 0) AS image, s.made,
        w.minimum, w.step, coalesce(w.automatic, false) AS automatic, coalesce(w.charged, false) AS charged,
        {_FIXED} - least(c.image, s.image) AS fixed,
        s.long > 0 AND s.short = 0 AS lasts_long,
        coalesce(w.automatic, false) AND NOT coalesce(w.charged, false) AS free,
        greatest(s.uncached - c.uncached, {_FIXED} - c.image) + CASE WHEN free THEN c.anew ELSE 0 END AS now_uncached,
        greatest(s.read - c.read, 0) AS now_read,
        greatest(s.short - c.written, 0) + CASE WHEN free OR lasts_long THEN 0 ELSE c.anew END AS now_short,
        greatest(s.long - greatest(c.written - s.short, 0), 0)
            + CASE WHEN free OR NOT lasts_long THEN 0 ELSE c.anew END AS now_long
    FROM slid c
    JOIN {{bills}} s ON s.n = c.n
    LEFT JOIN w_cache w ON w.g = s.g
    WHERE s.made
),
-- a prefix below the minimum is not cached any more; an automatic cache reads in steps, and where it bills for
-- storing, it stores all whole steps
stepped AS (
    SELECT *,
        now_read + now_short + now_long AS cached, now_uncached + cached AS total,
        cached > 0 AND CASE WHEN automatic AND charged THEN total ELSE cached END < coalesce(minimum, 0) AS cold,
        CASE WHEN automatic AND now_read < coalesce(minimum, 0) THEN 0
            WHEN automatic AND step > 1 THEN now_read - now_read % step ELSE now_read END AS still_read,
        total - CASE WHEN step > 1 THEN total % step ELSE 0 END AS whole,
        automatic AND charged AND cached > 0 AND total - whole >= fixed AS in_steps
    FROM left_over
),
stored AS (
    SELECT *,
        CASE WHEN cold THEN 0 WHEN in_steps THEN CASE WHEN lasts_long THEN 0 ELSE whole - still_read END
            ELSE now_short END AS still_short,
        CASE WHEN cold THEN 0 WHEN in_steps THEN CASE WHEN lasts_long THEN whole - still_read ELSE 0 END
            ELSE now_long END AS still_long
    FROM stepped
)
SELECT p, n, true, k, total - CASE WHEN cold THEN 0 ELSE still_read END - still_short - still_long,
    CASE WHEN cold THEN 0 ELSE still_read END, still_short, still_long, output, reasoning, image, made
FROM stored
"""

_CUT_SEGMENTS: Final = """
    SELECT p, n, sum(tokens - in_read - in_written)::BIGINT AS uncached, sum(in_read)::BIGINT AS read,
        sum(in_written)::BIGINT AS written, sum(least(image, tokens))::BIGINT AS image,
        min(from_token)::BIGINT AS first
    FROM (
        SELECT g.p, g.n, g.tokens, g.from_token, CASE WHEN s.image > 0 AND g.is_image THEN g.tokens ELSE 0 END AS image,
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
        t * s.read // {TOTAL} AS read, t * (s.short + s.long) // {TOTAL} AS written, 0 AS image, 0 AS first
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
