-- name: queue_drop_stale
-- Puts a row of the queue right that led a claim to nothing: it goes when its job is not Queued, and to
-- the CO of its job when that is another one. One wrong row never stops a CO.
-- params: int4 (job id), int4 (co_id)
-- result: 0..1 rows affected
WITH job AS (
  SELECT j.co_id FROM public.jobs j
   WHERE j.id = $1 AND j.status = 'Q' AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
), moved AS (
  UPDATE jobd.queue q SET co_id = job.co_id FROM job WHERE q.job_id = $1 AND job.co_id <> $2
)
DELETE FROM jobd.queue q WHERE q.job_id = $1 AND NOT EXISTS (SELECT FROM job)
