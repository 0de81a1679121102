-- Tasks whose answers are short and closed, on a model that has a cheaper relative able to do the same things.
WITH images AS (SELECT DISTINCT n FROM w_segments WHERE kind IN ('image', 'document')),
repeated AS (
    SELECT trace_id, request_hash FROM w_calls
    WHERE request_hash IS NOT NULL AND temperature > 0 AND status IN ('ok', 'incomplete')
    GROUP BY trace_id, request_hash
    HAVING count(*) > 1
),
answered AS (
    SELECT
        c.n, c.task, c.provider, c.model, c.output_tokens, c.reasoning_tokens, c.output_hash,
        c.output_kind, c.input_tokens, c.tools_hash, c.schema_hash, c.max_output_tokens,
        i.n IS NOT NULL AS has_image, r.request_hash IS NOT NULL AS resampled
    FROM w_calls c
    LEFT JOIN images i ON i.n = c.n
    LEFT JOIN repeated r ON r.trace_id = c.trace_id AND r.request_hash = c.request_hash
    WHERE c.status = 'ok' AND c.operation <> 'embeddings' AND c.model IS NOT NULL AND c.cost_picousd IS NOT NULL
        AND c.output_tokens IS NOT NULL
),
shapes AS (
    SELECT
        task, provider, model, count(*) AS calls,
        avg(CASE WHEN output_kind IN ('json', 'tool') OR schema_hash IS NOT NULL THEN 1.0 ELSE 0.0 END) AS closed_share,
        count(output_kind) AS known_kinds,
        quantile_disc(output_tokens, 0.5) AS median_output_tokens,
        count(DISTINCT output_hash) AS answers,
        count(output_hash) AS known_answers,
        sum(coalesce(reasoning_tokens, 0)) / greatest(sum(output_tokens), 1) AS reasoning_share,
        max(input_tokens) AS max_input_tokens, max(output_tokens) AS most_output_tokens,
        bool_or(tools_hash IS NOT NULL) AS needs_tools, bool_or(schema_hash IS NOT NULL) AS needs_schema,
        bool_or(has_image) AS needs_vision, bool_or(resampled) AS resampled
    FROM answered
    GROUP BY task, provider, model
),
closed AS (
    SELECT *,
        CASE
            WHEN closed_share >= $min_closed_share THEN 'JSON or tool calls'
            WHEN median_output_tokens <= $max_label_tokens AND answers <= $max_labels AND answers * 5 <= known_answers
                THEN 'one of a few labels'
        END AS form
    FROM shapes
    WHERE calls >= $min_calls AND median_output_tokens <= $max_output_tokens
        AND reasoning_share <= $max_reasoning_share AND NOT resampled
),
capable AS (
    SELECT c.*, d.candidate, d.token_milli, d.rank, d.priced
    FROM closed c
    JOIN w_candidates d ON d.provider = c.provider AND d.model = c.model
    WHERE c.form IS NOT NULL
        AND (NOT c.needs_tools OR coalesce(d.tools, false))
        AND (NOT c.needs_schema OR coalesce(d."schema", false))
        AND (NOT c.needs_vision OR coalesce(d.vision, false))
        AND coalesce(c.max_input_tokens, 0) * d.token_milli <= d.context_window_tokens * 1000
        AND (d.max_output_tokens IS NULL
            OR c.most_output_tokens * d.token_milli * $output_milli <= d.max_output_tokens * 1000000)
),
able AS (
    SELECT *, row_number() OVER (PARTITION BY task, provider, model ORDER BY rank) AS place FROM capable WHERE priced
),
called AS (
    SELECT task, provider, model, list(n) AS calls FROM answered GROUP BY task, provider, model
),
findings AS (
    SELECT
        b.task, b.provider || '/' || b.model AS target, a.calls,
        to_json({
            'kind': 'set_model', 'model': b.candidate, 'token_milli': b.token_milli, 'output_milli': $output_milli
        }) AS transform,
        to_json({
            'model': b.model, 'candidate': b.candidate, 'form': b.form,
            'closed_share_percent': round(100 * b.closed_share)::BIGINT,
            'median_output_tokens': b.median_output_tokens,
            'reasoning_share_percent': round(100 * b.reasoning_share)::BIGINT,
            'different_answers': b.answers
        }) AS evidence
    FROM able b
    JOIN called a ON a.task = b.task AND a.provider = b.provider AND a.model = b.model
    WHERE b.place = 1
),
abstentions AS (
    SELECT c.task, 'no cheaper model with the same abilities is known for ' || c.model AS reason
    FROM closed c
    WHERE c.form IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM capable b WHERE b.task = c.task AND b.provider = c.provider AND b.model = c.model)
    UNION
    SELECT task, 'no price is known of the cheaper models for ' || model || ' (' || string_agg(candidate, ', ' ORDER BY rank) || ')'
    FROM capable
    GROUP BY task, provider, model
    HAVING NOT bool_or(priced)
    UNION
    SELECT task, 'needs the kind of the answers (not on record for any of its calls)'
    FROM shapes WHERE known_kinds = 0 AND calls >= $min_calls
    UNION
    SELECT task, 'too few calls of ' || model || ' (' || calls || ')'
    FROM shapes WHERE calls < $min_calls AND closed_share >= $min_closed_share
)
SELECT task, target, calls, transform::VARCHAR AS transform, evidence::VARCHAR AS evidence, NULL AS not_checked
FROM findings
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, reason FROM abstentions
ORDER BY task, target, not_checked
