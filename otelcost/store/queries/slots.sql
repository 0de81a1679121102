-- Calls of a window by slot of UTC and task: what hours and days of any time zone are put together from.
SELECT
    time_bucket(to_minutes(CAST($minutes AS BIGINT)), start) AS slot,
    task,
    count(*) AS calls,
    count(*) FILTER (cost_picousd IS NULL) AS unpriced_calls,
    CAST(coalesce(sum(cost_picousd), 0) AS BIGINT) AS cost_picousd
FROM v_calls
WHERE start >= $start AND start < $end AND {scope}
GROUP BY ALL
ORDER BY ALL
