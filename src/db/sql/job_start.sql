-- name: job_start
-- Assigned becomes In Progress. Its commit need not reach the disk: lost in a crash of the
-- server, the job is still Assigned, and is settled the same way.
-- params: int4 (id), text (host), int4 (pid), text (start summary)
-- result: 0..1 rows affected
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE public.jobs j
   SET status = 'GO', start_time = jobd.utc_now(), start_summary = $4,
       modified = jobd.utc_now(), revision = COALESCE(j.revision, 0) + 1,
       actor_identifier = 'registry-jobd'
  FROM quick
 WHERE j.id = $1 AND j.status = 'A'
   AND j.assigned_host IS NOT DISTINCT FROM $2 AND j.assigned_pid IS NOT DISTINCT FROM $3
