-- name: job_start_summary
-- Writes the start summary of a running job, as its plugin gives it.
-- params: int4 (id), text (host), int4 (pid), text (start summary)
-- result: 0..1 rows affected
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE public.jobs j
   SET start_summary = $4, modified = jobd.registry_now(),
       revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1, actor_identifier = 'registry-jobd'
  FROM quick
 WHERE j.id = $1 AND j.status = 'GO'
   AND j.assigned_host IS NOT DISTINCT FROM $2 AND j.assigned_pid IS NOT DISTINCT FROM $3
