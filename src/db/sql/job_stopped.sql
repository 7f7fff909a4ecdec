-- name: job_stopped
-- A history record says how the plugin of a canceled job ended; with it the end is counted. A second
-- record is never written.
-- params: int4 (id), text (comment)
-- result: 0..1 rows: nothing
WITH noted AS (
  INSERT INTO public.job_history_records
         (job_id, record_key, comment, status, created, modified, revision, deleted, actor_identifier)
  SELECT j.id, 'registry-jobd: stopped', $2, 'NT', jobd.registry_now(), jobd.registry_now(), 0, false,
         'registry-jobd'
    FROM public.jobs j
   WHERE j.id = $1 AND j.status = 'CX'
     AND NOT EXISTS (SELECT FROM public.job_history_records r
                      WHERE r.job_id = j.id AND r.record_key = 'registry-jobd: stopped')
  RETURNING job_id
)
SELECT jobd.count_end(j.id::int4, j.co_id::int4, j.plugin, 'CX', NULL, NULL)
  FROM noted n JOIN public.jobs j ON j.id = n.job_id
