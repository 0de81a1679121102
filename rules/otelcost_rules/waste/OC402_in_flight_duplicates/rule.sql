-- Requests that equal one on its way to be answered: a store of answers would have come too late for them.
WITH asked AS (
    SELECT
        n, task, provider, trace_id, start, end_at, output_hash, cost_picousd,
        max(end_at) OVER earlier AS busy_until,
        lag(trace_id) OVER w AS earlier_trace, first_value(output_hash) OVER burst AS earlier_output,
        min(end_at) OVER (
            PARTITION BY provider, request_hash ORDER BY start
            RANGE BETWEEN to_hours($horizon_hours::INTEGER) PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
        ) AS first_end
    FROM w_calls
    WHERE status = 'ok' AND request_hash IS NOT NULL AND temperature = 0 AND operation <> 'embeddings'
        AND NOT coalesce(batch, false)
    WINDOW
        w AS (PARTITION BY provider, request_hash ORDER BY start, n),
        earlier AS (
            PARTITION BY provider, request_hash ORDER BY start, n
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        burst AS (
            PARTITION BY provider, request_hash ORDER BY start, n
            ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
),
followers AS (
    SELECT *, start < busy_until AND coalesce(first_end > start, true) AND trace_id <> earlier_trace AS in_flight
    FROM asked
    WHERE busy_until IS NOT NULL
),
tasks AS (
    SELECT
        task, list(n) FILTER (in_flight AND cost_picousd > 0) AS calls,
        count(*) FILTER (in_flight AND cost_picousd > 0) AS in_flight,
        avg(CASE WHEN output_hash IS NULL OR earlier_output IS NULL THEN NULL
            WHEN output_hash = earlier_output THEN 1.0 ELSE 0.0 END) FILTER (in_flight) AS same_answers
    FROM followers
    GROUP BY task
)
SELECT
    task, '' AS target, calls, '{"kind": "drop_call"}' AS transform,
    to_json({'in_flight': in_flight, 'same_answers_percent': round(100 * same_answers)::BIGINT})::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks
WHERE in_flight >= $min_in_flight AND coalesce(same_answers, 1.0) >= $min_same_answers
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, 'equal requests sent side by side get different answers'
FROM tasks
WHERE in_flight >= $min_in_flight AND same_answers < $min_same_answers
ORDER BY task, target, not_checked
