-- name: check_daemons
-- params: int4[] (supervisors that are dead)
-- result: 1 row: level text, text text, remedy text
SELECT CASE WHEN d.n = 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN d.n = 0 THEN 'no daemon is running: queued jobs wait'
            ELSE format('%s with %s workers', d.n, d.workers) END,
       CASE WHEN d.n = 0 THEN 'systemctl start registry-jobd' END
  FROM (SELECT count(*) AS n, sum(s.workers) AS workers
          FROM jobd.supervisor s WHERE s.kind = 'daemon' AND NOT s.id = ANY ($1)) d
