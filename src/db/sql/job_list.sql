-- name: job_list
-- Live jobs, newest first.
-- params: int4 (co_id or NULL), text[] (statuses or NULL), text (plugin or NULL),
--         int4 (ids below this, or NULL), int4 (how many)
-- result: 0..n rows
SELECT j.id, j.co_id, j.plugin, j.status, j.assigned_host, j.assigned_pid, j.percent_complete,
       j.register_time, j.start_after_time, j.start_time, j.finish_time,
       COALESCE(j.finish_summary, j.start_summary, j.register_summary) AS summary
  FROM public.jobs j
 WHERE j.job_id IS NULL AND j.deleted IS NOT TRUE
   AND ($1::int4 IS NULL OR j.co_id = $1) AND ($2::text[] IS NULL OR j.status = ANY ($2))
   AND ($3::text IS NULL OR j.plugin = $3) AND ($4::int4 IS NULL OR j.id < $4)
 ORDER BY j.id DESC LIMIT $5
