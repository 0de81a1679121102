-- Calls that nobody waits for and that no batch can take, or that were paid to be fast: the cheapest way that is left.
WITH waiting AS (
    SELECT c.n, c.task, c.provider, c.model, c.price_key, c.price_variant, c.price_region, u.why, u.awaited
    FROM w_unattended u
    JOIN w_calls c ON c.n = u.n
    WHERE u.why IS NOT NULL AND c.price_variant IN ('standard', 'priority', 'fast', 'ultrafast')
),
tiers AS (
    SELECT * FROM (VALUES
        ('batch', 1, false), ('background-8h', 2, false), ('background-2h', 3, false), ('flex', 4, true),
        ('standard', 5, true)
    ) AS t(tier, preference, answers_at_once)
),
-- what each price could be instead, by its newest rates
rates AS (
    SELECT price_key, arg_max(input_picousd + coalesce(output_picousd, 0), (valid_to, -context_lo)) AS rate
    FROM w_price
    GROUP BY price_key
),
offers AS (
    SELECT k.price_key, k.awaited, t.tier,
        row_number() OVER (PARTITION BY k.price_key, k.awaited ORDER BY r.rate, t.preference) AS place
    FROM (
        SELECT price_key, awaited, regexp_replace(price_key, '/[^/+]+([+][^/]*)?$', '/') AS place,
            coalesce('+' || price_region, '') AS region
        FROM (SELECT DISTINCT price_key, awaited, price_region FROM waiting)
    ) k
    CROSS JOIN tiers t
    JOIN rates r ON r.price_key = k.place || t.tier || k.region
    JOIN rates o ON o.price_key = k.price_key
    WHERE r.rate < o.rate AND (t.answers_at_once OR NOT k.awaited)
),
picked AS (
    SELECT w.*, o.tier
    FROM waiting w
    LEFT JOIN offers o ON o.price_key = w.price_key AND o.awaited = w.awaited AND o.place = 1
),
-- what can go from the standard price to the batch is the business of another rule
findings AS (
    SELECT
        task, provider || '/' || model || ' ' || tier AS target, list(n) AS calls,
        CASE tier WHEN 'batch' THEN '{"kind": "batch"}'
            ELSE to_json({'kind': 'service_tier', 'tier': tier})::VARCHAR END AS transform,
        to_json({
            'provider': provider, 'model': model, 'tier': tier, 'why_nobody_waits': min(why),
            'paid_for': array_to_string(list_sort(list_distinct(list(price_variant))), ', '),
            'why_no_batch': CASE WHEN tier = 'batch' THEN 'a batch will do'
                WHEN bool_and(awaited) THEN 'each call may wait for the one before'
                ELSE 'it has no batch price' END,
            'how': CASE tier
                WHEN 'batch' THEN 'Send them through the batch API'
                WHEN 'standard' THEN 'Leave the fast tier away'
                ELSE 'Ask for the tier ' || tier END
        })::VARCHAR AS evidence
    FROM picked
    WHERE tier IS NOT NULL AND NOT (price_variant = 'standard' AND tier = 'batch')
    GROUP BY task, provider, model, tier
    HAVING count(*) >= $min_calls
),
reasons AS (
    SELECT task,
        'no slower tier of ' || model || ' has a price' || CASE WHEN bool_and(awaited) THEN ' and answers at once' ELSE '' END
            AS reason
    FROM picked
    WHERE tier IS NULL
    GROUP BY task, model
    HAVING count(*) >= $min_calls
)
SELECT task, target, calls, transform, evidence, NULL AS not_checked FROM findings
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, reason FROM reasons
ORDER BY task, target, not_checked
