-- name: job_show
-- One live job with everything that a person asks about.
-- params: int4 (id)
-- result: 0..1 rows
SELECT j.id, j.co_id, c.name AS co, j.plugin,
       CASE WHEN octet_length(j.parameters) <= 1048576 THEN j.parameters
            ELSE left(j.parameters, 200) || '...' END AS parameters,
       j.status, j.assigned_host, j.assigned_pid, j.percent_complete, j.register_summary,
       j.start_summary, j.finish_summary, j.register_time, j.start_after_time, j.start_time,
       j.finish_time, j.requeue_interval, j.retry_interval, j.max_retry, j.retry_count,
       j.requeued_from_job_id, j.actor_identifier
  FROM public.jobs j LEFT JOIN public.cos c ON c.id = j.co_id
 WHERE j.id = $1 AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
