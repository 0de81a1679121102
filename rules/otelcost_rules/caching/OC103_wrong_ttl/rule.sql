-- Groups whose breakpoints all have one lifetime, where the provider offers another: the replay says which is cheaper.
WITH marked AS (
    SELECT s.g, count(DISTINCT s.n) AS calls, min(s.cache) AS ttl, count(DISTINCT s.cache) AS lifetimes
    FROM w_segments s
    WHERE s.cache IS NOT NULL
    GROUP BY s.g
),
groups AS (
    SELECT m.g, g.task, g.provider, g.model, m.ttl, m.lifetimes, coalesce(g.tools_hash, 0) AS tools
    FROM marked m
    JOIN w_groups g ON g.g = m.g
    JOIN w_models k ON k.provider = g.provider AND k.model = g.model
    WHERE NOT coalesce(k.cache_automatic, true) AND k.cache_long_s > k.cache_short_s AND m.calls >= $min_calls
),
changed AS (
    SELECT *, CASE WHEN ttl = '5m' THEN '1h' ELSE '5m' END AS other FROM groups WHERE lifetimes = 1
),
called AS (
    SELECT c.g, list(c.n) AS calls
    FROM w_calls c
    JOIN changed x ON x.g = c.g
    WHERE c.status IN ('ok', 'incomplete') AND c.cache_marks > 0 AND c.cost_picousd IS NOT NULL
        AND NOT coalesce(c.batch, false)
    GROUP BY c.g
)
SELECT
    x.task, x.provider || '/' || x.model || ' ' || printf('%016x', x.tools) || ' ' || x.other AS target, c.calls,
    to_json({'kind': 'change_ttl', 'ttl': x.other})::VARCHAR AS transform,
    to_json({
        'model': x.model,
        'old_lifetime': CASE WHEN x.ttl = '5m' THEN '5 minutes' ELSE '1 hour' END,
        'new_lifetime': CASE WHEN x.other = '5m' THEN '5 minutes' ELSE '1 hour' END,
        'new_marker': CASE WHEN x.other = '5m' THEN 'cache_control {"type": "ephemeral"}, and no ttl'
            ELSE 'cache_control {"type": "ephemeral", "ttl": "1h"}' END
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM changed x
JOIN called c ON c.g = x.g
UNION ALL
SELECT DISTINCT task, NULL, NULL, NULL, NULL, 'its prompts have breakpoints of both lifetimes' FROM groups
WHERE lifetimes > 1
ORDER BY task, target, not_checked
