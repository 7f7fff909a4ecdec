-- name: holder_free
-- Gives the lanes back that a dead worker held; everybody is told of jobs that wait in them.
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them)
-- result: 0..n rows
WITH freed AS (
  UPDATE jobd.lane l
     SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL, token = NULL, since = NULL
   WHERE l.supervisor_id = $1 AND ($2::int4 IS NULL OR l.worker_pid = $2)
  RETURNING l.co_id
)
SELECT pg_notify('registry_jobd', 'queued ' || f.co_id)
  FROM freed f JOIN public.cos c ON c.id = f.co_id
 WHERE c.status = 'A' AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
   AND EXISTS (SELECT FROM jobd.queue q WHERE q.ready AND q.co_id = f.co_id)
