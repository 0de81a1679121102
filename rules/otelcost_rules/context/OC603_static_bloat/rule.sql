-- A large block of data beside the instructions that stands unchanged in nearly every call of a task.
WITH answered AS (
    SELECT n, g, task, input_tokens FROM w_calls
    WHERE status IN ('ok', 'incomplete') AND operation <> 'embeddings' AND cost_picousd IS NOT NULL AND segment_count > 0
),
sizes AS (
    SELECT task, count(*) AS calls FROM answered GROUP BY task
),
blocks AS (
    SELECT a.task, s.hash, list(a.n) AS ns, count(DISTINCT a.n) AS calls, max(s.tokens) AS tokens,
        min(s.kind) AS kind, sum(a.input_tokens)::BIGINT AS input_tokens
    FROM answered a
    JOIN w_segments s ON s.n = a.n
    WHERE s."role" = 'user' AND s.kind IN ('text', 'document') AND s.tokens >= $min_tokens AND s.position < (
        SELECT max(c.segment_count) FROM w_calls c WHERE c.n = s.n)
    GROUP BY a.task, s.hash
),
static AS (
    SELECT b.*, z.calls AS all_calls
    FROM blocks b
    JOIN sizes z ON z.task = b.task
    WHERE b.calls >= $min_calls AND b.calls >= $min_share * z.calls
        AND b.tokens * b.calls >= $min_input_share * b.input_tokens
)
SELECT
    task, printf('%016x', hash) AS target, ns AS calls,
    to_json({'kind': 'remove_segment', 'hashes': [hash]})::VARCHAR AS transform,
    to_json({
        'static_tokens': tokens, 'input_tokens': input_tokens // calls, 'calls_with_it': calls,
        'share_percent': round(100 * calls / all_calls)::BIGINT,
        'what': CASE WHEN kind = 'document' THEN 'document' ELSE 'text' END
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM static
ORDER BY task, target
