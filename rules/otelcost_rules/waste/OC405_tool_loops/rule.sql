-- Steps of an agent that called a tool with the arguments of the step before, and got the same result.
WITH steps AS (
    SELECT
        c.n, c.g, c.task, c.trace_id, c.start, c.segment_count, c.cost_picousd,
        epoch_us(c.start) - epoch_us(lag(c.end_at) OVER w) AS pause_us,
        lead(c.n) OVER w AS next_n, lead(c.segment_count) OVER w AS next_count
    FROM w_calls c
    WHERE c.status = 'ok' AND c.segment_count > 0 AND c.operation <> 'embeddings' AND NOT coalesce(c.batch, false)
    WINDOW w AS (PARTITION BY c.trace_id, c.g ORDER BY c.start, c.n)
),
-- what the answer of a step and the tool's result became in the prompt of the next one
answered AS (
    SELECT
        s.n, s.g, s.task, s.trace_id, s.start, s.cost_picousd, s.pause_us,
        list(x.hash ORDER BY x.position) AS pieces,
        bool_or(x.kind = 'tool_call') AND bool_or(x.kind = 'tool_result') AS tool
    FROM steps s
    JOIN w_segments x ON x.n = s.next_n AND x.position > s.segment_count
    WHERE s.next_count > s.segment_count
    GROUP BY s.n, s.g, s.task, s.trace_id, s.start, s.cost_picousd, s.pause_us
),
compared AS (
    SELECT *, coalesce(tool AND pieces = lag(pieces) OVER w AND pause_us <= $max_pause_seconds * 1000000, false) AS again
    FROM answered
    WINDOW w AS (PARTITION BY trace_id, g ORDER BY start, n)
),
numbered AS (
    SELECT *, count(*) FILTER (NOT again) OVER (
        PARTITION BY trace_id, g ORDER BY start, n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
    FROM compared
),
runs AS (
    SELECT *, count(*) OVER (PARTITION BY trace_id, g, run) AS run_steps FROM numbered
),
tasks AS (
    SELECT task, list(n) AS calls, count(*) AS repeats, count(DISTINCT trace_id) AS agent_runs,
        max(run_steps) AS longest
    FROM runs
    WHERE again AND run_steps >= $min_run AND cost_picousd > 0
    GROUP BY task
    HAVING count(*) >= $min_repeats
)
SELECT
    task, '' AS target, calls, '{"kind": "drop_call"}' AS transform,
    to_json({'repeats': repeats, 'runs': agent_runs, 'longest_loop': longest})::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks
ORDER BY task, target
