-- name: check_holds
-- What is held: by people, or because of failures.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH held AS MATERIALIZED (
  SELECT h.*, to_char(h.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since_utc,
         to_char(h.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS until_utc
    FROM jobd.hold h WHERE h.until IS NULL OR h.until > clock_timestamp()
)
SELECT CASE h.actor WHEN 'registry-jobd' THEN 'warning' ELSE 'notice' END,
       format('%s is held%s since %s UTC by %s%s%s',
              CASE WHEN h.model <> '' THEN 'model ' || left(h.model, 80)
                   WHEN h.co_id > 0 THEN 'CO ' || h.co_id ELSE 'everything' END,
              CASE WHEN h.model <> '' AND h.co_id > 0 THEN ' in CO ' || h.co_id END, h.since_utc,
              left(h.actor, 80), ', until ' || h.until_utc || ' UTC',
              CASE WHEN h.reason <> '' THEN ': ' || left(h.reason, 300) END),
       format('%sregistry-job release -c %s%s', CASE h.actor WHEN 'registry-jobd' THEN 'when its cause is gone: ' END, CASE WHEN h.co_id > 0 THEN h.co_id::text ELSE 'all' END,
              CASE WHEN h.model <> '' THEN ' --model ' || left(h.model, 80) END)
  FROM held h
UNION ALL
SELECT 'ok', 'nothing is held', NULL WHERE NOT EXISTS (SELECT FROM held)
