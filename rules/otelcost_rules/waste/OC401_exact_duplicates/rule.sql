-- Requests that had been answered before, byte for byte, where the answer can only be the same.
WITH asked_again AS (
    SELECT request_hash FROM w_calls WHERE status = 'ok' GROUP BY request_hash
    HAVING count(*) > 1 AND bool_or(temperature = 0)
),
answered AS (
    SELECT
        n, task, provider, request_hash, trace_id, start, end_at, output_hash, cost_picousd,
        temperature = 0 AS deterministic,
        row_number() OVER w AS nth,
        count(*) OVER (PARTITION BY trace_id, request_hash) AS copies_in_trace,
        lag(start) OVER w AS earlier_start, lag(trace_id) OVER w AS earlier_trace,
        lag(output_hash) OVER w AS earlier_output,
        -- an answer older than the horizon is not kept any more, unless it was used since
        min(end_at) OVER (
            PARTITION BY provider, request_hash ORDER BY start
            RANGE BETWEEN to_hours($horizon_hours::INTEGER) PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
        ) AS first_end
    FROM w_calls
    WHERE status = 'ok' AND request_hash IN (SELECT request_hash FROM asked_again WHERE request_hash IS NOT NULL)
        AND operation <> 'embeddings' AND NOT coalesce(batch, false)
        AND coalesce(web_search_requests, 0) + coalesce(web_fetch_requests, 0) + coalesce(file_search_requests, 0)
            + coalesce(code_execution_requests, 0) = 0
    WINDOW w AS (PARTITION BY provider, request_hash ORDER BY n)
),
repeats AS (
    SELECT *, coalesce(first_end <= start, false) AS was_answered, epoch_us(start) - epoch_us(earlier_start) AS gap_us
    FROM answered
    WHERE nth > 1 AND coalesce(deterministic, false) AND trace_id <> earlier_trace
        AND copies_in_trace = 1  -- asked again within a trace: a retry, which OC501 judges
        AND start <= earlier_start + to_hours($horizon_hours::INTEGER)
),
-- a regular pace asks whether something has changed; the middle half of the gaps tells, as nights and restarts
-- make a few gaps long
paces AS (
    SELECT
        task, provider, request_hash, count(*) AS repeated,
        sum(count(*)) OVER (PARTITION BY task) AS repeated_in_task,
        stddev_pop(gap_us) <= $max_polling_spread * avg(gap_us) AS even,
        quantile_cont(gap_us, 0.75) - quantile_cont(gap_us, 0.25) <= $max_single_spread * quantile_cont(gap_us, 0.5)
            AS mostly_even
    FROM repeats
    GROUP BY task, provider, request_hash
),
polled AS (
    SELECT task, provider, request_hash
    FROM paces
    WHERE repeated >= $min_polling_gaps
        AND (even OR mostly_even AND repeated >= $min_polling_share * repeated_in_task)
),
judged AS (
    SELECT r.*, p.request_hash IS NOT NULL AS is_polling
    FROM repeats r
    LEFT JOIN polled p ON p.task = r.task AND p.provider = r.provider AND p.request_hash = r.request_hash
),
tasks AS (
    SELECT
        task,
        list(n) FILTER (was_answered AND NOT is_polling AND cost_picousd > 0) AS ids,
        sum(CASE WHEN was_answered AND NOT is_polling AND cost_picousd > 0 THEN 1 ELSE 0 END) AS duplicates,
        count(DISTINCT CASE WHEN was_answered AND NOT is_polling THEN request_hash END) AS requests,
        sum(CASE WHEN NOT was_answered THEN 1 ELSE 0 END) AS in_flight,
        sum(CASE WHEN is_polling THEN 1 ELSE 0 END) AS polling,
        avg(CASE WHEN output_hash IS NULL OR earlier_output IS NULL OR is_polling THEN NULL
            WHEN output_hash = earlier_output THEN 1.0 ELSE 0.0 END) AS same_answers
    FROM judged
    GROUP BY task
),
hashless AS (
    SELECT task FROM w_calls WHERE status = 'ok' AND request_hash IS NULL AND operation <> 'embeddings' GROUP BY task
)
SELECT
    task, '' AS target, ids AS calls, '{"kind": "drop_call"}' AS transform,
    to_json({
        'duplicates': duplicates::BIGINT, 'requests': requests, 'horizon_hours': $horizon_hours,
        'in_flight_not_counted': in_flight::BIGINT, 'polling_not_counted': polling::BIGINT,
        'same_answers_percent': round(100 * same_answers)::BIGINT
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks
WHERE duplicates >= $min_duplicates AND coalesce(same_answers, 1.0) >= $min_same_answers
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, 'the answers to equal requests differ: they depend on more than the request'
FROM tasks
WHERE duplicates >= $min_duplicates AND same_answers < $min_same_answers
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, 'its equal requests come at a regular pace: they may ask whether something has changed'
FROM tasks
WHERE duplicates < $min_duplicates AND polling >= $min_duplicates
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, 'needs request hashes (not on record for some of its calls)' FROM hashless
ORDER BY task, target, not_checked
