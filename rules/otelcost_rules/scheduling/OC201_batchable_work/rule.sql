-- Calls that nobody waits for, at a price that has a batch twin. That a call was not streamed proves nothing.
WITH candidates AS (
    SELECT
        c.n, c.task, c.provider, c.model, c.root_span_kind, c.root_span_name, c.trace_id,
        c.batch_price_key IS NOT NULL AS batch_priced, c.price_region AS geography,
        u.why AS unattended, u.awaited, u.one_at_a_time, u.links, u.idle_us
    FROM w_unattended u
    JOIN w_calls c ON c.n = u.n
    WHERE c.price_variant = 'standard'
),
picked AS (
    SELECT * FROM candidates WHERE unattended IS NOT NULL AND batch_priced AND NOT awaited
),
orders AS (
    SELECT task, provider, model, bool_and(one_at_a_time) AS one_at_a_time, sum(links) AS links, sum(idle_us) AS idle_us
    FROM (
        SELECT task, provider, model, trace_id, any_value(one_at_a_time) AS one_at_a_time, any_value(links) AS links,
            any_value(idle_us) AS idle_us
        FROM picked
        GROUP BY task, provider, model, trace_id
    )
    GROUP BY task, provider, model
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
