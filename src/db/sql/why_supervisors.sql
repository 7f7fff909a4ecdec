-- name: why_supervisors
-- Every daemon and command that takes part: the columns of supervisor_others, then how much it
-- does and how long ago it was seen.
-- params: none
-- result: 0..n rows, see explain_store.c
SELECT s.id, s.token, s.host, s.pid, s.boot, s.start_ticks,
       s.seen < clock_timestamp() - s.lease AS lapsed,
       s.kind, s.workers,
       (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id) AS busy,
       extract(epoch FROM date_trunc('second', s.started))::int8 AS started,
       extract(epoch FROM clock_timestamp() - s.seen)::int8 AS seen_ago,
       extract(epoch FROM s.lease)::int8 AS lease
  FROM jobd.supervisor s ORDER BY s.id
