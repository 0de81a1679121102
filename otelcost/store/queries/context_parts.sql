-- Every group of equal segments with what it is for and whether it changes. `part` and `varies` are decided here only.
CREATE OR REPLACE TEMP TABLE context_part AS
WITH floor AS (
    SELECT task, place, max(floor_calls) AS floor_calls
    FROM context_segment WHERE place = 'earlier' AND hash IS NOT NULL GROUP BY task, place
),
templates AS (
    SELECT task, place, template_hash, sum(calls) AS template_calls FROM context_segment GROUP BY ALL
),
instructions AS (
    SELECT task, min(position) AS position FROM context_segment WHERE place = 'system' GROUP BY task
)
SELECT
    g.*,
    -- Of one or two calls nothing is known.
    CASE
        WHEN g.hash IS NOT NULL AND g.calls >= greatest(3, 0.9 * t.known_calls) THEN 'static'
        WHEN g.place IN ('system', 'tools', 'schema') AND m.template_calls >= greatest(3, 0.9 * t.known_calls)
            THEN 'volatile'
        WHEN g.hash IS NOT NULL AND g.calls >= 3 THEN 'repeated'
        ELSE 'new'
    END AS varies,
    CASE
        WHEN g.place IN ('tools', 'schema') THEN g.place
        WHEN g.place = 'results' THEN 'history'
        -- An example stands in every prompt, also in those that open a conversation; a turn does not.
        WHEN g.place = 'earlier' AND g.hash IS NOT NULL AND t.floor_turns > 0
            AND f.floor_calls >= 3 AND g.floor_calls >= 0.9 * f.floor_calls
            AND g.calls >= 0.9 * t.known_calls THEN 'few-shot'
        WHEN g.place = 'earlier' THEN 'history'
        WHEN g.place = 'system' AND g.position > i.position AND g.tokens >= 200 * g.calls AND varies <> 'new' THEN 'context'
        WHEN g.place = 'system' THEN 'system'
        WHEN g.kind = 'document' OR varies = 'static' THEN 'context'
        WHEN g.place = 'current' THEN 'context'
        WHEN varies = 'repeated' AND g.tokens >= 200 * g.calls THEN 'context'
        ELSE 'user'
    END AS part
FROM context_segment g
JOIN context_task t ON g.task = t.task
JOIN templates m ON g.task = m.task AND g.place = m.place AND g.template_hash IS NOT DISTINCT FROM m.template_hash
LEFT JOIN floor f ON g.task = f.task AND g.place = f.place
LEFT JOIN instructions i ON g.task = i.task
