-- Groups that write more to the cache than their reads are worth. The engine says what the plain input would cost.
WITH used AS (
    SELECT
        c.g, count(*) FILTER (c.cache_write_short_tokens + coalesce(c.cache_write_long_tokens, 0) > 0) AS writing,
        sum(coalesce(c.cache_read_tokens, 0))::BIGINT AS read_tokens,
        sum(coalesce(c.cache_write_short_tokens, 0))::BIGINT AS short_tokens,
        sum(coalesce(c.cache_write_long_tokens, 0))::BIGINT AS long_tokens,
        count(*) FILTER (c.cache_marks > 0) AS marked,
        list(c.n) FILTER (c.cache_marks > 0 AND c.cost_picousd IS NOT NULL) AS calls
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
)
SELECT
    task, provider || '/' || model || ' ' || printf('%016x', tools) AS target, calls,
    '{"kind": "disable_cache"}' AS transform,
    to_json({
        'model': model, 'calls_that_write': writing, 'written_tokens': short_tokens + long_tokens,
        'read_tokens': read_tokens,
        'read_percent': round(100 * read_tokens / (short_tokens + long_tokens))::BIGINT
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM unread
WHERE NOT automatic AND marked > 0
UNION ALL
SELECT task, NULL, NULL, NULL, NULL,
    'its provider writes by itself: ' || round(100 * read_tokens / (short_tokens + long_tokens))::BIGINT
        || '% of what was written was read, and no marker can be taken out'
FROM unread
WHERE automatic
ORDER BY task, target, not_checked
