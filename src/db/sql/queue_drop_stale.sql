-- name: queue_drop_stale
-- Repairs a row of jobd.queue that a claim found wrong. A row whose job is not Queued is deleted; a row
-- with a wrong CO gets the CO of its job. So one wrong row never stops a CO. Where row level security
-- hides jobs from this role, a job that is not seen may be there all the same.
-- params: int4 (job id), int4 (co_id)
-- result: 0..1 rows affected
WITH job AS (
  SELECT j.co_id FROM public.jobs j
   WHERE j.id = $1 AND j.status = 'Q' AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
), moved AS (
  UPDATE jobd.queue q SET co_id = job.co_id FROM job WHERE q.job_id = $1 AND job.co_id <> $2
)
DELETE FROM jobd.queue q WHERE q.job_id = $1 AND NOT EXISTS (SELECT FROM job)
   AND NOT row_security_active('public.jobs')
