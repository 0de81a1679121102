-- A window by task and block of time, counted back from its end so that every block but the oldest is whole.
SELECT
    task,
    CAST(floor((epoch_us(CAST($end AS TIMESTAMP)) - epoch_us(start) - 1) / $block_us) AS BIGINT) AS block,
    count(*) AS calls,
    count(*) FILTER (input_tokens IS NOT NULL OR output_tokens IS NOT NULL) AS counted_calls,
    CAST(coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)), 0) AS BIGINT) AS tokens,
    count(cost_picousd) AS priced_calls,
    CAST(coalesce(sum(cost_picousd), 0) AS BIGINT) AS cost_picousd
FROM v_calls
WHERE start >= $start AND start < $end
GROUP BY ALL
ORDER BY ALL
