"""What many rules ask of a window, worked out once for all of them and only where one of them names it.

`docs/reference/rules-interface.md` says what each column means.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

# Sizes are added up in each call's own list: a window over all segments would sort every column of them.
_SEGMENTS: Final = """
CREATE OR REPLACE TEMP TABLE w_segments AS
SELECT *, tokens_to - tokens AS tokens_before
FROM (
    SELECT n, g, position::SMALLINT AS position, s."role" AS "role", s.kind AS kind, s."name" AS "name", s.hash AS hash,
        s.template_hash AS template_hash, s.prefix_hash AS prefix_hash, s.bytes::INTEGER AS bytes,
        s.tokens::BIGINT AS tokens, s.cache AS cache, s.volatile_offset_bytes::INTEGER AS volatile_offset_bytes,
        s.volatile_bytes::INTEGER AS volatile_bytes, {optional}
        CASE WHEN known >= position THEN tokens_to::BIGINT END AS tokens_to
    FROM (
        SELECT n, g, unnest(segments) AS s, unnest(range(1, len(segments) + 1)) AS position,
            unnest(list_transform(sizes, lambda size, place: list_sum(sizes[:place]))) AS tokens_to,
            coalesce(list_position(sizes, NULL) - 1, len(sizes)) AS known
        FROM (
            SELECT w.n, w.g, b.segments, list_transform(b.segments, lambda s: s.tokens) AS sizes
            FROM w_calls w
            JOIN v_base b ON b.span_id = w.span_id AND b.start = w.start
        )
    )
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
differing AS (
    SELECT p.n, min(a.position, 2) AS places, min(a.tokens_before) AS shared_tokens,
        arg_min(a.template_hash = b.template_hash AND a.volatile_bytes > 0, a.position) AS only_values
    FROM turns p
    JOIN w_segments a ON a.n = p.n
    JOIN w_segments b ON b.n = p.earlier AND b.position = a.position AND b.hash <> a.hash
    GROUP BY p.n
)
SELECT
    p.n, p.earlier, p.g,
    epoch_us(p.start) - epoch_us(p.earlier_end) AS gap_us,
    least(p.segment_count, p.earlier_count) AS compared_to,
    c.places[1] AS first_difference, c.places[2] AS next_difference,
    coalesce(c.only_values, false) AS only_values,
    CASE WHEN c.n IS NULL THEN x.tokens_to ELSE c.shared_tokens END AS shared_tokens,
    c.n IS NULL AND p.segment_count > p.earlier_count AS extends
FROM turns p
LEFT JOIN differing c ON c.n = p.n
LEFT JOIN w_segments x ON c.n IS NULL AND x.n = p.n AND x.position = least(p.segment_count, p.earlier_count)
WHERE p.earlier IS NOT NULL
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

_JOB_NAMES: Final = (
    "(^|[^a-z])(cron|nightly|daily|weekly|monthly|hourly|overnight|scheduled?|batch|backfill|reindex|etl)([^a-z]|$)"
)
"""An internal root span whose lower-case name matches is a job that nobody waits for."""
_PERIODIC_DAYS: Final = 3
_BURST_CALLS: Final = 5
_DRIFT_US: Final = 1_800_000_000
"""An internal root that makes so many calls at the same time of so many days is scheduled, whatever its name."""

_UNATTENDED: Final = f"""
CREATE OR REPLACE TEMP TABLE w_unattended AS
WITH runs AS (
    SELECT root_span_name, trace_id, min(start) AS began, count(*) AS calls
    FROM w_calls
    WHERE root_span_kind = 'INTERNAL' AND root_span_name IS NOT NULL
    GROUP BY root_span_name, trace_id
),
periodic AS (
    SELECT root_span_name
    FROM runs
    GROUP BY root_span_name
    HAVING min(calls) >= {_BURST_CALLS}
        AND count(DISTINCT began::DATE) >= {_PERIODIC_DAYS} AND count(DISTINCT began::DATE) = count(*)
        AND max(epoch_us(began) % 86400000000) - min(epoch_us(began) % 86400000000) <= {_DRIFT_US}
),
roots AS (
    SELECT k.root_span_kind, k.root_span_name,
        CASE
            WHEN k.root_span_kind = 'CONSUMER' THEN 'its root span consumes a queue'
            WHEN regexp_matches(lower(k.root_span_name), '{_JOB_NAMES}')
                THEN 'its root span is named like a scheduled job'
            WHEN p.root_span_name IS NOT NULL THEN 'its root span bursts at the same time of day'
        END AS why
    FROM (
        SELECT DISTINCT root_span_kind, root_span_name FROM w_calls WHERE root_span_kind IN ('CONSUMER', 'INTERNAL')
    ) k
    LEFT JOIN periodic p ON p.root_span_name = k.root_span_name
),
rooted AS (
    SELECT c.*, r.why
    FROM w_calls c
    LEFT JOIN roots r ON r.root_span_kind = c.root_span_kind
        AND coalesce(r.root_span_name, '') = coalesce(c.root_span_name, '')
),
-- who waits for whom is asked only where nobody seems to wait
inside AS (
    SELECT n, trace_id, task, start, end_at, segment_count, prompt_hash
    FROM w_calls
    WHERE trace_id IN (SELECT trace_id FROM rooted WHERE why IS NOT NULL)
),
with_history AS (
    SELECT DISTINCT n FROM w_segments
    WHERE ("role" = 'assistant' OR kind IN ('tool_call', 'tool_result')) AND n IN (SELECT n FROM inside)
),
stages AS (
    SELECT c.trace_id, c.task, max(c.start) AS last_start,
        max(CASE WHEN h.n IS NOT NULL THEN c.start END) AS last_history
    FROM inside c
    LEFT JOIN with_history h ON h.n = c.n
    GROUP BY c.trace_id, c.task
),
followers AS (
    SELECT a.trace_id, a.task, max(CASE WHEN b.task <> a.task THEN b.last_start END) AS last_other_task,
        max(b.last_history) AS last_history
    FROM stages a
    JOIN stages b ON b.trace_id = a.trace_id
    GROUP BY a.trace_id, a.task
),
-- within a trace: is each call sent when the one before is done, and does it send that one's whole prompt again?
neighbours AS (
    SELECT
        n, trace_id, task, start, segment_count,
        max(end_at) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier_end,
        lag(segment_count) OVER w AS earlier_count, lag(prompt_hash) OVER w AS earlier_prompt
    FROM inside
    WINDOW w AS (PARTITION BY trace_id, task ORDER BY n)
),
grown AS (
    SELECT c.n
    FROM neighbours c
    JOIN w_segments s ON s.n = c.n AND s.position = c.earlier_count AND s.prefix_hash = c.earlier_prompt
    WHERE c.segment_count > c.earlier_count
),
chains AS (
    SELECT trace_id, task, bool_or(g.n IS NOT NULL) AS grows,
        coalesce(bool_and(start >= earlier_end), true) AS one_at_a_time, count(earlier_end) AS links,
        sum(epoch_us(start) - epoch_us(earlier_end)) AS idle_us
    FROM neighbours c
    LEFT JOIN grown g ON g.n = c.n
    GROUP BY trace_id, task
)
SELECT
    c.n, c.why,
    coalesce(f.last_other_task >= c.end_at, false) OR coalesce(f.last_history >= c.end_at, false)
        OR c.output_kind = 'tool' AND c.tools_hash IS NOT NULL AND f.last_history IS NOT NULL
        OR coalesce(h.grows, false) AS awaited,
    h.one_at_a_time, h.links, h.idle_us
FROM rooted c
LEFT JOIN chains h ON h.trace_id = c.trace_id AND h.task = c.task
LEFT JOIN followers f ON f.trace_id = c.trace_id AND f.task = c.task
WHERE c.status IN ('ok', 'incomplete') AND NOT coalesce(c.batch, false) AND NOT coalesce(c.stream, false)
    AND c.cost_picousd > 0
"""

_SQL: Final = {"w_segments": _SEGMENTS, "w_pairs": _PAIRS, "w_tools": _TOOLS, "w_unattended": _UNATTENDED}
"""How each relation is made, in the order in which they build on each other."""

_ON: Final = {"w_pairs": ("w_segments",), "w_tools": ("w_segments",), "w_unattended": ("w_segments",)}
_COLUMNS: Final = {
    "w_pairs": ("segment_count",),
    "w_tools": ("tools_called",),
    "w_unattended": (
        "segment_count", "prompt_hash", "trace_id", "root_span_kind", "root_span_name", "output_kind", "tools_hash",
        "batch", "stream",
    ),
}  # fmt: skip


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
