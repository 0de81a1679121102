-- The only face of the store: rules and screens read these views and never a table.
-- The text between braces is filled in from otelcost.pricing.cost, so that there is one cost expression.

-- Billable once: a wire record or an LLM span of another instrumentation, where no other record of the same
-- call covers it (otelcost.store.cover). Without prices, for the views below.
CREATE OR REPLACE VIEW v_base AS
WITH billable AS (
    SELECT 'wire' AS source, c.* FROM calls c WHERE c.span_id NOT IN (SELECT span_id FROM call_covered)
    UNION ALL BY NAME
    SELECT
        'span' AS source,
        s.trace_id, s.span_id, s.parent_span_id, s.span_id AS operation_id, 1 AS attempt,
        s.start, s.duration_us, s.provider, 'span' AS api, s.operation,
        s.request_model, s.response_model, s.response_id, false AS stream, false AS batch, s.service_tier,
        CASE WHEN s.status = 'ERROR' OR s.error_type IS NOT NULL THEN 'error' ELSE 'ok' END AS status,
        s.error_type, []::VARCHAR[] AS flags,
        s.input_uncached_tokens, s.cache_read_tokens, s.cache_write_short_tokens,
        s.cache_write_long_tokens, s.output_tokens, s.reasoning_tokens,
        s.input_audio_tokens, s.input_image_tokens, s.cache_read_audio_tokens,
        s.cache_read_image_tokens, s.output_audio_tokens, s.output_image_tokens,
        s.accepted_prediction_tokens, s.rejected_prediction_tokens, s.web_search_requests,
        s.web_fetch_requests, s.file_search_requests, s.code_execution_requests,
        s.provider_total_tokens, s.provider_cost_picousd,
        []::VARCHAR[] AS tools_called, s.service_name, s."scope" AS sdk, s.pricing_id, s.task_id
    FROM spans s
    WHERE s.is_llm AND s.span_id NOT IN (SELECT span_id FROM span_covered)
)
SELECT
    b.* EXCLUDE (flags),
    {parts_exceed_bucket} AS parts_exceed,  -- audio of input, reasoning of output: no cost can be known
    CASE
        WHEN parts_exceed AND NOT list_contains(b.flags, 'usage_mismatch') THEN list_append(b.flags, 'usage_mismatch')
        ELSE b.flags
    END AS flags,
    printf('%016x', b.span_id) AS call_id,
    -- What a split tells calls of one task apart by (otelcost.store.task_decisions).
    CASE t.split
        WHEN 'schema' THEN printf('%016x', b.schema_hash)[1:8]
        WHEN 'tools' THEN printf('%016x', b.tools_hash)[1:8]
        WHEN 'template' THEN printf('%016x', b.system_template_hash)[1:8]
        WHEN 'model' THEN coalesce(b.response_model, b.request_model)
        WHEN 'line' THEN CAST(b.call_site_line AS VARCHAR)
        WHEN 'root' THEN b.root_span_name
        WHEN 'feature' THEN b.feature
        WHEN 'output' THEN CASE WHEN b.output_tokens < t.split_at THEN 'short' WHEN b.output_tokens IS NOT NULL THEN 'long' END
    END AS task_part,
    CASE
        WHEN t.split IS NOT NULL THEN coalesce(t.parts[coalesce(task_part, 'none')], t.task || '/' || coalesce(task_part, 'none'))
        ELSE coalesce(t.task, concat_ws('/', b.provider, b.operation))
    END AS task,
    coalesce(t.source, 'none') AS task_source,
    b.call_site_file || coalesce(':' || b.call_site_line, '') || coalesce(' ' || b.call_site_function, '') AS call_site,
    CASE
        WHEN b.input_uncached_tokens IS NOT NULL
        THEN b.input_uncached_tokens + coalesce(b.cache_read_tokens, 0)
            + coalesce(b.cache_write_short_tokens, 0) + coalesce(b.cache_write_long_tokens, 0)
    END AS input_tokens,
    coalesce(b.response_model, b.request_model) AS model,
    -- Refused, or never arrived: the provider bills neither. What we counted ourselves is no proof of a bill.
    -- Nor is anything billed where the provider counts, moderates or takes in a batch for nothing.
    coalesce(
        list_contains(b.flags, 'free') OR (b.http_status >= 400 OR (b.http_status IS NULL AND b.error_type IN (
            'ConnectError', 'ConnectTimeout', 'PoolTimeout', 'ProxyError', 'UnsupportedProtocol',
            'LocalProtocolError', 'InvalidURL')))
        AND ((b.input_uncached_tokens IS NULL AND b.output_tokens IS NULL)
            OR list_contains(b.flags, 'estimated')),
        false
    ) AS not_billed
FROM billable b
LEFT JOIN task t ON b.task_id = t.task_id;

-- A cost is the provider's own word where it sent one (price_source 'provider'), else the book's. The parts and
-- the price_key are the book's: where the provider says another sum than the book, both are NULL.
-- price_status: exact and alias say how the book knew the model's name, alias also that the host is not the
-- provider's own (provider_assumed); override that a row of prices.toml applied; unpriced that cost_picousd is
-- NULL, for which price_reason has the reason.
CREATE OR REPLACE VIEW v_calls AS
WITH booked AS (
    SELECT
        c.* EXCLUDE (pricing_id, parts_exceed),
        p.price_key AS book_key,
        p.valid_from AS book_valid_from,
        p.context_lo AS book_context_lo,
        p.source AS book_source,
        -- A rule of prices.toml that reaches this model need not reach this day.
        CASE
            WHEN r.status = 'override' AND p.source NOT LIKE 'prices.toml%' THEN r.book_status
            ELSE r.status
        END AS book_status,
        CASE
            WHEN r.price_key IS NULL THEN coalesce(r.reason, 'not resolved yet')
            WHEN p.price_key IS NULL THEN 'no price for this date or context size'
            WHEN c.parts_exceed THEN 'the parts of its tokens are more than the whole'
            WHEN c.input_uncached_tokens IS NULL AND c.output_tokens IS NULL THEN 'the provider sent no token counts'
            WHEN c.input_uncached_tokens IS NULL THEN 'the provider did not say how many tokens went in'
            WHEN {missing_rates} <> '' THEN 'no rate is known for ' || {missing_rates}
            WHEN c.output_tokens IS NULL THEN 'the provider did not say how many tokens came out'
            ELSE 'no rate is known for the request'
        END AS book_reason,
        {cost_input_picousd} AS book_input,
        {cost_cache_read_picousd} AS book_cache_read,
        {cost_cache_write_picousd} AS book_cache_write,
        {cost_output_picousd} AS book_output,
        {cost_other_picousd} AS book_other,
        book_input + book_cache_read + book_cache_write + book_output + book_other AS book_cost,
        coalesce(NOT c.not_billed AND c.provider_cost_picousd IS DISTINCT FROM book_cost, false)
            AND c.provider_cost_picousd IS NOT NULL AS own_cost
    FROM v_base c
    LEFT JOIN price_resolution r ON c.pricing_id = r.pricing_id
    LEFT JOIN price p
        ON r.price_key = p.price_key
        AND c.start >= p.valid_from AND c.start < p.valid_to
        AND coalesce(c.input_tokens, 0) >= p.context_lo AND coalesce(c.input_tokens, 0) < p.context_hi
)
SELECT
    * EXCLUDE (
        book_key, book_valid_from, book_context_lo, book_source, book_status, book_reason, book_input,
        book_cache_read, book_cache_write, book_output, book_other, book_cost, own_cost),
    book_cost AS book_cost_picousd,  -- what the book says, also where the provider said a cost itself
    CASE WHEN not_billed THEN 0 WHEN own_cost THEN provider_cost_picousd ELSE book_cost END AS cost_picousd,
    CASE WHEN NOT not_billed AND NOT own_cost THEN book_key END AS price_key,
    -- With the key they name the row of the book.
    CASE WHEN price_key IS NOT NULL THEN book_valid_from END AS price_valid_from,
    CASE WHEN price_key IS NOT NULL THEN book_context_lo END AS price_context_lo_tokens,
    CASE
        WHEN not_billed THEN 'not_billed'
        WHEN provider_cost_picousd IS NOT NULL THEN 'exact'
        WHEN book_cost IS NULL THEN 'unpriced'
        WHEN book_status = 'exact' AND list_contains(flags, 'provider_assumed') THEN 'alias'
        ELSE book_status
    END AS price_status,
    CASE WHEN NOT not_billed AND provider_cost_picousd IS NOT NULL THEN 'provider' ELSE book_source END AS price_source,
    CASE WHEN NOT not_billed AND NOT own_cost AND book_cost IS NULL THEN book_reason END AS price_reason,
    CASE WHEN not_billed THEN 0 WHEN NOT own_cost THEN book_input END AS cost_input_picousd,
    CASE WHEN not_billed THEN 0 WHEN NOT own_cost THEN book_cache_read END AS cost_cache_read_picousd,
    CASE WHEN not_billed THEN 0 WHEN NOT own_cost THEN book_cache_write END AS cost_cache_write_picousd,
    CASE WHEN not_billed THEN 0 WHEN NOT own_cost THEN book_output END AS cost_output_picousd,
    CASE WHEN not_billed THEN 0 WHEN NOT own_cost THEN book_other END AS cost_other_picousd
FROM booked;

CREATE OR REPLACE VIEW v_segments AS
SELECT
    call_id, trace_id, span_id, start, task, provider, api, model, request_hash, tools_hash, system_template_hash,
    position,
    segment."role" AS "role", segment.kind AS kind, segment."name" AS "name", segment.hash AS hash,
    segment.template_hash AS template_hash, segment.prefix_hash AS prefix_hash, segment.bytes AS bytes,
    segment.tokens AS tokens, segment.cache AS cache, coalesce(segment.volatile, []) AS volatile,
    segment.volatile_offset_bytes AS volatile_offset_bytes, segment.volatile_bytes AS volatile_bytes,
    segment.image_detail AS image_detail
FROM (
    SELECT
        *,
        unnest(segments) AS segment,
        unnest(range(1, len(segments) + 1)) AS position  -- 1 is the first
    FROM v_base
    WHERE len(segments) > 0
);

CREATE OR REPLACE VIEW v_operations AS
SELECT * EXCLUDE (final), final.status AS status, final.http_status AS http_status, final.error_type AS error_type
FROM (
    SELECT
        trace_id, operation_id, printf('%016x', operation_id) AS operation_key,
        any_value(task) AS task, any_value(provider) AS provider, arg_max(model, attempt) AS model,
        count(*) AS attempts,
        min(start) AS start,
        max(start + to_microseconds(coalesce(duration_us, 0))) AS "end",
        -- One struct, because arg_max skips NULLs: the last attempt's missing error must not become an earlier one's.
        arg_max(
            {'status': status, 'http_status': http_status, 'error_type': error_type}, (attempt, start)
        ) AS final,
        list(call_id ORDER BY attempt, start) AS call_ids,
        count(*) FILTER (cost_picousd IS NULL) AS unpriced_attempts,
        sum(cost_picousd) AS cost_picousd  -- of the priced attempts
    FROM v_calls
    GROUP BY trace_id, operation_id
);

CREATE OR REPLACE VIEW v_tasks AS
SELECT
    task, any_value(task_source) AS task_source, any_value(call_site) AS call_site,
    count(*) AS calls, count(DISTINCT operation_id) AS operations,
    count(*) FILTER (status IN ('error', 'timeout', 'aborted', 'cancelled')) AS errors,
    count(*) FILTER (cost_picousd IS NULL) AS unpriced_calls,
    min(start) AS first_start, max(start) AS last_start,
    sum(input_tokens) AS input_tokens, sum(cache_read_tokens) AS cache_read_tokens,
    sum(output_tokens) AS output_tokens,
    list(DISTINCT model) AS models,
    sum(cost_picousd) AS cost_picousd  -- of the priced calls
FROM v_calls
GROUP BY task;
