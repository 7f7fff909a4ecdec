-- name: why_job
-- One row of jobs and everything around it that decides whether it runs. Times are seconds since
-- 1970. Reads jobs by primary key, the queue of the job's CO up to the job, and what the worker
-- that holds the CO's lane has run: conditions are written so that no other index of jobs serves.
-- params: int4 (id)
-- result: 0..1 rows, see explain_store.c
WITH job AS MATERIALIZED (
  SELECT j.* FROM public.jobs j WHERE j.id = $1
), lane AS MATERIALIZED (
  SELECT l.*, s.host, date_trunc('second', l.since AT TIME ZONE 'UTC') AS since_utc
    FROM job JOIN jobd.lane l ON l.co_id = job.co_id
    JOIN jobd.supervisor s ON s.id = l.supervisor_id
), ran AS MATERIALIZED (
  SELECT r.id, r.status, r.start_time, r.modified
    FROM lane JOIN public.jobs r
      ON r.assigned_host = lane.host AND r.assigned_pid = lane.worker_pid
   WHERE r.co_id IS NOT DISTINCT FROM lane.co_id AND r.modified >= lane.since_utc
     AND (r.job_id IS NULL) IS TRUE AND r.deleted IS NOT TRUE
     AND (r.status IN ('A', 'GO')
          OR (r.status = 'CX' AND r.start_time IS NOT NULL
              AND NOT EXISTS (SELECT FROM public.job_history_records h
                               WHERE h.job_id = r.id AND h.record_key = 'registry-jobd: stopped')))
), running AS MATERIALIZED (
  SELECT r.* FROM ran r ORDER BY r.id DESC LIMIT 1
), ahead AS MATERIALIZED (
  SELECT count(*) AS n, min(a.job_id) AS head
    FROM (SELECT q.job_id FROM job JOIN jobd.queue q ON q.co_id = job.co_id
           WHERE q.ready AND q.job_id < job.id ORDER BY q.job_id LIMIT 1001) a
)
SELECT extract(epoch FROM date_trunc('second', clock_timestamp()))::int8 AS now,
       j.status, j.job_id, j.deleted IS TRUE AS deleted, j.co_id, j.plugin, j.assigned_host,
       j.assigned_pid, j.percent_complete, j.finish_summary, j.actor_identifier,
       CASE WHEN j.start_after_time IS NOT NULL
            THEN extract(epoch FROM LEAST(j.start_after_time, '9999-12-31 23:59:59'))::text
       END AS start_after,
       extract(epoch FROM j.start_time)::text AS start_time,
       extract(epoch FROM j.finish_time)::text AS finish_time,
       extract(epoch FROM j.modified)::text AS modified,
       (SELECT max(n.id) FROM public.jobs n
         WHERE n.requeued_from_job_id = j.id AND (n.job_id IS NULL) IS TRUE) AS successor,
       CASE WHEN c.id IS NULL OR c.deleted IS TRUE OR c.co_id IS NOT NULL THEN '-'
            ELSE c.status END AS co_status,
       EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id) AS in_queue,
       a.n AS ahead, a.head,
       l.supervisor_id, l.worker_pid, extract(epoch FROM date_trunc('second', l.since))::int8 AS since,
       l.host IS NOT DISTINCT FROM j.assigned_host AND l.worker_pid = j.assigned_pid
         AND j.modified >= l.since_utc AS has_lane,
       r.id AS running, r.status AS running_status,
       extract(epoch FROM COALESCE(r.start_time, r.modified))::text AS running_since,
       CASE WHEN l.stalled_job = j.id
            THEN extract(epoch FROM date_trunc('second', l.stalled_since))::text END AS stalled,
       (SELECT count(*) FROM pg_trigger t
         WHERE t.tgrelid = 'public.jobs'::regclass AND t.tgname LIKE 'jobd\_%'
           AND t.tgenabled IN ('O', 'A')) AS triggers
  FROM job j LEFT JOIN public.cos c ON c.id = j.co_id CROSS JOIN ahead a
  LEFT JOIN lane l ON true LEFT JOIN running r ON true
