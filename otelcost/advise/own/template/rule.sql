-- Calls made from one folder of the project, by task. Replace this with a question of your own.
SELECT
    task,
    '' AS target,
    list(n) AS calls,
    '{"kind": "drop_call"}' AS transform,
    to_json({'folder': $folder, 'count': count(*)})::VARCHAR AS evidence,
    NULL AS not_checked
FROM w_calls
WHERE starts_with(call_site, $folder) AND cost_picousd > 0
GROUP BY task
HAVING count(*) >= $min_calls
