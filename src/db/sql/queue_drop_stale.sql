-- name: queue_drop_stale
-- Takes a row out of the queue whose job is not Queued: one wrong row never stops a CO.
-- params: int4 (job id), int4 (co_id)
-- result: 0..1 rows affected
DELETE FROM jobd.queue q
 WHERE q.job_id = $1
   AND NOT EXISTS (SELECT FROM public.jobs j
                    WHERE j.id = $1 AND j.status = 'Q' AND (j.job_id IS NULL) IS TRUE
                      AND j.deleted IS NOT TRUE AND j.co_id IS NOT DISTINCT FROM $2)
