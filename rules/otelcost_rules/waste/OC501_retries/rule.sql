-- Billed attempts whose answer was not used, because the same thing was asked again.
WITH retried AS (
    SELECT trace_id, operation_id, max(attempt) AS last_attempt
    FROM w_calls
    WHERE operation <> 'embeddings' AND NOT coalesce(batch, false)
    GROUP BY trace_id, operation_id
    HAVING count(*) > 1
),
attempts AS (
    SELECT
        c.n, c.task, c.trace_id, c.request_hash, c.prompt_hash, c.start, c.end_at, c.status, c.finish_reason,
        c.output_kind, c.temperature, c.max_output_tokens, c.cost_picousd, c.doubtful,
        c.attempt < coalesce(r.last_attempt, c.attempt) AS superseded
    FROM w_calls c
    LEFT JOIN retried r ON r.trace_id = c.trace_id AND r.operation_id = c.operation_id
    WHERE c.operation <> 'embeddings' AND NOT coalesce(c.batch, false)
),
-- the application sends an identical request again
requests AS (
    SELECT trace_id, request_hash, count(*) AS copies
    FROM attempts
    WHERE NOT superseded AND request_hash IS NOT NULL
    GROUP BY trace_id, request_hash
),
equal_requests AS (
    SELECT
        a.*, r.copies,
        lead(start) OVER w AS next_start, lead(output_kind) OVER w AS next_kind,
        last_value(output_kind) OVER (
            PARTITION BY a.trace_id, a.request_hash ORDER BY a.n
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS final_kind
    FROM attempts a
    JOIN requests r ON r.trace_id = a.trace_id AND r.request_hash = a.request_hash
    WHERE NOT a.superseded AND r.copies > 1
    WINDOW w AS (PARTITION BY a.trace_id, a.request_hash ORDER BY a.n)
),
-- the requests that were sent once, which is most of them, need no order
single AS (
    SELECT a.task, count(*) AS groups, count(*) FILTER (a.status = 'ok') AS answers,
        count(*) FILTER (a.status = 'ok' AND a.output_kind IN ('json', 'tool')) AS closed
    FROM attempts a
    WHERE NOT a.superseded AND a.request_hash IS NOT NULL AND a.status IN ('ok', 'incomplete')
        AND NOT EXISTS (
            SELECT 1 FROM requests r
            WHERE r.copies > 1 AND r.trace_id = a.trace_id AND r.request_hash = a.request_hash)
    GROUP BY a.task
),
habits AS (
    SELECT task, sum(CASE WHEN copies = 1 THEN groups ELSE 0 END) / sum(groups) AS single_share,
        count(DISTINCT copies) AS different_copies
    FROM (
        SELECT task, 1 AS copies, groups FROM single
        UNION ALL
        SELECT task, copies, count(DISTINCT hash(trace_id, request_hash)) FROM equal_requests
        WHERE status IN ('ok', 'incomplete')
        GROUP BY task, copies
    )
    GROUP BY task
),
forms AS (
    SELECT task, sum(closed) / sum(answers) AS closed_share
    FROM (
        SELECT task, closed, answers FROM single WHERE answers > 0
        UNION ALL
        SELECT task, count(*) FILTER (output_kind IN ('json', 'tool')), count(*) FROM equal_requests
        WHERE next_start IS NULL AND status = 'ok'
        GROUP BY task
    )
    GROUP BY task
),
-- above temperature 0, asking again may be sampling until the answers agree: only a sign of failure counts
resent AS (
    SELECT e.n, e.task,
        CASE
            WHEN e.status NOT IN ('ok', 'incomplete') THEN 'failed'
            WHEN e.finish_reason IN ('length', 'max_tokens', 'max_output_tokens') THEN 'truncated'
            WHEN e.output_kind NOT IN ('json', 'tool')
                AND (e.final_kind IN ('json', 'tool') OR f.closed_share >= $min_closed_share) THEN 'unusable'
            WHEN e.temperature = 0 AND e.output_kind <> e.next_kind THEN 'unusable'
            WHEN h.different_copies > 1 AND h.single_share >= $min_single_share
                THEN CASE WHEN e.temperature = 0 THEN 'unusable' ELSE 'unproven' END
        END AS cause
    FROM equal_requests e
    LEFT JOIN habits h ON h.task = e.task
    LEFT JOIN forms f ON f.task = e.task
    WHERE e.next_start >= e.end_at AND e.next_start <= e.end_at + to_seconds($resend_seconds)
),
-- the answer was cut off, and the same prompt follows with a larger limit
same_prompt AS (
    SELECT *, lead(start) OVER w AS next_start, lead(max_output_tokens) OVER w AS next_limit
    FROM attempts
    WHERE NOT superseded AND prompt_hash IN (
        SELECT prompt_hash FROM attempts WHERE finish_reason IN ('length', 'max_tokens', 'max_output_tokens'))
    WINDOW w AS (PARTITION BY trace_id, task, prompt_hash ORDER BY n)
),
truncated AS (
    SELECT n, 'truncated' AS cause
    FROM same_prompt
    WHERE finish_reason IN ('length', 'max_tokens', 'max_output_tokens')
        AND next_start >= end_at AND next_start <= end_at + to_seconds($resend_seconds)
        AND next_limit > max_output_tokens
),
-- the SDK tries again by itself
superseded AS (SELECT n, 'superseded' AS cause FROM attempts WHERE superseded),
causes AS (
    SELECT n, min(cause) AS cause
    FROM (
        SELECT n, cause FROM resent WHERE cause <> 'unproven'
        UNION ALL SELECT n, cause FROM truncated
        UNION ALL SELECT n, cause FROM superseded
    )
    GROUP BY n
),
tasks AS (
    SELECT
        a.task,
        list(a.n) FILTER (a.cost_picousd > 0) AS ids,
        sum(CASE WHEN a.cost_picousd > 0 THEN 1 ELSE 0 END) AS wasted,
        sum(CASE WHEN a.cost_picousd > 0 AND c.cause = 'unusable' THEN 1 ELSE 0 END) AS unusable,
        sum(CASE WHEN a.cost_picousd > 0 AND c.cause = 'truncated' THEN 1 ELSE 0 END) AS truncated,
        sum(CASE WHEN a.cost_picousd > 0 AND c.cause = 'failed' THEN 1 ELSE 0 END) AS failed,
        sum(CASE WHEN a.cost_picousd > 0 AND c.cause = 'superseded' THEN 1 ELSE 0 END) AS superseded,
        sum(CASE WHEN a.cost_picousd = 0 THEN 1 ELSE 0 END) AS not_billed,
        sum(CASE WHEN a.cost_picousd IS NULL THEN 1 ELSE 0 END) AS unknown_bill,
        sum(CASE WHEN a.cost_picousd > 0 AND a.doubtful THEN 1 ELSE 0 END) AS doubtful
    FROM attempts a
    JOIN causes c ON c.n = a.n
    GROUP BY a.task
),
hashless AS (
    SELECT task FROM w_calls WHERE request_hash IS NULL AND operation <> 'embeddings' GROUP BY task
)
SELECT
    task, '' AS target,
    ids AS calls, '{"kind": "drop_call"}' AS transform,
    to_json({
        'wasted': wasted::BIGINT, 'unusable_then_resent': unusable::BIGINT,
        'truncated_then_resent': truncated::BIGINT, 'failed_then_resent': failed::BIGINT,
        'superseded_by_sdk_retry': superseded::BIGINT, 'attempts_not_billed': not_billed::BIGINT,
        'attempts_with_unknown_bill': unknown_bill::BIGINT, 'bill_only_estimated': doubtful::BIGINT
    })::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks
WHERE wasted >= $min_wasted
UNION ALL
SELECT task, NULL, NULL, NULL, NULL,
    'equal requests are sent again after ' || count(*) || ' answers that show no failure: they may be samples taken on purpose'
FROM resent
WHERE cause = 'unproven'
GROUP BY task
HAVING count(*) >= $min_wasted
UNION ALL
SELECT task, NULL, NULL, NULL, NULL, 'needs request hashes (not on record for some of its calls)' FROM hashless
ORDER BY task, target, not_checked
