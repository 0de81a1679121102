-- Tasks that think long before a short answer of fixed form, at an effort that has a lower step.
WITH answered AS (
    SELECT n, g, effort, output_tokens, reasoning_tokens, output_kind, output_hash, schema_hash
    FROM w_calls
    WHERE status = 'ok' AND operation <> 'embeddings' AND output_tokens > 0 AND reasoning_tokens IS NOT NULL
        AND cost_picousd IS NOT NULL
),
shapes AS (
    SELECT
        g, effort, count(*) AS calls, list(n) AS ids,
        sum(reasoning_tokens) / sum(output_tokens) AS reasoning_share,
        quantile_disc(output_tokens - reasoning_tokens, 0.5) AS median_visible,
        avg(CASE WHEN output_kind IN ('json', 'tool') OR schema_hash IS NOT NULL THEN 1.0 ELSE 0.0 END) AS closed_share,
        count(DISTINCT output_hash) AS answers, count(output_hash) AS known_answers
    FROM answered
    GROUP BY g, effort
),
steps AS (
    SELECT * FROM (VALUES
        ('max', 'high'), ('xhigh', 'high'), ('high', 'medium'), ('medium', 'low'), ('default', 'low')
    ) AS s(effort, lower_effort)
),
picked AS (
    SELECT s.*, g.task, g.provider, g.model, coalesce(g.tools_hash, 0) AS tools, t.lower_effort
    FROM shapes s
    JOIN w_groups g ON g.g = s.g
    JOIN steps t ON t.effort = coalesce(s.effort, 'default')
    WHERE s.calls >= $min_calls AND s.reasoning_share >= $min_reasoning_share
        AND s.median_visible <= $max_visible_tokens
        AND (s.closed_share >= $min_closed_share OR s.answers <= $max_labels AND s.answers * 5 <= s.known_answers)
)
SELECT
    task,
    provider || '/' || model || ' ' || printf('%016x', tools) || ' ' || coalesce(effort, 'default') AS target,
    ids AS calls,
    to_json({
        'kind': 'set_effort', 'effort': lower_effort, 'reasoning_milli': $reasoning_milli
    })::VARCHAR AS transform,
    to_json({
        'model': model, 'old_effort': coalesce(effort, 'the default'), 'new_effort': lower_effort,
        'reasoning_share_percent': round(100 * reasoning_share)::BIGINT, 'median_visible_tokens': median_visible,
        'assumed_reasoning_left_percent': $reasoning_milli // 10
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM picked
ORDER BY task, target
