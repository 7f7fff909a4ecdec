-- name: job_finish
-- A job gets its final status, and the same statement queues its requeue or retry. Without a summary
-- the percentage stays as it is, too: that is for what the server has refused. OFFSET 0 keeps
-- follow_on from being called for a job without intervals.
-- step: finish ok (GO -> OK), finish failed (GO -> X), reject (A -> X)
-- params: int4 (id), text[] (statuses expected), text (new status), text (finish summary, or NULL),
--         text (host), int4 (pid), bool (an error of the successor that time may mend is raised)
-- result: 0..1 rows: id int4, successor int4, its start_after_time text, waiting int4, held text (what is
--         held because of this failure, and why)
WITH finished AS (
  UPDATE public.jobs j
     SET status = $3::text,
         finish_summary = CASE WHEN $3::text = 'X' AND j.requeue_interval > 0
                               THEN jobd.last_summary($4::text, j.id::int4, j.retry_interval, j.max_retry, j.retry_count)
                               ELSE $4::text END,
         finish_time = jobd.registry_now(),
         percent_complete = CASE WHEN $3::text = 'OK' AND $4::text IS NOT NULL THEN 100
                                 ELSE j.percent_complete END,
         modified = jobd.registry_now(), revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1,
         actor_identifier = 'registry-jobd'
   WHERE j.id = $1 AND j.status = ANY ($2::text[])
     AND j.assigned_host IS NOT DISTINCT FROM $5 AND j.assigned_pid IS NOT DISTINCT FROM $6
  RETURNING j.id, j.co_id, j.plugin, j.finish_summary, j.requeue_interval, j.retry_interval
)
SELECT f.id, n.successor, jobd.utc(n.start_after)::text, n.waiting,
       jobd.count_end(f.id::int4, f.co_id::int4, f.plugin, $3::text, f.finish_summary,
                      CASE WHEN $3::text = 'X'
                           THEN (SELECT l.supervisor_id FROM jobd.lane l WHERE l.co_id = f.co_id AND l.worker_pid = $6)
                           END)
  FROM finished f
  LEFT JOIN LATERAL (SELECT w.* FROM jobd.follow_on(f.id::int4, $3::text, $7) w
                      WHERE f.requeue_interval > 0 OR f.retry_interval > 0 OFFSET 0) n ON true
