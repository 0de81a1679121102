-- Images sent at more than low detail to an API that has the choice, where they are much of the input.
WITH images AS (
    SELECT s.n, sum(s.tokens)::BIGINT AS tokens, sum(greatest(s.tokens - $low_tokens, 0))::BIGINT AS surplus,
        count(*) AS images
    FROM w_segments s
    WHERE s.kind = 'image' AND s.image_detail IN ('high', 'auto', 'original') AND s.tokens > $low_tokens
    GROUP BY s.n
),
shown AS (
    SELECT c.n, c.task, c.provider, c.model, c.input_tokens, i.tokens, i.surplus, i.images
    FROM images i
    JOIN w_calls c ON c.n = i.n
    WHERE c.provider IN ('openai', 'azure.ai.openai') AND c.status IN ('ok', 'incomplete')
        AND c.cost_picousd IS NOT NULL
)
SELECT
    task, provider || '/' || model AS target, list({'n': n, 'tokens': surplus}) AS calls,
    to_json({
        'kind': 'image_detail', 'detail': 'low', 'token_milli': 1000 - 1000 * sum(surplus)::BIGINT // sum(tokens)::BIGINT
    })::VARCHAR AS transform,
    to_json({
        'model': model, 'images': sum(images)::BIGINT, 'tokens_an_image': (sum(tokens) // sum(images))::BIGINT,
        'image_percent': round(100 * sum(tokens) / sum(input_tokens))::BIGINT
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM shown
GROUP BY task, provider, model
HAVING count(*) >= $min_calls AND sum(tokens) >= $min_image_share * sum(input_tokens)
ORDER BY task, target
