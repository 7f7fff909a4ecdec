-- name: holder_free
-- Gives the lanes back that a dead worker held.
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them)
-- result: n rows affected
UPDATE jobd.lane l
   SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL, token = NULL, since = NULL
 WHERE l.supervisor_id = $1 AND ($2::int4 IS NULL OR l.worker_pid = $2)
