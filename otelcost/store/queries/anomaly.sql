-- Priced calls of some slots by task and model, with their tokens: what a change is split into.
SELECT
    time_bucket(to_minutes(CAST($minutes AS BIGINT)), start) AS slot,
    CAST(start AS DATE) AS day,
    task,
    model,
    count(*) AS calls,
    0 AS unpriced_calls,
    CAST(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) AS BIGINT) AS tokens,
    CAST(sum(cost_picousd) AS BIGINT) AS picousd
FROM v_calls
WHERE start >= $start AND start < $end AND cost_picousd IS NOT NULL
    AND time_bucket(to_minutes(CAST($minutes AS BIGINT)), start) IN (SELECT unnest(CAST($slots AS TIMESTAMP[])))
GROUP BY ALL
ORDER BY ALL
