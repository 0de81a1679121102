-- Groups that write more to the cache than their reads are worth, and those whose last breakpoint alone does. The engine
-- says what the plain input would cost, or the prompt with its useful breakpoint only.
WITH used AS (
    SELECT
        c.g, count(*) FILTER (c.cache_write_short_tokens + coalesce(c.cache_write_long_tokens, 0) > 0) AS writing,
        sum(coalesce(c.cache_read_tokens, 0))::BIGINT AS read_tokens,
        sum(coalesce(c.cache_write_short_tokens, 0))::BIGINT AS short_tokens,
        sum(coalesce(c.cache_write_long_tokens, 0))::BIGINT AS long_tokens,
        count(*) FILTER (c.cache_marks > 0) AS marked,
        list({'n': c.n, 'position': NULL::INTEGER}) FILTER (c.cache_marks > 0 AND c.cost_picousd IS NOT NULL) AS calls
    FROM w_calls c
    WHERE c.status IN ('ok', 'incomplete') AND NOT coalesce(c.batch, false)
    GROUP BY c.g
),
unread AS (
    SELECT u.*, g.task, g.provider, g.model, coalesce(g.tools_hash, 0) AS tools, coalesce(m.cache_automatic, false) AS automatic
    FROM used u
    JOIN w_groups g ON g.g = u.g
    LEFT JOIN w_models m ON m.provider = g.provider AND m.model = g.model
    WHERE u.writing >= $min_calls
        AND u.read_tokens < $break_even_short * u.short_tokens + $break_even_long * u.long_tokens
),

-- several breakpoints: what ends at the last one stands in no other prompt, and what ends at an earlier one does
several AS (
    SELECT c.g FROM w_calls c
    WHERE c.status IN ('ok', 'incomplete') AND c.cache_marks > 1 AND NOT coalesce(c.batch, false)
    GROUP BY c.g
    HAVING count(*) >= $min_calls
),
stored AS (
    SELECT s.n, s.g, s.position, s.prefix_hash, s.cache
    FROM w_segments s
    JOIN w_calls c ON c.n = s.n
    WHERE s.g IN (SELECT g FROM several) AND s.cache IS NOT NULL AND c.status IN ('ok', 'incomplete')
        AND c.cost_picousd IS NOT NULL AND NOT coalesce(c.batch, false)
),
again AS (
    SELECT s.g, s.prefix_hash
    FROM w_segments s
    WHERE s.g IN (SELECT g FROM several) AND s.prefix_hash IN (SELECT prefix_hash FROM stored)
    GROUP BY s.g, s.prefix_hash
    HAVING count(DISTINCT s.n) > 1
),
ends AS (
    SELECT s.n, s.g, count(*) AS marks, arg_max(a.prefix_hash IS NOT NULL, s.position) AS last_comes_again,
        max(s.position) FILTER (a.prefix_hash IS NOT NULL) AS keep,
        min(s.cache) AS ttl, count(DISTINCT s.cache) AS lifetimes
    FROM stored s
    LEFT JOIN again a ON a.g = s.g AND a.prefix_hash = s.prefix_hash
    GROUP BY s.n, s.g
),
lone AS (
    SELECT g, min(ttl) AS ttl, count(*) FILTER (NOT last_comes_again) AS writing,
        list({'n': n, 'position': keep::INTEGER}) AS calls
    FROM ends
    GROUP BY g
    HAVING count(*) FILTER (NOT last_comes_again AND marks > 1) >= $min_lone_share * count(*)
        AND count(*) = count(keep) AND max(lifetimes) = 1 AND count(DISTINCT ttl) = 1
)
SELECT
    task, provider || '/' || model || ' ' || printf('%016x', tools) AS target, calls,
    '{"kind": "disable_cache"}' AS transform,
    to_json({
        'model': model, 'calls_that_write': writing, 'written_tokens': short_tokens + long_tokens,
        'read_tokens': read_tokens,
        'read_percent': round(100 * read_tokens / (short_tokens + long_tokens))::BIGINT,
        'markers': 'markers'
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM unread
WHERE NOT automatic AND marked > 0
UNION ALL
SELECT g.task, g.provider || '/' || g.model || ' ' || printf('%016x', coalesce(g.tools_hash, 0)) || ' last', l.calls,
    to_json({'kind': 'enable_cache', 'breakpoint': 1, 'ttl': l.ttl})::VARCHAR,
    to_json({
        'model': g.model, 'calls_that_write': l.writing, 'written_tokens': u.short_tokens + u.long_tokens,
        'read_tokens': u.read_tokens,
        'read_percent': round(100 * u.read_tokens / greatest(u.short_tokens + u.long_tokens, 1))::BIGINT,
        'markers': 'last marker'
    })::VARCHAR,
    NULL
FROM lone l
JOIN used u ON u.g = l.g
JOIN w_groups g ON g.g = l.g
JOIN w_models m ON m.provider = g.provider AND m.model = g.model
WHERE NOT coalesce(m.cache_automatic, true)
UNION ALL
SELECT task, NULL, NULL, NULL, NULL,
    'its provider writes by itself: ' || round(100 * read_tokens / (short_tokens + long_tokens))::BIGINT
        || '% of what was written was read, and no marker can be taken out'
FROM unread
WHERE automatic
ORDER BY task, target, not_checked
