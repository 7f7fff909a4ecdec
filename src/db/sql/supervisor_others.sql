-- name: supervisor_others
-- The other supervisors, with what decides whether they are alive.
-- params: int4 (own id)
-- result: 0..n rows: id int4, token int8, host text, pid int4, boot text, start_ticks int8, lapsed bool
SELECT s.id, s.token, s.host, s.pid, s.boot, s.start_ticks,
       s.seen < clock_timestamp() - s.lease AS lapsed
  FROM jobd.supervisor s WHERE s.id <> $1
