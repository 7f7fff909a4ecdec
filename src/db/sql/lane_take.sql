-- name: lane_take
-- Takes a CO's lane when nobody holds it. A supervisor that was given up for dead has no row
-- any more, and fails on the foreign key.
-- params: int4 (co_id), int4 (supervisor), int4 (worker pid), int8 (worker start ticks), int8 (token)
-- result: 0..1 rows affected
INSERT INTO jobd.lane AS l (co_id, supervisor_id, worker_pid, worker_ticks, token, since)
VALUES ($1, $2, $3, $4, $5, clock_timestamp())
ON CONFLICT (co_id) DO UPDATE
   SET supervisor_id = EXCLUDED.supervisor_id, worker_pid = EXCLUDED.worker_pid,
       worker_ticks = EXCLUDED.worker_ticks, token = EXCLUDED.token, since = EXCLUDED.since
 WHERE l.supervisor_id IS NULL
