-- name: holder_stopped
-- How the plugin of a canceled job ended, for jobs of a worker that died before it could say so.
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them), text (comment)
-- result: n rows affected
INSERT INTO public.job_history_records
       (job_id, record_key, comment, status, created, modified, revision, deleted, actor_identifier)
SELECT j.id, 'registry-jobd: stopped', $3::text, 'NT', jobd.utc_now(), jobd.utc_now(), 0, false,
       'registry-jobd'
  FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
  JOIN public.jobs j ON j.assigned_host = s.host AND j.assigned_pid = l.worker_pid
                    AND j.co_id = l.co_id
 WHERE s.id = $1 AND ($2::int4 IS NULL OR l.worker_pid = $2)
   AND j.status = 'CX' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
   AND j.modified >= date_trunc('second', l.since AT TIME ZONE 'UTC')
   AND NOT EXISTS (SELECT FROM public.job_history_records r
                    WHERE r.job_id = j.id AND r.record_key = 'registry-jobd: stopped')
