-- name: job_reclaim
-- After a failover has undone a claim: the job is Assigned again to the worker that has called its
-- plugin, and leaves the queue. Then the job is settled, and no other worker runs it. The job need
-- not be ready.
-- step: assign (Q -> A)
-- params: int4 (id), int4 (co_id), int8 (lane token), text (host), int4 (pid)
-- result: 0..1 rows: id int4
WITH reclaimed AS (
  UPDATE public.jobs j
     SET status = 'A', assigned_host = $4, assigned_pid = $5, modified = jobd.registry_now(),
         revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1, actor_identifier = 'registry-jobd'
   WHERE j.id = $1 AND j.status = 'Q' AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
     AND j.co_id IS NOT DISTINCT FROM $2
     AND EXISTS (SELECT FROM jobd.lane l WHERE l.token = $3 AND l.co_id = $2)
  RETURNING j.id
), dequeued AS (
  DELETE FROM jobd.queue q USING reclaimed r WHERE q.job_id = r.id
)
SELECT r.id FROM reclaimed r
