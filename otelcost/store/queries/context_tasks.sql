-- The tasks of a window whose input is known. `floor_turns` is how many assistant messages every prompt holds at least.
CREATE OR REPLACE TEMP TABLE context_task AS
SELECT
    task,
    count(*) AS calls,
    count(*) FILTER (known) AS known_calls,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(coalesce(cache_read_tokens, 0))::BIGINT AS cache_read_tokens,
    sum(coalesce(cache_write_short_tokens, 0) + coalesce(cache_write_long_tokens, 0))::BIGINT AS cache_write_tokens,
    sum(cost_input_picousd + cost_cache_read_picousd + cost_cache_write_picousd)::BIGINT AS input_picousd,
    count(*) FILTER (cost_input_picousd IS NULL) AS unpriced_calls,
    min(turns) FILTER (known) AS floor_turns,
    max(turns) FILTER (known) AS most_turns,
    regr_slope(input_tokens, turns) FILTER (known) AS growth,
    count(DISTINCT session_id) AS sessions,
    list(DISTINCT model ORDER BY model) AS models,
    min(start) AS first_start, max(start) AS last_start,
    count(DISTINCT start::DATE) AS days
FROM (
    SELECT
        *,
        list_sum(list_transform(segments, lambda s: s.tokens)) = input_tokens AS known,
        len(list_filter(segments, lambda s: s."role" = 'assistant')) AS turns
    FROM v_calls
    WHERE start >= $start AND start < $end AND ($task IS NULL OR task = $task)
        AND input_tokens > 0 AND NOT not_billed
)
GROUP BY task
