-- One row a task of the window; what it cost in the window before stands beside it.
WITH current AS (
    SELECT
        task,
        any_value(task_source) AS task_source,
        mode(call_site) AS call_site,
        count(*) AS calls,
        count(DISTINCT operation_id) AS operations,
        count(*) FILTER (status IN ('error', 'timeout', 'aborted', 'cancelled')) AS errors,
        count(*) FILTER (cost_picousd IS NULL) AS unpriced_calls,
        sum(input_tokens) AS input_tokens,
        sum(cache_read_tokens) AS cache_read_tokens,
        sum(output_tokens) AS output_tokens,
        list(DISTINCT model ORDER BY model) FILTER (model IS NOT NULL) AS models,
        sum(cost_picousd) AS cost_picousd
    FROM v_calls
    WHERE start >= $start AND start < $end
    GROUP BY task
),
before AS (
    SELECT task, sum(cost_picousd) AS previous_picousd
    FROM v_calls
    WHERE start >= $previous_start AND start < $start
    GROUP BY task
)
SELECT current.*, before.previous_picousd
FROM current
LEFT JOIN before USING (task)
ORDER BY cost_picousd DESC NULLS LAST, calls DESC, task
