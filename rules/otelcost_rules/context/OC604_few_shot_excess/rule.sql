-- Pairs of a question and an answer that stand in every prompt of a group, before what is asked.
WITH answered AS (
    SELECT n, g FROM w_calls
    WHERE status IN ('ok', 'incomplete') AND operation <> 'embeddings' AND cost_picousd IS NOT NULL AND segment_count > 1
),
sizes AS (
    SELECT g, count(*) AS calls FROM answered GROUP BY g HAVING count(*) >= $min_calls
),
places AS (
    SELECT s.g, s.position, s."role" AS "role", s.hash, count(*) AS calls, max(s.tokens) AS tokens
    FROM answered a
    JOIN w_segments s ON s.n = a.n
    JOIN sizes z ON z.g = a.g
    WHERE s."role" IN ('user', 'assistant') AND s.kind = 'text'
    GROUP BY s.g, s.position, s."role", s.hash
),
static AS (
    SELECT p.g, p.position, p."role", p.hash, p.tokens, p.calls
    FROM places p
    JOIN sizes z ON z.g = p.g
    WHERE p.calls >= $min_share * z.calls
),
-- an example is a static question followed by a static answer
examples AS (
    SELECT q.g, q.position AS question, a.position AS answer, q.hash AS question_hash, a.hash AS answer_hash,
        q.tokens + a.tokens AS tokens,
        row_number() OVER (PARTITION BY q.g ORDER BY q.position) AS nth,
        count(*) OVER (PARTITION BY q.g) AS examples
    FROM static q
    JOIN static a ON a.g = q.g AND a.position = q.position + 1 AND a."role" = 'assistant'
    WHERE q."role" = 'user'
),
surplus AS (
    SELECT g, any_value(examples) AS examples, sum(tokens)::BIGINT AS tokens,
        flatten(list([question_hash, answer_hash])) AS hashes
    FROM examples
    WHERE nth > $keep_examples
    GROUP BY g
    HAVING sum(tokens) >= $min_tokens
),
called AS (
    SELECT a.g, list(DISTINCT a.n) AS calls
    FROM answered a
    JOIN surplus x ON x.g = a.g
    JOIN w_segments s ON s.n = a.n AND list_contains(x.hashes, s.hash)
    GROUP BY a.g
)
SELECT
    g.task, g.provider || '/' || g.model || ' ' || printf('%016x', coalesce(g.tools_hash, 0)) AS target, c.calls,
    to_json({'kind': 'remove_segment', 'hashes': x.hashes})::VARCHAR AS transform,
    to_json({
        'model': g.model, 'examples': x.examples, 'keep_examples': $keep_examples, 'surplus_tokens': x.tokens
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM surplus x
JOIN called c ON c.g = x.g
JOIN w_groups g ON g.g = x.g
ORDER BY g.task, target
