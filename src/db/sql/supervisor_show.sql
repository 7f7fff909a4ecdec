-- name: supervisor_show
-- Every daemon and command that takes part. One look knows only what the database's clock says. Epochs,
-- because a difference of odd times is an error.
-- params: none
-- result: 0..n rows
SELECT s.id, s.kind, s.host, s.pid, s.version, s.workers,
       (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id) AS busy,
       date_trunc('second', s.started AT TIME ZONE 'UTC') AS started,
       LEAST(GREATEST(round(t.ago), -1e9), 1e9)::int4 AS seen_ago,
       t.ago > extract(epoch FROM s.lease) AS lapsed,
       CASE WHEN t.ago > extract(epoch FROM s.lease) THEN 'LAPSED' ELSE 'held' END AS lease,
       s.problem, s.trouble, s.counters
  FROM jobd.supervisor s
 CROSS JOIN LATERAL (
   SELECT extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen) AS ago) t
 ORDER BY s.id
