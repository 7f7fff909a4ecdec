-- name: check_trouble
-- What daemons say is in the way of their workers, and daemons that live and cannot say anything.
-- params: int4[] (supervisors that are dead)
-- result: 1..n rows: level text, text text, remedy text
WITH alive AS MATERIALIZED (
  SELECT left(s.host, 64) AS host, s.pid, left(s.trouble, 600) AS trouble,
         LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.trouble_since), 0),
               1e12)::int8 AS lasts,
         LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen), 0),
               1e12)::int8 AS silent,
         LEAST(GREATEST(extract(epoch FROM s.lease), 1), 3600) AS lease
    FROM jobd.supervisor s WHERE s.kind = 'daemon' AND NOT s.id = ANY ($1)
), found AS (
  SELECT format('%s (PID %s) says for %s: %s', a.host, a.pid,
                CASE WHEN a.lasts < 100 THEN a.lasts || ' s'
                     WHEN a.lasts < 6000 THEN a.lasts / 60 || ' min'
                     ELSE a.lasts / 3600 || ' h' END, a.trouble) AS text
    FROM alive a WHERE a.trouble IS NOT NULL
   UNION ALL
  SELECT format('%s (PID %s) could not renew its lease for %s s', a.host, a.pid, a.silent)
    FROM alive a WHERE a.silent > a.lease / 2
)
SELECT 'warning', f.text, 'its log says more: journalctl -t registry-jobd -p warning' FROM found f
UNION ALL
SELECT 'ok', 'nothing is in the way of the workers', NULL WHERE NOT EXISTS (SELECT FROM found)
