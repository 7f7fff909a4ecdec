-- name: metrics_supervisors
-- Every daemon and command that takes part, and what it has counted.
-- params: int4 (at most so many)
-- result: 0..n rows
SELECT s.id, s.kind, s.host, s.pid, s.version, s.workers,
       (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id) AS busy,
       extract(epoch FROM s.started)::float8 AS started,
       extract(epoch FROM clock_timestamp() - s.seen)::float8 AS seen_ago,
       extract(epoch FROM s.seen + s.lease - clock_timestamp())::float8 AS lease_left,
       s.counters::text AS counters
  FROM jobd.supervisor s ORDER BY s.seen DESC, s.id LIMIT $1
