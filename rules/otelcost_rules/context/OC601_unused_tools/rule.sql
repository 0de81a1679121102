-- Tools that a task offers with every call and never calls, whatever set they are offered in.
WITH tools AS (
    SELECT g.task, t."name" AS tool, sum(t.offered)::BIGINT AS offered, sum(t.called)::BIGINT AS called,
        max(t.tokens) AS tokens
    FROM w_tools t
    JOIN w_groups g ON g.g = t.g
    GROUP BY g.task, t."name"
),
tasks AS (
    SELECT task, count(*) AS tools, sum(called) AS called FROM tools GROUP BY task
),
unused AS (
    SELECT t.task, list(t.tool ORDER BY t.tool) AS names, count(*) AS unused, sum(t.tokens)::BIGINT AS tokens,
        min(t.offered) AS offered
    FROM tools t
    WHERE t.called = 0 AND t.offered >= $min_offered
    GROUP BY t.task
    HAVING sum(t.tokens) >= $min_tokens
),
carrying AS (
    SELECT c.task, list(DISTINCT c.n) AS calls
    FROM unused u
    JOIN w_calls c ON c.task = u.task
    JOIN w_segments s ON s.n = c.n AND s.kind = 'tool' AND list_contains(u.names, s."name")
    WHERE c.cost_picousd IS NOT NULL AND c.status IN ('ok', 'incomplete')
    GROUP BY c.task
)
SELECT
    u.task, '' AS target, k.calls,
    to_json({'kind': 'remove_segment', 'tools': u.names})::VARCHAR AS transform,
    to_json({
        'unused': u.unused, 'offered': t.tools, 'tokens': u.tokens, 'calls_offered': u.offered,
        'uses_at_most_percent': round(300.0 / u.offered, 2),
        'names': array_to_string(u.names[1:6], ', ') || CASE WHEN u.unused > 6 THEN ', ...' ELSE '' END
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM unused u
JOIN tasks t ON t.task = u.task
JOIN carrying k ON k.task = u.task
WHERE t.called > 0
UNION ALL
SELECT u.task, NULL, NULL, NULL, NULL, 'no call of any of its tools is on record'
FROM unused u
JOIN tasks t ON t.task = u.task
WHERE t.called = 0
ORDER BY task, target, not_checked
