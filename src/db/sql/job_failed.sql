-- name: job_failed
-- What a hook is told of jobs that failed for good: those of the ids that are Failed and that no retry
-- follows, with the names that `registry-job show --json` has for its members. Parameters may be secret.
-- params: int4[] (ids)
-- result: 0..n rows, in the order of the ids
SELECT j.id, j.co_id, left(c.name, 256) AS co, left(j.plugin, 256) AS plugin,
       left(j.finish_summary, 256) AS finish_summary, jobd.utc(j.register_time) AS register_time,
       jobd.utc(j.start_time) AS start_time, jobd.utc(j.finish_time) AS finish_time,
       left(j.assigned_host, 256) AS assigned_host, j.assigned_pid, j.retry_count, j.requeued_from_job_id
  FROM unnest($1::int4[]) WITH ORDINALITY w (id, place)
  JOIN LATERAL (SELECT i.* FROM public.jobs i
                 WHERE i.id = w.id AND (i.job_id IS NULL) IS TRUE AND i.deleted IS NOT TRUE
                OFFSET 0) j ON j.status = 'X'
  LEFT JOIN public.cos c ON c.id = j.co_id
 WHERE NOT EXISTS (SELECT FROM public.jobs s
                    WHERE s.requeued_from_job_id = j.id AND s.retry_count > COALESCE(j.retry_count, 0)
                      AND (s.job_id IS NULL) IS TRUE AND s.deleted IS NOT TRUE)
 ORDER BY w.place
