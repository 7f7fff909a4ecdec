-- name: check_supervisors
-- Daemons and commands that died, and that nobody has settled. The lease tells those that were not
-- seen for too long from those whose process is gone.
-- params: int4[] (supervisors that are dead)
-- result: 1..n rows: level text, text text, remedy text
WITH dead AS MATERIALIZED (
  SELECT s.id, s.kind, left(s.host, 64) AS host, s.pid,
         (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id) AS lanes,
         LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen), 0),
               1e12)::int8 AS ago,
         LEAST(GREATEST(extract(epoch FROM s.lease), 0), 1e12)::int8 AS lease
    FROM jobd.supervisor s WHERE s.id = ANY ($1)
)
SELECT 'warning',
       format('the %s on %s, PID %s, %s; it holds %s lane%s, and nobody has settled it',
              d.kind, d.host, d.pid,
              CASE WHEN d.ago >= d.lease
                   THEN format('was last seen %s ago, with a lease of %s s',
                               CASE WHEN d.ago < 100 THEN d.ago || ' s'
                                    WHEN d.ago < 6000 THEN d.ago / 60 || ' min'
                                    WHEN d.ago < 172800 THEN d.ago / 3600 || ' h'
                                    ELSE d.ago / 86400 || ' days' END, d.lease)
                   ELSE 'is gone' END,
              d.lanes, CASE WHEN d.lanes <> 1 THEN 's' END),
       CASE WHEN EXISTS (SELECT FROM jobd.supervisor s
                          WHERE s.kind = 'daemon' AND NOT s.id = ANY ($1))
            THEN 'wait a moment: a daemon settles it; if it stays, look at the logs'
            ELSE 'start a daemon: it settles what is left' END
  FROM dead d
UNION ALL
SELECT 'ok', 'nobody has died without being settled', NULL WHERE NOT EXISTS (SELECT FROM dead)
