"""Which segments of which calls a plan takes out of the prompt: `w_cuts`, a row for each."""

from __future__ import annotations

from typing import Final

import duckdb

CUTS: Final = """
CREATE OR REPLACE TEMP TABLE w_cuts (
    p INTEGER, n INTEGER, position SMALLINT, tokens BIGINT, from_token BIGINT, is_image BOOLEAN
)
"""

KINDS: Final = frozenset({"remove_segment", "trim_history", "image_detail"})
"""The kinds of change that make a prompt shorter."""

_SEGMENT: Final = "s.n, s.position, s.tokens, s.tokens_before, s.kind = 'image'"

_NAMED: Final = f"""
INSERT INTO w_cuts
SELECT DISTINCT q.p, {_SEGMENT}
FROM w_plans q
JOIN w_named d ON d.f = q.f
JOIN w_segments s ON s.n = d.n AND s.position = d.position
WHERE q.kind = 'remove_segment' AND d.position IS NOT NULL AND s.tokens_to IS NOT NULL
"""

_ONE_BY_ONE: Final = f"""
INSERT INTO w_cuts
SELECT DISTINCT q.p, {_SEGMENT}
FROM w_plans q
JOIN w_named_by d ON d.p = q.p
JOIN w_segments s ON s.n = d.n
JOIN w_which w ON w.p = q.p AND (
    w.position = s.position OR w.hash = s.hash OR w.template_hash = s.template_hash
    OR (s.kind = 'tool' AND w."name" = s."name"))
WHERE q.kind = 'remove_segment' AND s.tokens_to IS NOT NULL
"""

_IMAGES: Final = """
INSERT INTO w_cuts
SELECT q.p, s.n, s.position, s.tokens * (1000 - least(q.token_milli, 1000)) // 1000, s.tokens_before, true
FROM w_plans q
JOIN w_named_by d ON d.p = q.p
JOIN w_segments s ON s.n = d.n
WHERE q.kind = 'image_detail' AND d.tokens IS NULL AND s.kind = 'image' AND s.tokens_to IS NOT NULL
"""

_HISTORY: Final = f"""
INSERT INTO w_cuts
SELECT p, {_SEGMENT}
FROM (
    SELECT q.p, q.tokens AS keep_turns, s.*,
        sum(CASE WHEN s."role" = 'user' AND s.kind <> 'tool_result' THEN 1 ELSE 0 END) OVER (
            PARTITION BY q.p, s.n ORDER BY s.position DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS later_turns
    FROM w_plans q
    JOIN w_named_by d ON d.p = q.p
    JOIN w_segments s ON s.n = d.n
    WHERE q.kind = 'trim_history' AND d.tokens IS NULL AND s.tokens_to IS NOT NULL
        AND s.kind NOT IN ('tool', 'schema', 'system') AND s."role" <> 'system'
) s
WHERE coalesce(later_turns, 0) >= greatest(keep_turns, 1)
"""


def find(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `w_cuts` for the plans of `w_plans`; `w_which` says what `remove_segment` asks for."""
    connection.execute(CUTS)
    kinds = {row[0] for row in connection.execute("SELECT DISTINCT kind FROM w_plans").fetchall()}
    if "remove_segment" in kinds:
        connection.execute(_NAMED)
        connection.execute(_ONE_BY_ONE)
    if "image_detail" in kinds:
        connection.execute(_IMAGES)
    if "trim_history" in kinds:
        connection.execute(_HISTORY)
