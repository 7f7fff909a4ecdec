-- name: job_reclaim
-- A job whose claim a failover has undone is Assigned to the worker again that has called its
-- plugin: so that it is settled, and nobody runs it. Whether it is ready does not matter.
-- params: int4 (id), int4 (co_id), int8 (lane token), text (host), int4 (pid)
-- result: 0..1 rows affected
UPDATE public.jobs j
   SET status = 'A', assigned_host = $4, assigned_pid = $5, modified = jobd.utc_now(),
       revision = COALESCE(j.revision, 0) + 1, actor_identifier = 'registry-jobd'
 WHERE j.id = $1 AND j.status = 'Q' AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
   AND j.co_id IS NOT DISTINCT FROM $2
   AND EXISTS (SELECT FROM jobd.lane l WHERE l.token = $3 AND l.co_id = $2)
