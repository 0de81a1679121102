-- Attempts that were billed and ended in an error or a time-out, and were not sent again.
WITH attempts AS (
    SELECT
        n, task, status, error_type, cost_picousd,
        attempt < max(attempt) OVER (PARTITION BY trace_id, operation_id)
            OR coalesce(request_hash IS NOT NULL AND lead(n) OVER (
                PARTITION BY trace_id, request_hash ORDER BY start, n) IS NOT NULL, false) AS sent_again
    FROM w_calls
    WHERE NOT coalesce(batch, false)
),
tasks AS (
    SELECT
        task,
        list(n) FILTER (status IN ('error', 'timeout') AND NOT sent_again AND cost_picousd > 0) AS calls,
        count(*) FILTER (status IN ('error', 'timeout') AND NOT sent_again AND cost_picousd > 0) AS billed,
        count(*) FILTER (status IN ('error', 'timeout') AND coalesce(cost_picousd, 0) = 0) AS not_billed,
        count(*) AS attempts,
        coalesce(sum(cost_picousd) FILTER (status IN ('error', 'timeout') AND NOT sent_again), 0) AS lost,
        sum(cost_picousd) AS spend,
        list_sort(list(DISTINCT coalesce(error_type, status)) FILTER (
            status IN ('error', 'timeout') AND NOT sent_again AND cost_picousd > 0)) AS errors
    FROM attempts
    GROUP BY task
)
SELECT
    task, '' AS target, calls, '{"kind": "drop_call"}' AS transform,
    to_json({
        'billed': billed, 'not_billed': not_billed, 'attempts': attempts, 'errors': array_to_string(errors[1:3], ', ')
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks
WHERE billed >= $min_errors AND lost >= $min_share * spend
ORDER BY task, target
