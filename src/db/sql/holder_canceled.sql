-- name: holder_canceled
-- The canceled jobs of a worker that died, which could not say how their plugins ended. Reads no
-- history: a lock on that table must not hold up what is settled in this transaction.
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them)
-- result: 0..n rows: id int4
SELECT j.id
  FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
  JOIN public.jobs j ON j.assigned_host = s.host AND j.assigned_pid = l.worker_pid
                    AND j.co_id = l.co_id
 WHERE s.id = $1 AND ($2::int4 IS NULL OR l.worker_pid = $2)
   AND j.status = 'CX' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
   AND j.modified >= date_trunc('second', l.since AT TIME ZONE 'UTC')
