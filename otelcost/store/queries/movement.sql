SELECT
    start::DATE AS day, task, model,
    count(*) FILTER (cost_picousd IS NOT NULL) AS calls,
    count(*) FILTER (cost_picousd IS NULL) AS unpriced_calls,
    -- Of the priced calls: the tokens that the money was paid for.
    coalesce(sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FILTER (cost_picousd IS NOT NULL), 0)::BIGINT
        AS tokens,
    coalesce(sum(cost_picousd), 0)::BIGINT AS picousd
FROM v_calls
WHERE start >= $start AND start < $end
GROUP BY ALL
ORDER BY ALL
