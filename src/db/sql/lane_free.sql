-- name: lane_free
-- Gives a lane back, if it is still held under this token.
-- params: int4 (co_id), int8 (token)
-- result: 0..1 rows affected
UPDATE jobd.lane l
   SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL, token = NULL, since = NULL
 WHERE l.token = $2 AND l.co_id = $1
