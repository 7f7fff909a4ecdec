-- name: lane_free
-- Gives a lane back, if it is still held under this token. When jobs wait in it that may run, and
-- others take part, they are told: whoever asked for the lane meanwhile was sent away.
-- params: int4 (co_id), int8 (token)
-- result: 0..1 rows
WITH freed AS (
  UPDATE jobd.lane l
     SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL, token = NULL, since = NULL
   WHERE l.token = $2 AND l.co_id = $1
  RETURNING l.co_id
)
SELECT pg_notify('registry_jobd', 'queued ' || f.co_id)
  FROM freed f JOIN public.cos c ON c.id = f.co_id
 WHERE c.status = 'A' AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
   AND CASE WHEN (SELECT count(*) FROM jobd.supervisor) > 1
            THEN EXISTS (SELECT FROM jobd.queue q WHERE q.ready AND q.co_id = f.co_id) END
