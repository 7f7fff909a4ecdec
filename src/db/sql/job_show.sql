-- name: job_show
-- One live job with all columns that people ask for, and for how long it has been running. Parameters above 1 MB are cut.
-- params: int4 (id)
-- result: 0..1 rows
SELECT j.id, j.co_id, c.name AS co, j.plugin,
       CASE WHEN octet_length(j.parameters) <= 1048576 THEN j.parameters
            ELSE left(j.parameters, 200) || '...' END AS parameters,
       octet_length(j.parameters) AS parameters_bytes,
       j.status, j.assigned_host, j.assigned_pid, j.percent_complete, j.register_summary,
       j.start_summary, j.finish_summary, jobd.utc(j.register_time) AS register_time,
       jobd.utc(j.start_after_time) AS start_after_time, jobd.utc(j.start_time) AS start_time,
       jobd.utc(j.finish_time) AS finish_time, j.requeue_interval, j.retry_interval, j.max_retry,
       j.retry_count, j.requeued_from_job_id, j.actor_identifier,
       CASE WHEN j.status = 'GO' THEN LEAST(GREATEST(
         extract(epoch FROM clock_timestamp()) - extract(epoch FROM jobd.utc(j.start_time)), 0),
         1e12)::int8 END AS running_seconds
  FROM public.jobs j LEFT JOIN public.cos c ON c.id = j.co_id
 WHERE j.id = $1 AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
