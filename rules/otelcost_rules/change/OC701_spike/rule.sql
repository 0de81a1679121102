-- Tasks whose newest days cost far more than their usual day, and what moved them: calls x tokens x price x mix.
WITH days AS (
    SELECT task, start::DATE AS day, sum(cost_picousd)::DOUBLE AS cost, count(*) AS calls
    FROM w_calls
    WHERE cost_picousd IS NOT NULL
    GROUP BY task, day
),
-- the last day of the window may still be running: a whole one must speak for itself
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY task ORDER BY day DESC) AS from_end,
        max(cost) OVER (PARTITION BY task ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS highest_before
    FROM days
),
-- what is usual: the first half of the task's days, and at least min_days of them
halves AS (
    SELECT task, count(*) AS all_days, greatest($min_days::BIGINT, count(*) // 2) AS usual_days FROM days GROUP BY task
),
usual AS (
    SELECT r.task, median(r.cost) AS usual_cost, h.usual_days, h.all_days
    FROM ranked r
    JOIN halves h ON h.task = r.task
    WHERE r.from_end > h.all_days - h.usual_days
    GROUP BY r.task, h.usual_days, h.all_days
),
spread AS (
    SELECT r.task, 1.4826 * median(abs(r.cost - u.usual_cost)) AS deviation, max(r.cost) AS highest
    FROM ranked r
    JOIN usual u ON u.task = r.task
    WHERE r.from_end > u.all_days - u.usual_days
    GROUP BY r.task
),
high AS (
    SELECT r.task, r.day, r.cost, u.usual_cost, r.from_end
    FROM ranked r
    JOIN usual u ON u.task = r.task
    JOIN spread s ON s.task = r.task
    WHERE r.from_end <= u.all_days - u.usual_days
        AND r.cost > u.usual_cost + $min_deviations * greatest(s.deviation, 0.02 * u.usual_cost)
        AND r.cost >= (1 + $min_growth) * u.usual_cost AND r.cost > s.highest
),
spikes AS (
    SELECT task, min(day) AS since, count(*) AS high_days, avg(cost) AS cost, any_value(usual_cost) AS usual_cost
    FROM high
    GROUP BY task
    HAVING min(from_end) <= 2
),
-- the usual days and the high ones, by model: calls a day, tokens a call, price a token
cells AS (
    SELECT c.task, coalesce(c.model, '') AS model, s.since <= c.start::DATE AS high,
        count(*) AS calls, sum(coalesce(c.input_tokens, 0) + coalesce(c.output_tokens, 0))::DOUBLE AS tokens,
        sum(c.cost_picousd)::DOUBLE AS cost
    FROM w_calls c
    JOIN spikes s ON s.task = c.task
    LEFT JOIN high h ON h.task = c.task AND h.day = c.start::DATE
    WHERE c.cost_picousd IS NOT NULL AND (c.start::DATE < s.since OR h.day IS NOT NULL)
    GROUP BY c.task, c.model, high
),
lengths AS (
    SELECT d.task, count(*) FILTER (d.day < s.since) AS before_days,
        count(*) FILTER (h.day IS NOT NULL) AS high_days
    FROM days d
    JOIN spikes s ON s.task = d.task
    LEFT JOIN high h ON h.task = d.task AND h.day = d.day
    GROUP BY d.task
),
pairs AS (
    SELECT
        task, model,
        coalesce(sum(calls) FILTER (NOT high), 0)::DOUBLE AS calls0, coalesce(sum(calls) FILTER (high), 0)::DOUBLE AS calls1,
        coalesce(sum(tokens) FILTER (NOT high), 0) AS tokens0, coalesce(sum(tokens) FILTER (high), 0) AS tokens1,
        coalesce(sum(cost) FILTER (NOT high), 0) AS cost0, coalesce(sum(cost) FILTER (high), 0) AS cost1
    FROM cells
    GROUP BY task, model
),
totals AS (
    SELECT p.task, sum(calls0) / any_value(l.before_days) AS n0, sum(calls1) / any_value(l.high_days) AS n1,
        sum(cost0) / any_value(l.before_days) AS c0, sum(cost1) / any_value(l.high_days) AS c1,
        sum(calls0) AS all0, sum(calls1) AS all1
    FROM pairs p
    JOIN lengths l ON l.task = p.task
    GROUP BY p.task
),
-- a model that is only on one side has that side's tokens and price on both: all of its change is mix
parts AS (
    SELECT
        p.task, t.n0, t.n1, t.c0, t.c1, p.calls0 / t.all0 AS share0, p.calls1 / t.all1 AS share1,
        CASE WHEN p.calls0 > 0 THEN p.tokens0 / p.calls0 ELSE p.tokens1 / p.calls1 END AS size0,
        CASE WHEN p.calls1 > 0 THEN p.tokens1 / p.calls1 ELSE p.tokens0 / p.calls0 END AS size1,
        CASE WHEN p.tokens0 > 0 THEN p.cost0 / p.tokens0 WHEN p.tokens1 > 0 THEN p.cost1 / p.tokens1 ELSE 0 END AS rate0,
        CASE WHEN p.tokens1 > 0 THEN p.cost1 / p.tokens1 WHEN p.tokens0 > 0 THEN p.cost0 / p.tokens0 ELSE 0 END AS rate1
    FROM pairs p
    JOIN totals t ON t.task = p.task
    WHERE t.all0 > 0 AND t.all1 > 0
),
moved AS (
    SELECT
        task, any_value(c0) AS c0, any_value(c1) AS c1, (any_value(n1) / any_value(n0) - 1) * any_value(c0) AS volume,
        sum(n1 * (share1 - share0) * size0 * rate0) AS mix,
        sum(n1 * share1 * (size1 - size0) * rate0) AS tokens,
        sum(n1 * share1 * size1 * (rate1 - rate0)) AS rate
    FROM parts
    GROUP BY task
),
spent AS (
    SELECT sum(cost_picousd)::DOUBLE AS spend FROM w_calls
),
called AS (
    SELECT c.task, list(c.n) AS calls
    FROM w_calls c
    JOIN high h ON h.task = c.task AND h.day = c.start::DATE
    WHERE c.cost_picousd IS NOT NULL
    GROUP BY c.task
)
SELECT
    s.task, s.since::VARCHAR AS target, c.calls, NULL AS transform,
    to_json({
        'since': s.since::VARCHAR, 'high_days': s.high_days, 'times': round(s.cost / s.usual_cost, 1),
        'change_share_percent': round(100 * (m.c1 - m.c0) / m.c0)::BIGINT,
        'volume_percent': round(100 * m.volume / (m.c1 - m.c0))::BIGINT,
        'tokens_percent': round(100 * m.tokens / (m.c1 - m.c0))::BIGINT,
        'rate_percent': round(100 * m.rate / (m.c1 - m.c0))::BIGINT,
        'mix_percent': round(100 * m.mix / (m.c1 - m.c0))::BIGINT
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM spikes s
JOIN moved m ON m.task = s.task
JOIN called c ON c.task = s.task
CROSS JOIN spent x
WHERE m.c1 > m.c0 AND (s.cost - s.usual_cost) * s.high_days >= $min_spend_share * x.spend
ORDER BY s.task
