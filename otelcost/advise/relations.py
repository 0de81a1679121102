"""What many rules ask of a window, worked out once for all of them and only where one of them names it.

`docs/reference/rules-interface.md` says what each column means.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

_SEGMENTS: Final = """
CREATE OR REPLACE TEMP TABLE w_segments AS
SELECT *, tokens_to - tokens AS tokens_before
FROM (
    SELECT n, g, position::SMALLINT AS position, s."role" AS "role", s.kind AS kind, s."name" AS "name", s.hash AS hash,
        s.template_hash AS template_hash, s.prefix_hash AS prefix_hash, s.bytes::INTEGER AS bytes,
        s.tokens::BIGINT AS tokens, s.cache AS cache, s.volatile_offset_bytes::INTEGER AS volatile_offset_bytes,
        s.volatile_bytes::INTEGER AS volatile_bytes, {optional}
        CASE WHEN count(s.tokens) OVER so_far = position THEN (sum(s.tokens) OVER so_far)::BIGINT END AS tokens_to
    FROM (
        SELECT w.n, w.g, unnest(b.segments) AS s, unnest(range(1, len(b.segments) + 1)) AS position
        FROM w_calls w
        JOIN v_base b ON b.span_id = w.span_id AND b.start = w.start
    )
    WINDOW so_far AS (PARTITION BY n ORDER BY position ROWS UNBOUNDED PRECEDING)
)
"""

_OPTIONAL: Final = {
    "volatile": "coalesce(s.volatile, []) AS volatile,",
    "image_detail": "s.image_detail AS image_detail,",
}

_PAIRS: Final = """
CREATE OR REPLACE TEMP TABLE w_pairs AS
WITH turns AS (
    SELECT n, g, segment_count, start,
        lag(n) OVER w AS earlier, lag(segment_count) OVER w AS earlier_count, lag(end_at) OVER w AS earlier_end
    FROM w_calls
    WHERE status IN ('ok', 'incomplete') AND operation <> 'embeddings' AND segment_count > 0
    WINDOW w AS (PARTITION BY g ORDER BY n)
),
compared AS (
    SELECT p.n, count(*) AS compared_to,
        min(a.position, 2) FILTER (a.hash <> b.hash) AS places,
        arg_min(a.template_hash = b.template_hash AND a.volatile_bytes > 0, a.position) FILTER (a.hash <> b.hash)
            AS only_values,
        coalesce(min(a.tokens_before) FILTER (a.hash <> b.hash), max(a.tokens_to)) AS shared_tokens
    FROM turns p
    JOIN w_segments a ON a.n = p.n
    JOIN w_segments b ON b.n = p.earlier AND b.position = a.position
    GROUP BY p.n
)
SELECT
    p.n, p.earlier, p.g,
    epoch_us(p.start) - epoch_us(p.earlier_end) AS gap_us,
    c.compared_to, c.places[1] AS first_difference, c.places[2] AS next_difference,
    coalesce(c.only_values, false) AS only_values, c.shared_tokens,
    c.places IS NULL AND p.segment_count > p.earlier_count AS extends
FROM turns p
JOIN compared c ON c.n = p.n
"""

_TOOLS: Final = """
CREATE OR REPLACE TEMP TABLE w_tools AS
WITH offered AS (
    SELECT g, "name", any_value(hash) AS hash, count(DISTINCT n) AS offered, avg(tokens) AS tokens
    FROM w_segments
    WHERE kind = 'tool' AND "name" IS NOT NULL
    GROUP BY g, "name"
),
called AS (
    SELECT g, "name", count(DISTINCT n) AS called
    FROM (SELECT g, n, unnest(tools_called) AS "name" FROM w_calls)
    GROUP BY g, "name"
)
SELECT o.g, o."name", o.hash, o.offered, coalesce(c.called, 0) AS called, o.tokens::BIGINT AS tokens
FROM offered o
LEFT JOIN called c ON c.g = o.g AND c."name" = o."name"
"""

_SQL: Final = {"w_segments": _SEGMENTS, "w_pairs": _PAIRS, "w_tools": _TOOLS}
"""How each relation is made, in the order in which they build on each other."""

_ON: Final = {"w_pairs": ("w_segments",), "w_tools": ("w_segments",)}
_COLUMNS: Final = {"w_pairs": ("segment_count",), "w_tools": ("tools_called",)}


def sql(name: str, words: Collection[str]) -> str:
    """How a relation is made for readers that use these words."""
    return _SQL[name].replace("{optional}", " ".join(text for column, text in _OPTIONAL.items() if column in words))


def needed(words: Collection[str]) -> tuple[str, ...]:
    """The relations to make for readers that use these words, in order."""
    named = {name for name in _SQL if name in words}
    return tuple(name for name in _SQL if name in named | {below for top in named for below in _ON.get(top, ())})


def columns_of(wanted: Collection[str]) -> frozenset[str]:
    """The columns of `w_calls` that these relations are made from."""
    return frozenset(column for name in wanted for column in _COLUMNS.get(name, ()))
