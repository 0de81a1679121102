-- A window by day, model and task: few enough cells for every breakdown to be summed from them.
SELECT
    CAST(start AS DATE) AS day,
    model,
    task,
    count(*) AS calls,
    count(*) FILTER (cost_picousd IS NULL) AS unpriced_calls,
    count(*) FILTER (status IN ('error', 'timeout', 'aborted', 'cancelled')) AS errors,
    count(*) FILTER (list_contains(flags, 'estimated')) AS estimated_calls,
    sum(input_tokens) AS input_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cost_picousd) AS cost_picousd,
    min(start) AS first_start,
    max(start) AS last_start
FROM v_calls
WHERE start >= $start AND start < $end
GROUP BY ALL
