-- name: job_register
-- A new job, or the id of the one that makes it a duplicate.
-- params: int4 (co_id), text (plugin), text (parameters), text (status: Q, or A to run it here),
--         text (host), int4 (pid), int4 (delay in seconds), int4 (requeue interval),
--         int4 (retry interval), int4 (max retry), text (register summary), text (actor),
--         bool (allow a duplicate), int4 (retried job)
-- result: 1 row: id int4, waiting int4
-- register_lock comes in a statement before.
WITH same AS (
  SELECT CASE WHEN NOT $13 THEN jobd.same_job($1, $2, $3, NULL) END AS waiting
), registered AS (
  INSERT INTO public.jobs
         (co_id, plugin, parameters, status, assigned_host, assigned_pid, register_time,
          start_after_time, requeue_interval, retry_interval, max_retry, retry_count,
          register_summary, requeued_from_job_id, created, modified, revision, deleted,
          actor_identifier)
  SELECT $1::int4, $2::text, $3::text, $4::text, $5::text, $6::int4, jobd.utc_now(), jobd.utc_now() + make_interval(secs => $7::int4),
         $8::int4, $9::int4, $10::int4, CASE WHEN $10::int4 IS NOT NULL THEN 0 END, $11::text,
         $14::int4,
         jobd.utc_now(), jobd.utc_now(), 0, false, $12::text
    FROM same WHERE waiting IS NULL
  RETURNING id
)
SELECT (SELECT id FROM registered), (SELECT waiting FROM same)
