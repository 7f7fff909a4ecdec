-- name: supervisor_others
-- The other supervisors, with what decides whether they are alive: the process, for those of this
-- host, and the count of renewals. A lease is at least a second and at most an hour long.
-- params: int4 (own id)
-- result: 0..n rows: id int4, token int8, host text, pid int4, boot text, start_ticks int8,
--         renewals int8, lease in milliseconds int8
SELECT s.id, s.token, s.host, s.pid, s.boot, s.start_ticks, s.renewals,
       (LEAST(GREATEST(extract(epoch FROM s.lease), 1), 3600) * 1000)::int8 AS lease
  FROM jobd.supervisor s WHERE s.id <> $1 ORDER BY s.id
