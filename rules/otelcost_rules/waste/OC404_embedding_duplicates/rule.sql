-- Texts that the same model had turned into a vector before. One request may carry many texts.
WITH embedded AS (
    SELECT s.n, s.position, c.task, c.provider, c.model, s.hash, s.tokens, c.start,
        min(c.end_at) OVER (
            PARTITION BY c.provider, c.model, s.hash ORDER BY c.start
            RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING) AS first_end,
        row_number() OVER (PARTITION BY s.n, c.model, s.hash ORDER BY s.position) AS within
    FROM w_calls c
    JOIN w_segments s ON s.n = c.n
    WHERE c.operation = 'embeddings' AND c.status = 'ok' AND c.cost_picousd > 0 AND s.tokens > 0
),
repeated AS (
    SELECT * FROM embedded WHERE first_end <= start OR within > 1
),
tasks AS (
    SELECT task, list({'n': n, 'position': position}) AS calls, count(*) AS duplicates, count(DISTINCT hash) AS texts,
        sum(tokens)::BIGINT AS tokens
    FROM repeated
    GROUP BY task
    HAVING count(*) >= $min_duplicates
)
SELECT
    task, '' AS target, calls, '{"kind": "remove_segment"}' AS transform,
    to_json({'duplicates': duplicates, 'different_texts': texts, 'repeated_tokens': tokens})::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks
ORDER BY task, target
