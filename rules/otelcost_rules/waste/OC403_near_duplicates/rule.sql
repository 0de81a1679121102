-- Requests whose last user message is within three bits of an earlier one's similarity hash, but not equal to it.
WITH asked AS (
    SELECT n, task, provider, model, start, simhash, request_hash
    FROM w_calls
    WHERE status = 'ok' AND simhash IS NOT NULL AND temperature = 0 AND operation <> 'embeddings'
),
-- one of each message: of four quarters of a hash, two messages that differ in three bits share at least one
messages AS (
    SELECT task, provider, model, simhash, min(n) AS n, count(*) AS calls
    FROM asked
    GROUP BY task, provider, model, simhash
),
quarters AS (
    SELECT task, provider, model, simhash, n, calls, quarter, (simhash >> (16 * quarter)) & 65535 AS bits
    FROM messages, (SELECT unnest([0, 1, 2, 3]) AS quarter)
),
crowded AS (
    SELECT task, provider, model, quarter, bits FROM quarters GROUP BY task, provider, model, quarter, bits
    HAVING count(*) > 200
),
near AS (
    SELECT b.task, b.provider, b.model, b.n, b.calls, min(a.n) AS leader
    FROM quarters a
    JOIN quarters b ON b.task = a.task AND b.provider = a.provider AND b.model = a.model AND b.quarter = a.quarter
        AND b.bits = a.bits AND a.n < b.n AND bit_count(xor(a.simhash, b.simhash)) <= 3
    WHERE NOT EXISTS (
        SELECT 1 FROM crowded c WHERE c.task = a.task AND c.provider = a.provider AND c.model = a.model
            AND c.quarter = a.quarter AND c.bits = a.bits)
    GROUP BY b.task, b.provider, b.model, b.n, b.calls
),
groups AS (
    SELECT task, leader, count(*) AS members FROM near GROUP BY task, leader
),
sizes AS (
    SELECT task, count(*) AS messages FROM messages GROUP BY task
),
tasks AS (
    SELECT n.task, list(n.n) AS calls, sum(n.calls)::BIGINT AS near, count(DISTINCT n.leader) AS questions,
        (SELECT max(g.members) FROM groups g WHERE g.task = n.task) AS largest,
        (SELECT s.messages FROM sizes s WHERE s.task = n.task) AS messages
    FROM near n
    GROUP BY n.task
)
SELECT
    task, '' AS target, calls, NULL AS transform,
    to_json({'near': near, 'questions': questions, 'different_messages': messages})::VARCHAR AS evidence,
    NULL AS not_checked
FROM tasks
WHERE near >= $min_near AND largest <= $max_group_share * messages
ORDER BY task, target
