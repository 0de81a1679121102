-- Calls that nobody waits for, at a price that has a batch twin. That a call was not streamed proves nothing.
WITH runs AS (
    SELECT root_span_name, trace_id, min(start) AS began, count(*) AS calls
    FROM w_calls
    WHERE root_span_kind = 'INTERNAL' AND root_span_name IS NOT NULL
    GROUP BY root_span_name, trace_id
),
periodic AS (
    SELECT root_span_name
    FROM runs
    GROUP BY root_span_name
    HAVING min(calls) >= $min_burst_calls
        AND count(DISTINCT began::DATE) >= $min_periodic_days AND count(DISTINCT began::DATE) = count(*)
        AND max(epoch_us(began) % 86400000000) - min(epoch_us(began) % 86400000000) <= $max_drift_seconds * 1000000
),
with_history AS (
    SELECT DISTINCT n FROM w_segments WHERE "role" = 'assistant' OR kind IN ('tool_call', 'tool_result')
),
stages AS (
    SELECT c.trace_id, c.task, max(c.start) AS last_start,
        max(CASE WHEN h.n IS NOT NULL THEN c.start END) AS last_history
    FROM w_calls c
    LEFT JOIN with_history h ON h.n = c.n
    GROUP BY c.trace_id, c.task
),
followers AS (
    SELECT a.trace_id, a.task, max(CASE WHEN b.task <> a.task THEN b.last_start END) AS last_other_task,
        max(b.last_history) AS last_history
    FROM stages a
    JOIN stages b ON b.trace_id = a.trace_id
    GROUP BY a.trace_id, a.task
),
-- within a trace: is each call sent when the one before is done, and does it send that one's whole prompt again?
neighbours AS (
    SELECT
        n, trace_id, task, start, segment_count,
        max(end_at) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier_end,
        lag(segment_count) OVER w AS earlier_count, lag(prompt_hash) OVER w AS earlier_prompt
    FROM w_calls
    WINDOW w AS (PARTITION BY trace_id, task ORDER BY n)
),
grown AS (
    SELECT c.n
    FROM neighbours c
    JOIN w_segments s ON s.n = c.n AND s.position = c.earlier_count AND s.prefix_hash = c.earlier_prompt
    WHERE c.segment_count > c.earlier_count
),
chains AS (
    SELECT trace_id, task, bool_or(g.n IS NOT NULL) AS grows,
        coalesce(bool_and(start >= earlier_end), true) AS one_at_a_time, count(earlier_end) AS links,
        sum(epoch_us(start) - epoch_us(earlier_end)) AS idle_us
    FROM neighbours c
    LEFT JOIN grown g ON g.n = c.n
    GROUP BY trace_id, task
),
candidates AS (
    SELECT
        c.n, c.task, c.provider, c.model, c.root_span_kind, c.root_span_name, c.start, c.trace_id,
        c.batch_price_key IS NOT NULL AS batch_priced, c.price_region AS geography,
        CASE
            WHEN c.root_span_kind = 'CONSUMER' THEN 'its root span consumes a queue'
            WHEN c.root_span_kind = 'INTERNAL' AND regexp_matches(lower(c.root_span_name), $job_names)
                THEN 'its root span is named like a scheduled job'
            WHEN c.root_span_kind = 'INTERNAL' AND p.root_span_name IS NOT NULL
                THEN 'its root span bursts at the same time of day'
        END AS unattended,
        coalesce(f.last_other_task >= c.end_at, false) OR coalesce(f.last_history >= c.end_at, false)
            OR c.output_kind = 'tool' AND c.tools_hash IS NOT NULL AND f.last_history IS NOT NULL
            OR coalesce(h.grows, false) AS awaited
    FROM w_calls c
    LEFT JOIN chains h ON h.trace_id = c.trace_id AND h.task = c.task
    LEFT JOIN periodic p ON p.root_span_name = c.root_span_name
    LEFT JOIN followers f ON f.trace_id = c.trace_id AND f.task = c.task
    WHERE c.status IN ('ok', 'incomplete') AND NOT coalesce(c.batch, false) AND NOT coalesce(c.stream, false)
        AND c.cost_picousd > 0 AND c.price_variant = 'standard'
),
picked AS (
    SELECT * FROM candidates WHERE unattended IS NOT NULL AND batch_priced AND NOT awaited
),
orders AS (
    SELECT p.task, p.provider, p.model, bool_and(c.one_at_a_time) AS one_at_a_time, sum(c.links) AS links,
        sum(c.idle_us) AS idle_us
    FROM (SELECT DISTINCT task, provider, model, trace_id FROM picked) p
    JOIN chains c ON c.trace_id = p.trace_id AND c.task = p.task
    GROUP BY p.task, p.provider, p.model
),
findings AS (
    SELECT
        p.task, p.provider || '/' || p.model AS target, list(n) AS calls,
        to_json({
            'provider': p.provider, 'model': p.model, 'why_nobody_waits': min(unattended),
            'root_spans': list_sort(list_distinct(list(root_span_name)))[1:5],
            'runs': count(DISTINCT trace_id),
            'order': CASE
                WHEN any_value(o.links) = 0 THEN 'one call a run'
                WHEN NOT any_value(o.one_at_a_time) THEN 'side by side'
                WHEN any_value(o.idle_us) <= any_value(o.links) * $chain_gap_seconds * 1000000
                    THEN 'one at a time, each right after the one before: check that none needs an answer before it'
                ELSE 'one at a time'
            END,
            'risk': CASE
                WHEN any_value(o.links) > 0 AND any_value(o.one_at_a_time)
                    AND any_value(o.idle_us) <= any_value(o.links) * $chain_gap_seconds * 1000000 THEN 'medium'
                ELSE 'low'
            END
        }) AS evidence
    FROM picked p
    JOIN orders o ON o.task = p.task AND o.provider = p.provider AND o.model = p.model
    GROUP BY p.task, p.provider, p.model
    HAVING count(*) >= $min_calls
),
reasons AS (
    SELECT task, count(*) AS calls,
        CASE
            WHEN root_span_kind IS NULL
                THEN 'needs the root span: unknown whether somebody waits for the answers'
            WHEN unattended IS NOT NULL AND NOT coalesce(batch_priced, false)
                THEN 'no batch price is known for ' || model || coalesce(' in ' || geography, '')
            WHEN unattended IS NOT NULL AND awaited
                THEN 'later calls of the same trace may wait for the answers'
            WHEN root_span_kind = 'INTERNAL' AND unattended IS NULL
                THEN 'nothing shows that nobody waits: the root span is neither a consumer nor scheduled'
        END AS reason
    FROM candidates
    GROUP BY task, reason
)
SELECT task, target, calls, '{"kind": "batch"}' AS transform, evidence::VARCHAR AS evidence, NULL AS not_checked
FROM findings
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, reason FROM reasons WHERE reason IS NOT NULL AND calls >= $min_calls
ORDER BY task, target, not_checked
