-- name: job_status
-- The status of a job whose row was not as a start or a finish expected, and who has the job.
-- params: int4 (id)
-- result: 0..1 rows: status text, finish_summary text, host text, pid int4
SELECT j.status, j.finish_summary, j.assigned_host, j.assigned_pid
  FROM public.jobs j WHERE j.id = $1
