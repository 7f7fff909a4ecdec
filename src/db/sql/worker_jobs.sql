-- name: worker_jobs
-- Of these jobs those that one of these workers of a host had: what a dead worker left of any other
-- is not believed.
-- params: int4[] (job ids), text (host), int4[] (pids)
-- result: 0..n rows: id int4
SELECT j.id FROM public.jobs j
 WHERE j.id = ANY ($1::int4[])
   AND j.assigned_host IS NOT DISTINCT FROM $2
   AND COALESCE(j.assigned_pid = ANY ($3::int4[]), false)
