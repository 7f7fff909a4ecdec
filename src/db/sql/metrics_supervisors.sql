-- name: metrics_supervisors
-- Every daemon and command with a row in jobd.supervisor, with its counts. Epochs, because a
-- difference of odd times is an error.
-- params: int4 (limit)
-- result: 0..n rows
SELECT s.id, s.kind, s.host, s.pid, s.version, s.workers,
       (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id) AS busy,
       LEAST(GREATEST(extract(epoch FROM s.started), -1e12), 1e12)::float8 AS started,
       LEAST(GREATEST(t.ago, -1e12), 1e12)::float8 AS seen_ago,
       LEAST(GREATEST(extract(epoch FROM s.lease) - t.ago, -1e12), 1e12)::float8 AS lease_left,
       s.renewals, (s.trouble IS NOT NULL)::int4 AS trouble,
       s.counters::text AS counters
  FROM jobd.supervisor s
 CROSS JOIN LATERAL (
   SELECT extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen) AS ago) t
 ORDER BY s.seen DESC, s.id LIMIT $1
