-- name: job_progress
-- Raises the percentage of a running job. The percentage never falls; a canceled job is left alone.
-- params: int4 (id), text (host), int4 (pid), int4 (percent)
-- result: 0..1 rows affected
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE public.jobs j
   SET percent_complete = $4, modified = jobd.registry_now(),
       revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1, actor_identifier = 'registry-jobd'
  FROM quick
 WHERE j.id = $1 AND j.status = 'GO' AND COALESCE(j.percent_complete, -1) < $4
   AND j.assigned_host IS NOT DISTINCT FROM $2 AND j.assigned_pid IS NOT DISTINCT FROM $3
