-- Answers of a fixed form that were sent back within one request of the application, with what was wrong with them.
WITH asked AS (
    SELECT
        n, g, task, trace_id, parent_span_id, schema_hash, start, end_at, segment_count, prompt_hash, output_kind,
        tools_called, cost_picousd,
        row_number() OVER w AS place,
        lead(n) OVER w AS next_n, lead(start) OVER w AS next_start, lead(segment_count) OVER w AS next_count,
        last_value(output_kind) OVER whole AS last_kind, last_value(tools_called) OVER whole AS last_tools
    FROM w_calls
    WHERE status = 'ok' AND parent_span_id IS NOT NULL AND segment_count > 0 AND operation <> 'embeddings'
        AND schema_hash IS NOT NULL AND NOT coalesce(batch, false)
    WINDOW
        w AS (PARTITION BY trace_id, parent_span_id, g, schema_hash ORDER BY start, n),
        whole AS (
            PARTITION BY trace_id, parent_span_id, g, schema_hash ORDER BY start, n
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
),
sent_back AS (
    SELECT a.n, a.task, a.place, a.cost_picousd
    FROM asked a
    JOIN w_segments s ON s.n = a.next_n AND s.position = a.segment_count AND s.prefix_hash = a.prompt_hash
    WHERE a.next_count > a.segment_count AND a.next_start >= a.end_at
        AND a.next_start <= a.end_at + to_seconds($resend_seconds)
        -- the last answer has the form of this one: an agent's last one would be prose
        AND a.output_kind = a.last_kind AND a.tools_called IS NOT DISTINCT FROM a.last_tools
),
firsts AS (
    SELECT a.task, count(*) AS operations, count(*) FILTER (b.n IS NULL) AS first_time
    FROM asked a
    LEFT JOIN sent_back b ON b.n = a.n
    WHERE a.place = 1
    GROUP BY a.task
),
tasks AS (
    SELECT task, list(n) FILTER (cost_picousd > 0) AS calls, count(*) FILTER (cost_picousd > 0) AS thrown_away
    FROM sent_back
    GROUP BY task
)
SELECT
    t.task, '' AS target, t.calls, '{"kind": "drop_call"}' AS transform,
    to_json({
        'thrown_away': t.thrown_away, 'operations': f.operations, 'valid_at_first': f.first_time
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks t
JOIN firsts f ON f.task = t.task
WHERE t.thrown_away >= $min_thrown_away AND f.first_time >= $min_first_time_share * f.operations
UNION ALL
SELECT t.task, NULL, NULL, NULL, NULL, 'nearly every answer is sent back: a second look may be part of the design'
FROM tasks t
JOIN firsts f ON f.task = t.task
WHERE t.thrown_away >= $min_thrown_away AND f.first_time < $min_first_time_share * f.operations
ORDER BY task, target, not_checked
