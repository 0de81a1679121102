-- Attempts that were billed and ended in an error or a time-out, and were not sent again.
WITH attempts AS (
    SELECT
        n, task, status, error_type, cost_picousd,
        attempt < max(attempt) OVER (PARTITION BY trace_id, operation_id)
            OR coalesce(request_hash IS NOT NULL AND lead(n) OVER (
                PARTITION BY trace_id, request_hash ORDER BY n) IS NOT NULL, false) AS sent_again
    FROM w_calls
    WHERE NOT coalesce(batch, false)
        AND trace_id IN (SELECT trace_id FROM w_calls WHERE status IN ('error', 'timeout'))
),
everything AS (
    SELECT task, count(*) AS attempts, sum(cost_picousd) AS spend
    FROM w_calls
    WHERE NOT coalesce(batch, false)
    GROUP BY task
),
tasks AS (
    SELECT
        task,
        list(n) FILTER (status IN ('error', 'timeout') AND NOT sent_again AND cost_picousd > 0) AS calls,
        count(*) FILTER (status IN ('error', 'timeout') AND NOT sent_again AND cost_picousd > 0) AS billed,
        count(*) FILTER (status IN ('error', 'timeout') AND coalesce(cost_picousd, 0) = 0) AS not_billed,
        coalesce(sum(cost_picousd) FILTER (status IN ('error', 'timeout') AND NOT sent_again), 0) AS lost,
        list_sort(list(DISTINCT coalesce(error_type, status)) FILTER (
            status IN ('error', 'timeout') AND NOT sent_again AND cost_picousd > 0)) AS errors
    FROM attempts
    GROUP BY task
)
SELECT
    t.task, '' AS target, t.calls, '{"kind": "drop_call"}' AS transform,
    to_json({
        'billed': t.billed, 'not_billed': t.not_billed, 'attempts': e.attempts,
        'errors': array_to_string(t.errors[1:3], ', ')
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks t
JOIN everything e ON e.task = t.task
WHERE t.billed >= $min_errors AND t.lost >= $min_share * e.spend
ORDER BY t.task, target
