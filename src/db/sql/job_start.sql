-- name: job_start
-- A job becomes In Progress. The commit does not wait for the disk. If a crash of the server loses it,
-- the job is Assigned, and is settled as a job that is In Progress.
-- step: start (A -> GO)
-- params: int4 (id), text (host), int4 (pid), text (start summary, or NULL)
-- result: 0..1 rows affected
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE public.jobs j
   SET status = 'GO', start_time = jobd.registry_now(), start_summary = $4,
       modified = jobd.registry_now(), revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1,
       actor_identifier = 'registry-jobd'
  FROM quick
 WHERE j.id = $1 AND j.status = 'A'
   AND j.assigned_host IS NOT DISTINCT FROM $2 AND j.assigned_pid IS NOT DISTINCT FROM $3
