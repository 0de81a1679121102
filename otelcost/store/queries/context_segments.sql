-- What the prompts of a window are made of: equal segments of a task together, with what became of their tokens.
-- The provider's cache holds a prefix, so the first tokens of a prompt are those it read and the next those it wrote.
CREATE OR REPLACE TEMP TABLE context_segment AS
WITH known AS (
    SELECT
        c.task, c.segments, c.input_tokens AS whole, t.floor_turns,
        coalesce(c.cache_read_tokens, 0) AS cached,
        coalesce(c.cache_write_short_tokens, 0) + coalesce(c.cache_write_long_tokens, 0) AS written,
        c.cost_input_picousd // nullif(c.input_uncached_tokens, 0) AS input_rate,
        c.cost_cache_read_picousd // nullif(cached, 0) AS read_rate,
        c.cost_cache_write_picousd // nullif(written, 0) AS write_rate,
        len(list_filter(c.segments, lambda s: s."role" = 'assistant')) AS turns,
        list_max(list_transform(c.segments, lambda s, i: CASE WHEN s."role" = 'assistant' THEN i ELSE 0 END)) AS answered,
        list_transform(c.segments, lambda s: s.tokens) AS sizes,
        list_transform(c.segments, lambda s: s.hash) AS hashes,
        c.tools_called
    FROM v_calls c
    JOIN context_task t ON c.task = t.task
    WHERE c.start >= $start AND c.start < $end AND c.input_tokens > 0 AND NOT c.not_billed
        AND list_sum(list_transform(c.segments, lambda s: s.tokens)) = c.input_tokens
),
parts AS (
    SELECT
        task, whole, turns, floor_turns, answered, cached, written, input_rate, read_rate, write_rate, tools_called,
        len(sizes) AS last, hashes,
        unnest(segments) AS s, unnest(range(1, len(segments) + 1)) AS position,
        unnest(list_transform(sizes, lambda size, i: list_sum(sizes[1:i])))::BIGINT AS upto
    FROM known
),
split AS (
    SELECT
        *,
        s.tokens AS tokens, upto - s.tokens AS before,
        least(upto, cached) - least(before, cached) AS read_tokens,
        least(greatest(upto - cached, 0), written) - least(greatest(before - cached, 0), written) AS write_tokens,
        tokens - read_tokens - write_tokens AS plain_tokens,
        CASE WHEN plain_tokens = 0 THEN 0 ELSE plain_tokens * input_rate END
            + CASE WHEN read_tokens = 0 THEN 0 ELSE read_tokens * read_rate END
            + CASE WHEN write_tokens = 0 THEN 0 ELSE write_tokens * write_rate END AS picousd,
        list_position(hashes, s.hash) = position AS is_first,
        CASE
            WHEN s.kind = 'tool' THEN 'tools'
            WHEN s.kind = 'schema' THEN 'schema'
            WHEN s.kind IN ('tool_call', 'tool_result') THEN 'results'
            WHEN s."role" = 'system' OR s.kind = 'system' THEN 'system'
            WHEN position <= answered THEN 'earlier'
            WHEN position = last THEN 'last'
            ELSE 'current'
        END AS place
    FROM parts
),
equal AS (
    SELECT
        task, place, s.hash AS hash, s.template_hash AS template_hash, s.kind AS kind, any_value(s."name") AS name,
        count(*) FILTER (is_first) AS calls,
        count(*) FILTER (is_first AND turns = floor_turns) AS floor_calls,
        count(*) FILTER (is_first AND list_contains(tools_called, s."name")) AS called,
        min(position) AS position,
        sum(whole) FILTER (is_first) AS call_tokens,
        sum(tokens) AS tokens, sum(read_tokens) AS read_tokens, sum(write_tokens) AS write_tokens,
        sum(picousd) AS picousd,
        sum(tokens) FILTER (picousd IS NULL) AS unpriced_tokens
    FROM split
    GROUP BY task, place, s.hash, s.template_hash, s.kind
)
-- Texts that came once are one row without a hash: there are as many as calls, and nothing more to say of them.
SELECT
    task, place, kind,
    CASE WHEN calls > 1 OR place = 'tools' THEN hash END AS hash,
    CASE WHEN calls > 1 OR place IN ('tools', 'system', 'schema') THEN template_hash END AS template_hash,
    any_value(name) AS name, sum(calls)::BIGINT AS calls, sum(floor_calls)::BIGINT AS floor_calls,
    sum(called)::BIGINT AS called, min(position) AS position, sum(call_tokens)::BIGINT AS call_tokens,
    sum(tokens)::BIGINT AS tokens, sum(read_tokens)::BIGINT AS read_tokens, sum(write_tokens)::BIGINT AS write_tokens,
    sum(picousd)::BIGINT AS picousd, coalesce(sum(unpriced_tokens), 0)::BIGINT AS unpriced_tokens
FROM equal
GROUP BY ALL
