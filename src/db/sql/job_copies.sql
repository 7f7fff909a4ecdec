-- name: job_copies
-- The archive copies of a job, oldest first: what the Registry's own programs found when they changed
-- it. This system writes none.
-- params: int4 (job id), int4 (how many)
-- result: 0..n rows
SELECT c.id, jobd.utc(c.modified) AS modified, c.revision, c.status, c.actor_identifier, c.assigned_host,
       c.assigned_pid, c.finish_summary
  FROM public.jobs c
 WHERE c.job_id = $1
 ORDER BY c.revision, c.id LIMIT $2
