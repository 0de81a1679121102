-- Tasks with a tiny set of answers, or in which equal inputs always get equal answers.
WITH answered AS (
    SELECT task, n, start::DATE AS day, output_hash, prompt_hash, output_tokens - coalesce(reasoning_tokens, 0) AS visible_tokens
    FROM w_calls
    WHERE status = 'ok' AND operation <> 'embeddings' AND output_hash IS NOT NULL
        AND output_kind IN ('text', 'json') AND output_tokens IS NOT NULL
),
shapes AS (
    SELECT task, count(*) AS calls, list(n) AS ids, count(DISTINCT output_hash) AS answers,
        quantile_disc(visible_tokens, 0.95) AS longest
    FROM answered
    GROUP BY task
    HAVING count(*) >= $min_calls
),
inputs AS (
    SELECT task, prompt_hash, count(*) AS asked, count(DISTINCT output_hash) AS answers
    FROM answered
    WHERE prompt_hash IS NOT NULL
    GROUP BY task, prompt_hash
    HAVING count(DISTINCT day) > 1
),
repeated AS (
    SELECT task, count(*) AS inputs, max(answers) AS most_answers, sum(asked)::BIGINT AS asked FROM inputs GROUP BY task
)
SELECT
    s.task, '' AS target, s.ids AS calls, NULL AS transform,
    to_json({
        'calls': s.calls, 'answers': s.answers,
        'inputs_that_came_again': coalesce(r.inputs, 0), 'always_the_same_answer': coalesce(r.most_answers = 1, false)
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM shapes s
LEFT JOIN repeated r ON r.task = s.task
WHERE s.longest <= $max_output_tokens AND s.answers <= $max_answers
    OR r.most_answers = 1 AND r.inputs >= $min_repeated_inputs AND r.asked * 2 >= s.calls
ORDER BY s.task
