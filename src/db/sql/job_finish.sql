-- name: job_finish
-- A final status, and in the same statement the successor that the rules call for.
-- params: int4 (id), text[] (statuses expected), text (new status), text (finish summary),
--         text (host), int4 (pid)
-- result: 0..1 rows: id int4, successor int4, its start_after_time text, waiting int4
WITH finished AS (
  UPDATE public.jobs j
     SET status = $3::text, finish_summary = $4, finish_time = jobd.utc_now(),
         percent_complete = CASE WHEN $3::text = 'OK' THEN 100 ELSE j.percent_complete END,
         modified = jobd.utc_now(), revision = COALESCE(j.revision, 0) + 1,
         actor_identifier = 'registry-jobd'
   WHERE j.id = $1 AND j.status = ANY ($2::text[])
     AND j.assigned_host IS NOT DISTINCT FROM $5 AND j.assigned_pid IS NOT DISTINCT FROM $6
  RETURNING j.id, j.requeue_interval, j.retry_interval
)
SELECT f.id, n.successor, n.start_after::text, n.waiting
  FROM finished f
  LEFT JOIN LATERAL jobd.follow(f.id, $3::text) n
         ON f.requeue_interval > 0 OR f.retry_interval > 0
