-- name: supervisor_show
-- Every daemon and command that takes part.
-- params: none
-- result: 0..n rows
SELECT s.id, s.kind, s.host, s.pid, s.version, s.workers,
       (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id) AS busy,
       to_char(s.started AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS started,
       round(extract(epoch FROM clock_timestamp() - s.seen))::int4 AS seen_ago,
       s.seen < clock_timestamp() - s.lease AS lapsed,
       CASE WHEN s.seen < clock_timestamp() - s.lease THEN 'LAPSED' ELSE 'held' END AS lease,
       s.counters
  FROM jobd.supervisor s ORDER BY s.id
