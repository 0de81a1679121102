-- Calls priced with a regional uplift whose price list has the same model without one.
WITH regional AS (
    SELECT
        c.n, c.task, c.provider, c.model, c.price_region AS region, c.price_key,
        regexp_replace(c.price_key, '[+][^/]*$', '') AS plain_key
    FROM w_calls c
    WHERE c.price_region IS NOT NULL AND c.cost_picousd > 0 AND c.status IN ('ok', 'incomplete')
),
dearer AS (
    SELECT r.price_key, max(round(100.0 * a.input_picousd / b.input_picousd)::BIGINT - 100) AS uplift_percent
    FROM (SELECT DISTINCT price_key, plain_key FROM regional) r
    JOIN w_price a ON a.price_key = r.price_key
    JOIN w_price b ON b.price_key = r.plain_key AND b.valid_from < a.valid_to AND a.valid_from < b.valid_to
        AND a.context_lo = b.context_lo
    WHERE b.input_picousd > 0 AND a.input_picousd > b.input_picousd
    GROUP BY r.price_key
)
SELECT
    r.task, r.provider || '/' || r.model || ' ' || r.region AS target, list(r.n) AS calls,
    '{"kind": "set_region", "region": ""}' AS transform,
    to_json({
        'model': r.model, 'provider': r.provider, 'region': r.region, 'uplift_percent': max(d.uplift_percent)
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM regional r
JOIN dearer d ON d.price_key = r.price_key
GROUP BY r.task, r.provider, r.model, r.region
HAVING count(*) >= $min_calls
ORDER BY r.task, target
