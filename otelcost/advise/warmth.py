"""What dropping calls costs the calls after them, where a dropped one may have kept a cache warm that they read.

Where the model's cache rules are known and replaying the family (one task, provider and model) as it was sent gives
what was billed, it is replayed again without the dropped calls. Where an automatic cache promises no lifetime, a
read is safe up to the longest prefix that a call which stays had sent, and got answered, after the last dropped
call with that prefix; all else of it counts as lost. Otherwise nobody can say, and the plan is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import duckdb

from otelcost.advise import replay

_TOLERATED_MISFIT_PERCENT: Final = 5

LOST: Final = """
CREATE OR REPLACE TEMP TABLE w_lost (p INTEGER, n INTEGER, lost BIGINT, written BOOLEAN, lasts_long BOOLEAN)
"""
"""Tokens that a call would no longer read if the calls of plan `p` were dropped, and whether it writes them."""

_FAMILIES: Final = """
SELECT DISTINCT g.family
FROM w_named d JOIN w_calls c ON c.n = d.n JOIN w_groups g ON g.g = c.g
WHERE d.f IN (SELECT unnest($f::INTEGER[])) AND g.family IN (
    SELECT g.family FROM w_calls c JOIN w_groups g ON g.g = c.g
    WHERE coalesce(c.cache_read_tokens, 0) + coalesce(c.cache_write_short_tokens, 0)
        + coalesce(c.cache_write_long_tokens, 0) > 0)
"""

_WARMED: Final = """
WITH families AS (
    SELECT g.family, bool_or(b.read + b.short + b.long > 0) AS caches,
        bool_or(x.tokens_to IS NULL) AS unknown_sizes
    FROM w_bills b
    JOIN w_groups g ON g.g = b.g
    LEFT JOIN w_segments x ON x.n = b.n AND x.position = b.segments
    GROUP BY g.family
)
SELECT d.p, g.family, bool_or(coalesce(c.short_us IS NOT NULL, false)) AS rules, coalesce(bool_or(c.automatic), false),
    any_value(y.unknown_sizes)
FROM w_named_by d
JOIN w_bills b ON b.n = d.n
JOIN w_groups g ON g.g = b.g
JOIN families y ON y.family = g.family
LEFT JOIN w_cache c ON c.g = b.g
WHERE d.p IN (SELECT unnest($p::INTEGER[])) AND y.caches
GROUP BY d.p, g.family
HAVING bool_or(b.read + b.short + b.long > 0
    OR CASE WHEN c.automatic THEN b.uncached + b.read + b.short + b.long >= c.minimum ELSE c.short_us IS NULL END)
"""

_ARRIVE: Final = """
INSERT INTO w_arrivals
SELECT $lane, b.n, NULL, d.n IS NOT NULL, $worst, NOT $without
FROM w_bills b
JOIN w_groups g ON g.g = b.g
LEFT JOIN (SELECT n FROM w_named_by WHERE p = $p) d ON d.n = b.n
WHERE g.family = $family AND (d.n IS NULL OR NOT $without)
"""

_REPLAYED: Final = """
INSERT INTO w_lost
SELECT $p, a.n, a.read - coalesce(b.read, 0), NOT c.automatic OR c.charged, s.long > 0 AND s.short = 0
FROM w_hits a
JOIN w_bills s ON s.n = a.n
JOIN w_cache c ON c.g = s.g
LEFT JOIN w_hits b ON b.lane = $lane + 1 AND b.n = a.n
WHERE a.lane = $lane AND a.read > coalesce(b.read, 0)
    AND a.n NOT IN (SELECT n FROM w_named_by WHERE p = $p)
"""

_AT_WORST: Final = """
INSERT INTO w_lost
SELECT $p, s.n, s.read - coalesce(h.read, 0), false, false
FROM w_bills s
JOIN w_groups g ON g.g = s.g AND g.family = $family
JOIN w_cache c ON c.g = s.g
LEFT JOIN w_hits h ON h.lane = $lane AND h.n = s.n
WHERE s.read > coalesce(h.read, 0) AND s.uncached + s.read + s.short + s.long >= c.minimum
    AND s.n > (SELECT min(d.n) FROM w_named_by d JOIN w_bills b ON b.n = d.n JOIN w_groups g ON g.g = b.g
        WHERE d.p = $p AND g.family = $family)
    AND s.n NOT IN (SELECT n FROM w_named_by WHERE p = $p)
"""


class Lost(NamedTuple):
    """Which plans cannot be judged, and of the others how many calls lose how many cached tokens."""

    unexplained: frozenset[int]
    tokens: dict[int, tuple[int, int]]


def families(connection: duckdb.DuckDBPyConnection, f: Sequence[int]) -> list[int]:
    """The families of the calls that findings `f` drop, as far as they use a cache."""
    return [row[0] for row in connection.execute(_FAMILIES, {"f": list(f)}).fetchall()] if f else []


def lost(connection: duckdb.DuckDBPyConnection, p: Sequence[int]) -> Lost:
    """Fill `w_lost` for the plans `p`, which drop calls."""
    connection.execute(LOST)
    unexplained = set()
    rows = connection.execute(_WARMED, {"p": list(p)}).fetchall() if p else []
    for plan, family, rules, automatic, unknown_sizes in rows:
        if unknown_sizes or not (
            (rules and _replayed(connection, plan, family)) or (automatic and _at_worst(connection, plan, family))
        ):
            unexplained.add(plan)
    found = connection.execute("SELECT p, count(*), sum(lost)::BIGINT FROM w_lost GROUP BY p").fetchall()
    return Lost(frozenset(unexplained), {plan: (calls, tokens) for plan, calls, tokens in found})


def _replayed(connection: duckdb.DuckDBPyConnection, plan: int, family: int) -> bool:
    """Replay a family with and without the dropped calls; False where the first is not what was billed."""
    connection.execute(replay.ARRIVALS)
    common = {"p": plan, "family": family, "worst": False}
    connection.execute(_ARRIVE, {**common, "lane": 1, "without": False})
    connection.execute(_ARRIVE, {**common, "lane": 2, "without": True})
    wrong, total = replay.misfits(connection).get(1, (0, 0))
    if wrong * 100 > total * _TOLERATED_MISFIT_PERCENT:
        return False
    connection.execute(_REPLAYED, {"p": plan, "lane": 1})
    return True


def _at_worst(connection: duckdb.DuckDBPyConnection, plan: int, family: int) -> bool:
    connection.execute(replay.ARRIVALS)
    connection.execute(_ARRIVE, {"p": plan, "family": family, "worst": True, "lane": 1, "without": False})
    replay.replay_as_sent(connection)
    connection.execute(_AT_WORST, {"p": plan, "family": family, "lane": 1})
    return True
