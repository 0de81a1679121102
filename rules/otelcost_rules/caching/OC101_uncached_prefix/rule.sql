-- A prompt whose start repeats but is paid in full each time, in one of two ways:
-- unmarked: nobody set a breakpoint where the provider needs one;
-- broken:   a value that changes with every call (a time, an id, a counter) stands above the stable text.
WITH eligible AS (
    SELECT
        c.n, c.start, c.task, c.provider, c.model, coalesce(c.tools_hash, 0) AS tools,
        m.cache_minimum_tokens AS minimum, m.cache_automatic AS automatic,
        c.cache_marks = 0 AND coalesce(c.cache_read_tokens, 0) + coalesce(c.cache_write_short_tokens, 0)
            + coalesce(c.cache_write_long_tokens, 0) = 0 AS untouched
    FROM w_calls c
    JOIN w_models m ON m.provider = c.provider AND m.model = c.model
    WHERE c.status IN ('ok', 'incomplete') AND c.operation <> 'embeddings' AND NOT coalesce(c.batch, false)
        AND c.cost_picousd IS NOT NULL AND m.cache_minimum_tokens IS NOT NULL AND c.segment_count > 0
),
prefixes AS (
    SELECT
        e.n, e.task, e.provider, e.model, e.tools, e.minimum, e.automatic, e.untouched,
        s.position, s."role" AS "role", s.prefix_hash,
        s.tokens_to AS tokens
    FROM eligible e
    JOIN w_segments s ON s.n = e.n
    WHERE s.tokens_to >= e.minimum
),

-- broken: where does each call first differ from the one before it in its group?
second_difference AS (
    SELECT e.n, e.task, e.provider, e.model, e.tools, p.first_difference AS place,
        coalesce(p.next_difference, p.compared_to + 1) AS next_place,
        CASE WHEN p.only_values AND s."role" IN ('system', 'tool') THEN 1 ELSE 0 END AS only_values
    FROM eligible e
    JOIN w_pairs p ON p.n = e.n
    LEFT JOIN w_segments s ON s.n = p.n AND s.position = p.first_difference
),
group_pairs AS (
    SELECT task, provider, model, tools, count(*) AS pairs FROM second_difference GROUP BY task, provider, model, tools
),
places AS (
    SELECT task, provider, model, tools, place, next_place, count(*) AS hits,
        sum(count(*)) OVER (PARTITION BY task, provider, model, tools, place) AS hits_there,
        row_number() OVER (PARTITION BY task, provider, model, tools ORDER BY count(*) DESC, place, next_place) AS rank
    FROM second_difference
    WHERE only_values = 1
    GROUP BY task, provider, model, tools, place, next_place
),
broken AS (
    SELECT p.task, p.provider, p.model, p.tools, p.place, p.next_place - 1 AS breakpoint, p.hits_there, g.pairs
    FROM places p
    JOIN group_pairs g ON g.task = p.task AND g.provider = p.provider AND g.model = p.model AND g.tools = p.tools
    WHERE p.rank = 1 AND p.hits_there >= $min_share * g.pairs
),
broken_calls AS (
    SELECT
        b.task, b.provider, b.model, b.tools, b.place, b.breakpoint, b.hits_there, b.pairs, x.n, x.automatic,
        v."role" AS "role", v.volatile, v.volatile_offset_bytes,
        x.tokens - v.tokens * coalesce(v.volatile_bytes, 0) // greatest(v.bytes, 1) AS stable_tokens
    FROM broken b
    JOIN prefixes x ON x.task = b.task AND x.provider = b.provider AND x.model = b.model AND x.tools = b.tools
        AND x.position = b.breakpoint
    JOIN w_segments v ON v.n = x.n AND v.position = b.place
    WHERE coalesce(len(v.volatile), 0) > 0
        AND x.tokens - v.tokens * coalesce(v.volatile_bytes, 0) // greatest(v.bytes, 1) >= x.minimum
),
broken_findings AS (
    SELECT
        task, provider || '/' || model || ' ' || printf('%016x', tools) || ' broken' AS target,
        list(n) AS calls,
        to_json({'kind': 'enable_cache', 'breakpoint': breakpoint, 'move_volatile': place}) AS transform,
        to_json({
            'cause': 'a changing value stands above the stable text',
            'model': model,
            'segment': place, 'segment_role': min("role"), 'changing': list_sort(list_distinct(flatten(list(volatile)))),
            'offset_bytes': min(volatile_offset_bytes),
            'pairs_compared': any_value(pairs), 'pairs_broken_there': any_value(hits_there),
            'stable_tokens': (sum(stable_tokens) // count(*))::BIGINT,
            'advice': 'Move the ' || array_to_string(list_sort(list_distinct(flatten(list(volatile)))), ', ')
                || ' out of the ' || min("role") || ' prompt''s start and below its stable text'
                || CASE WHEN bool_and(automatic) THEN '; the provider then caches by itself'
                   ELSE ', and end the stable text with cache_control {"type": "ephemeral"}' END
        }) AS evidence
    FROM broken_calls
    GROUP BY task, provider, model, tools, place, breakpoint
    HAVING count(*) >= $min_calls
),

-- unmarked: the position at which most tokens repeat
reuse AS (
    SELECT task, provider, model, tools, position, count(*) AS calls, count(DISTINCT prefix_hash) AS prefixes,
        sum(tokens) * (1 - count(DISTINCT prefix_hash) / count(*)) AS repeated_tokens
    FROM prefixes
    WHERE NOT automatic AND untouched AND tokens >= minimum
    GROUP BY task, provider, model, tools, position
    HAVING count(*) >= $min_calls AND count(*) >= $min_reuse * count(DISTINCT prefix_hash)
),
best AS (
    SELECT *, row_number() OVER (
        PARTITION BY task, provider, model, tools ORDER BY repeated_tokens DESC, position) AS rank
    FROM reuse
),
unmarked_findings AS (
    SELECT
        b.task, b.provider || '/' || b.model || ' ' || printf('%016x', b.tools) || ' unmarked' AS target,
        list(x.n) AS calls,
        to_json({'kind': 'enable_cache', 'breakpoint': b.position}) AS transform,
        to_json({
            'cause': 'no cache breakpoint is set',
            'model': b.model,
            'segment': b.position, 'segment_role': min(x."role"), 'prefixes': b.prefixes,
            'minimum_tokens': min(x.minimum),
            'stable_tokens': (sum(x.tokens) // count(*))::BIGINT,
            'advice': 'End segment ' || b.position || ' (' || min(x."role")
                || ') with cache_control {"type": "ephemeral"}: everything up to there repeats'
        }) AS evidence
    FROM best b
    JOIN prefixes x ON x.task = b.task AND x.provider = b.provider AND x.model = b.model AND x.tools = b.tools
        AND x.position = b.position AND x.untouched AND x.tokens >= x.minimum
    WHERE b.rank = 1 AND NOT EXISTS (
        SELECT 1 FROM broken_calls k
        WHERE k.task = b.task AND k.provider = b.provider AND k.model = b.model AND k.tools = b.tools)
    GROUP BY b.task, b.provider, b.model, b.tools, b.position, b.prefixes
),

abstentions AS (
    SELECT c.task, 'needs prompt segments (not on record for some of its calls)' AS reason
    FROM w_calls c
    WHERE c.status IN ('ok', 'incomplete') AND c.operation <> 'embeddings' AND coalesce(c.segment_count, 0) = 0
    GROUP BY c.task
    UNION
    SELECT c.task, 'the cache rules of ' || c.model || ' are not known'
    FROM w_calls c
    JOIN w_models m ON m.provider = c.provider AND m.model = c.model
    WHERE c.status IN ('ok', 'incomplete') AND c.operation <> 'embeddings' AND m.cache_minimum_tokens IS NULL
    GROUP BY c.task, c.model
    UNION
    SELECT task, 'too few calls of ' || model || ' (' || count(*) || ')'
    FROM eligible
    GROUP BY task, provider, model, tools
    HAVING count(*) < $min_calls
)
SELECT task, target, calls, transform::VARCHAR AS transform, evidence::VARCHAR AS evidence, NULL AS not_checked
FROM broken_findings
UNION ALL
SELECT task, target, calls, transform::VARCHAR, evidence::VARCHAR, NULL FROM unmarked_findings
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, reason FROM abstentions
ORDER BY task, target, not_checked
