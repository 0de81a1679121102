"""What a provider's prompt cache does to many sequences of requests at once: windows over arrivals, in integers.

A *lane* is one sequence under one set of circumstances: the calls of a plan as they would be sent, or calls as they
were sent, with or without those that another plan drops. Each request touches the ends of its cacheable prefixes.
The touches of one prefix in one lane, in order of start, fall into sessions: a new one begins where the last
touch is a lifetime ago. An entry can be read once the first request of its session that stored it has answered;
requests that start before that write it again, each at its own cost. A prefix below the model's minimum is
not cached; an automatic cache stores every prefix in fixed steps; an explicit one stores what is marked.
"""

from __future__ import annotations

from typing import Final

import duckdb

from otelcost.advise.ledger import TOTAL, Ledger

LOOKBACK_SEGMENTS: Final = 20
"""How far before its last breakpoint a request finds what an earlier one stored."""

SAMPLE: Final = 4000
"""How many calls of a lane, the newest, are replayed to see whether a replay gives what was billed."""

CACHE_RULES: Final = """
CREATE OR REPLACE TEMP TABLE w_cache AS
SELECT g.g, m.cache_minimum_tokens AS minimum, m.cache_step_tokens AS step, m.cache_automatic AS automatic,
    m.cache_short_s * 1000000 AS short_us, coalesce(m.cache_long_s, m.cache_short_s) * 1000000 AS long_us,
    coalesce(w.charged, false) AS charged
FROM w_groups g
JOIN w_models m ON m.provider = g.provider AND m.model = g.model
LEFT JOIN (
    SELECT b.g, bool_or(r.charged) AS charged
    FROM (SELECT DISTINCT g, k FROM w_bills) b JOIN ({charges}) r ON r.k = b.k GROUP BY b.g
) w ON w.g = g.g
WHERE m.cache_minimum_tokens IS NOT NULL
"""

_EVENTS: Final = """
CREATE OR REPLACE TEMP TABLE w_events (
    lane INTEGER, n INTEGER, began BIGINT, done BIGINT, identity UBIGINT, tokens BIGINT, stores BOOLEAN,
    expires BIGINT, breaks BOOLEAN
)
"""

_STEPS: Final = """
CASE WHEN least({0}, total) < minimum THEN 0
    WHEN automatic THEN least({0}, total) - least({0}, total) % step ELSE least({0}, total) END
"""

_AS_CHANGED: Final = f"""
INSERT INTO w_events
WITH bounds AS (
    SELECT q.p, q.move, q.lasts_long, s.n, s.began, s.done, {TOTAL} AS total, c.minimum, c.step, c.automatic,
        c.short_us, c.long_us, x.position, x.hash, x.prefix_hash, x.template_hash, x.tokens_to,
        least(coalesce(d.position, q.breakpoint), s.segments) AS last,
        CASE WHEN x.bytes > 0
            THEN x.tokens * least(coalesce(x.volatile_bytes, 0), x.bytes) // x.bytes ELSE 0 END AS values
    FROM w_pass q
    JOIN w_named_by d ON d.p = q.p
    JOIN {{bills}} s ON s.n = d.n
    JOIN w_cache c ON c.g = s.g
    JOIN w_segments x ON x.n = s.n AND x.position <= least(coalesce(d.position, q.breakpoint), s.segments)
    WHERE q.kind = 'enable_cache' AND s.made AND c.short_us IS NOT NULL AND {{which}}
),
shaped AS (
    SELECT p, n, began, done, total, minimum, step, automatic, position, last,
        began + CASE WHEN lasts_long THEN long_us ELSE short_us END AS expires,
        {{identity}} AS identity, tokens_to - {{moved}} - {{gone}} AS tokens
    FROM bounds
)
SELECT p, n, began, done, identity, {_STEPS.format("tokens")} AS tokens, true, expires, false
FROM shaped
WHERE (automatic OR position = last) AND tokens >= minimum
"""

_PLAIN: Final = {
    "which": "q.move IS NULL AND (c.automatic OR x.position = least(coalesce(d.position, q.breakpoint), s.segments))",
    "identity": "hash(prefix_hash)",
    "moved": "0",
}
_MOVED: Final = {
    "which": "q.move IS NOT NULL",
    "identity": "hash(list(CASE WHEN position = move THEN template_hash ELSE hash END) OVER so_far)",
    "moved": "(sum(CASE WHEN position = move THEN values ELSE 0 END) OVER so_far)::BIGINT",
}
_GONE: Final = """
coalesce((SELECT sum(r.tokens) FROM w_removed r WHERE r.n = bounds.n AND r.position <= bounds.position), 0)::BIGINT
"""

_AS_SENT: Final = f"""
INSERT INTO w_events
WITH marks AS (
    SELECT x.n, max(x.position) AS last, bool_or(x.cache IN ('1h', '12h')) AS lasts_long
    FROM w_segments x
    WHERE x.cache IS NOT NULL AND x.n IN (SELECT n FROM w_arrivals)
    GROUP BY x.n
),
bounds AS (
    SELECT a.lane, s.n, s.began, s.done, {TOTAL} AS total, c.minimum, c.step, c.automatic, x.prefix_hash, x.tokens_to,
        NOT (a.worst AND a.dropped) AND (c.automatic OR x.cache IS NOT NULL) AS stores,
        CASE WHEN NOT a.worst THEN s.began +
            CASE WHEN coalesce(a.lasts_long, k.lasts_long) THEN c.long_us ELSE c.short_us END END AS expires,
        a.worst AND a.dropped AS breaks
    FROM w_arrivals a
    JOIN {{bills}} s ON s.n = a.n
    JOIN w_cache c ON c.g = s.g
    JOIN w_segments x ON x.n = s.n
    LEFT JOIN marks k ON k.n = s.n
    WHERE s.made AND (c.automatic
        OR (x.position <= k.last AND (x.cache IS NOT NULL OR x.position > k.last - {LOOKBACK_SEGMENTS})))
)
SELECT lane, n, began, done, hash(prefix_hash), {_STEPS.format("tokens_to")}, stores, expires, breaks
FROM bounds
WHERE tokens_to >= minimum AND total >= minimum
"""

_UP_TO_VALUES: Final = f"""
INSERT INTO w_events
WITH bounds AS (
    SELECT a.lane, s.n, s.began, s.done, {TOTAL} AS total, c.minimum, c.step, c.automatic,
        hash(row(coalesce(y.prefix_hash, 0), x.template_hash, x.volatile_offset_bytes)) AS identity,
        x.tokens_before + CASE WHEN x.bytes > 0
            THEN x.tokens * least(x.volatile_offset_bytes, x.bytes) // x.bytes ELSE 0 END AS tokens_to,
        NOT (a.worst AND a.dropped) AS stores,
        CASE WHEN NOT a.worst THEN s.began + CASE WHEN a.lasts_long THEN c.long_us ELSE c.short_us END END AS expires,
        a.worst AND a.dropped AS breaks
    FROM w_arrivals a
    JOIN {{bills}} s ON s.n = a.n
    JOIN w_cache c ON c.g = s.g
    JOIN w_segments x ON x.n = s.n AND x.volatile_offset_bytes > 0
    LEFT JOIN w_segments y ON y.n = x.n AND y.position = x.position - 1
    WHERE s.made AND c.automatic
)
SELECT lane, n, began, done, identity, {_STEPS.format("tokens_to")}, stores, expires, breaks
FROM bounds
WHERE tokens_to >= minimum AND total >= minimum
"""

_HITS: Final = """
CREATE OR REPLACE TEMP TABLE w_hits AS
WITH touched AS (
    SELECT *,
        CASE WHEN lag(n) OVER so_far IS NULL OR lag(breaks) OVER so_far OR began >= lag(expires) OVER so_far
            THEN 1 ELSE 0 END AS fresh
    FROM w_events
    WINDOW so_far AS (PARTITION BY lane, identity ORDER BY n)
),
sessions AS (
    SELECT *, sum(fresh) OVER (PARTITION BY lane, identity ORDER BY n ROWS UNBOUNDED PRECEDING) AS session FROM touched
),
found AS (
    SELECT lane, n, tokens, stores,
        min(CASE WHEN stores THEN done END) OVER (
            PARTITION BY lane, identity, session ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) <= began AS hit
    FROM sessions
)
SELECT lane, n, coalesce(max(tokens) FILTER (hit), 0) AS read, coalesce(max(tokens) FILTER (stores), 0) AS top
FROM found
GROUP BY lane, n
"""

_DIVIDED: Final = f"""
INSERT INTO w_changed
SELECT p, n, true, k,
    CASE WHEN fits THEN uncached ELSE before_uncached END, CASE WHEN fits THEN read ELSE before_read END,
    CASE WHEN fits THEN CASE WHEN lasts_long THEN 0 ELSE written END ELSE before_short END,
    CASE WHEN fits THEN CASE WHEN lasts_long THEN written ELSE 0 END ELSE before_long END,
    output, reasoning, image, made
FROM (
    SELECT *, total - read - written AS uncached, total - read - written >= fixed AS fits
    FROM (
        SELECT d.p, s.n, s.k, s.output, s.reasoning, s.image, s.made, s.uncached AS before_uncached,
            s.read AS before_read, s.short AS before_short, s.long AS before_long, s.image + s.audio AS fixed,
            {TOTAL} AS total, q.lasts_long, coalesce(h.read, 0) AS read,
            CASE
                WHEN NOT c.automatic THEN greatest(coalesce(h.top, 0) - coalesce(h.read, 0), 0)
                WHEN c.charged AND {TOTAL} >= c.minimum THEN {TOTAL} - {TOTAL} % c.step - coalesce(h.read, 0)
                ELSE 0
            END AS written
        FROM w_pass q
        JOIN w_named_by d ON d.p = q.p
        JOIN {{bills}} s ON s.n = d.n
        JOIN w_cache c ON c.g = s.g
        LEFT JOIN w_hits h ON h.lane = q.p AND h.n = d.n
        WHERE q.kind IN ('enable_cache', 'change_ttl') AND s.made
    )
)
"""

_MISFIT: Final = f"""
SELECT a.lane,
    sum(abs(coalesce(h.read, 0) - s.read) + abs(
        CASE
            WHEN NOT c.automatic THEN greatest(coalesce(h.top, 0) - coalesce(h.read, 0), 0)
            WHEN c.charged AND {TOTAL} >= c.minimum THEN {TOTAL} - {TOTAL} % c.step - coalesce(h.read, 0)
            ELSE 0
        END - s.short - s.long))::BIGINT,
    sum({TOTAL})::BIGINT
FROM w_arrivals a
JOIN w_bills s ON s.n = a.n
JOIN w_cache c ON c.g = s.g
LEFT JOIN w_hits h ON h.lane = a.lane AND h.n = a.n
WHERE a.judged
GROUP BY a.lane
"""

ARRIVALS: Final = """
CREATE OR REPLACE TEMP TABLE w_arrivals (
    lane INTEGER, n INTEGER, lasts_long BOOLEAN, dropped BOOLEAN, worst BOOLEAN, judged BOOLEAN
)
"""
"""The calls of lanes that are replayed as they were sent. `lasts_long` NULL: as marked."""


def prepare(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Make `w_cache`, the rules of each group's cache, and the empty table of arrivals."""
    connection.execute(CACHE_RULES.format(charges=ledger.charges_writes()))
    connection.execute(ARRIVALS)


def as_changed(connection: duckdb.DuckDBPyConnection, bills: str, *, after_others: bool) -> None:
    """Append the bills of the plans of `w_pass` that enable a cache or change its lifetime."""
    connection.execute(_EVENTS)
    gone = _GONE if after_others else "0"
    window = "WINDOW so_far AS (PARTITION BY p, n ORDER BY position ROWS UNBOUNDED PRECEDING)"
    connection.execute(_AS_CHANGED.format(bills=bills, gone=gone, **_PLAIN))
    moved = _AS_CHANGED.format(bills=bills, gone=gone, **_MOVED).replace(
        "    FROM bounds\n", f"    FROM bounds\n    {window}\n"
    )
    connection.execute(moved)
    connection.execute("DELETE FROM w_arrivals")
    connection.execute(
        "INSERT INTO w_arrivals SELECT d.p, d.n, q.lasts_long, false, false, false FROM w_pass q "
        "JOIN w_named_by d ON d.p = q.p WHERE q.kind = 'change_ttl'"
    )
    _touch_as_sent(connection, bills)
    connection.execute(_HITS)
    connection.execute(_DIVIDED.format(bills=bills))


def misfits(connection: duckdb.DuckDBPyConnection) -> dict[int, tuple[int, int]]:
    """By lane of `w_arrivals`: tokens that a replay bills otherwise than the provider did, and the whole input."""
    replay_as_sent(connection)
    return {lane: (wrong, total) for lane, wrong, total in connection.execute(_MISFIT).fetchall()}


def replay_as_sent(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `w_hits` (`lane`, `n`, tokens `read`, tokens `top` up to the last stored prefix) for `w_arrivals`."""
    connection.execute(_EVENTS)
    _touch_as_sent(connection, "w_bills")
    connection.execute(_HITS)


def _touch_as_sent(connection: duckdb.DuckDBPyConnection, bills: str) -> None:
    if connection.execute("SELECT 1 FROM w_arrivals LIMIT 1").fetchone() is not None:
        connection.execute(_AS_SENT.format(bills=bills))
        connection.execute(_UP_TO_VALUES.format(bills=bills))
