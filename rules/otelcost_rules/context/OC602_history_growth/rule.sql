-- Conversations sent whole every time: what is older than the newest turns, as a share of all input.
WITH messages AS (
    SELECT s.n, s.g, s.position, s.hash, s.tokens,
        s."role" = 'user' AND s.kind <> 'tool_result' AS is_turn
    FROM w_segments s
    WHERE s.kind NOT IN ('tool', 'schema', 'system') AND s."role" <> 'system'
),
sizes AS (
    SELECT n, sum(CASE WHEN is_turn THEN 1 ELSE 0 END) AS turns FROM messages GROUP BY n
),
long_calls AS (
    SELECT s.n, c.g, c.task, c.input_tokens, s.turns
    FROM sizes s
    JOIN w_calls c ON c.n = s.n
    WHERE s.turns > $keep_turns AND c.status IN ('ok', 'incomplete') AND c.operation <> 'embeddings'
        AND c.cost_picousd IS NOT NULL
),
-- a conversation is known by its first message; what stands in many of them is no history
conversations AS (
    SELECT n, arg_min(hash, position) AS conversation FROM messages GROUP BY n
),
counted AS (
    SELECT m.g, count(DISTINCT c.conversation) AS conversations
    FROM messages m
    JOIN conversations c ON c.n = m.n
    GROUP BY m.g
),
common AS (
    SELECT m.g, m.hash, count(DISTINCT c.conversation) AS conversations
    FROM messages m
    JOIN conversations c ON c.n = m.n
    GROUP BY m.g, m.hash
),
older AS (
    SELECT m.n, m.g, m.hash, m.tokens,
        sum(CASE WHEN m.is_turn THEN 1 ELSE 0 END) OVER (
            PARTITION BY m.n ORDER BY m.position DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS later_turns
    FROM messages m
    JOIN long_calls l ON l.n = m.n
),
cut AS (
    SELECT o.n, sum(o.tokens)::BIGINT AS old_tokens,
        sum(CASE WHEN k.conversations > $max_static_share * g.conversations THEN o.tokens ELSE 0 END)::BIGINT
            AS static_tokens
    FROM older o
    JOIN common k ON k.g = o.g AND k.hash = o.hash
    JOIN counted g ON g.g = o.g
    WHERE coalesce(o.later_turns, 0) >= $keep_turns
    GROUP BY o.n
),
spent AS (
    SELECT task, sum(input_tokens)::BIGINT AS input_tokens FROM w_calls GROUP BY task
),
tasks AS (
    SELECT l.task, list(l.n) AS calls, count(*) AS long_calls, sum(c.old_tokens)::BIGINT AS old_tokens,
        max(l.turns)::BIGINT AS most_turns
    FROM long_calls l
    JOIN cut c ON c.n = l.n
    WHERE c.static_tokens * 2 <= c.old_tokens
    GROUP BY l.task
    HAVING count(*) >= $min_calls
)
SELECT
    t.task, '' AS target, t.calls,
    to_json({'kind': 'trim_history', 'keep_turns': $keep_turns})::VARCHAR AS transform,
    to_json({
        'keep_turns': $keep_turns, 'long_calls': t.long_calls, 'most_turns': t.most_turns,
        'old_tokens': t.old_tokens, 'old_percent': round(100 * t.old_tokens / s.input_tokens)::BIGINT
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks t
JOIN spent s ON s.task = t.task
WHERE t.old_tokens >= $min_old_share * s.input_tokens
ORDER BY t.task
