-- name: why_job
-- One row of jobs, and everything that decides whether the job runs. Times are seconds since 1970.
-- Reads jobs by primary key, the queue of the job's CO up to the job, and the jobs of the worker that
-- holds the CO's lane. The conditions allow no other index of jobs.
-- params: int4 (id)
-- result: 0..1 rows, see explain_store.c
WITH job AS MATERIALIZED (
  SELECT j.* FROM public.jobs j WHERE j.id = $1
), lane AS MATERIALIZED (
  SELECT l.*, s.host, date_trunc('second', l.since AT TIME ZONE 'UTC') AS since_utc
    FROM job JOIN jobd.lane l ON l.co_id = job.co_id
    JOIN jobd.supervisor s ON s.id = l.supervisor_id
), running AS MATERIALIZED (
  SELECT r.id, r.status, r.start_time, r.modified
    FROM lane CROSS JOIN LATERAL jobd.lane_job(lane.co_id) t JOIN public.jobs r ON r.id = t.job_id
), ahead AS MATERIALIZED (
  SELECT count(*) AS n, min(a.job_id) AS head
    FROM (SELECT q.job_id FROM job JOIN jobd.queue q ON q.co_id = job.co_id
           WHERE q.ready AND q.job_id < job.id ORDER BY q.job_id LIMIT 1001) a
)
SELECT extract(epoch FROM date_trunc('second', clock_timestamp()))::int8 AS now,
       j.status, j.job_id, j.deleted IS TRUE AS deleted, j.co_id, j.plugin, j.assigned_host,
       j.assigned_pid, j.percent_complete, j.finish_summary, j.actor_identifier,
       CASE WHEN j.start_after_time IS NOT NULL
            THEN extract(epoch FROM LEAST(jobd.utc(j.start_after_time), '9999-12-31 23:59:59'))::text
       END AS start_after,
       extract(epoch FROM jobd.utc(j.start_time))::text AS start_time,
       extract(epoch FROM jobd.utc(j.finish_time))::text AS finish_time,
       extract(epoch FROM jobd.utc(j.modified))::text AS modified,
       (SELECT max(n.id) FROM public.jobs n
         WHERE n.requeued_from_job_id = j.id AND (n.job_id IS NULL) IS TRUE) AS successor,
       CASE WHEN c.id IS NULL OR c.deleted IS TRUE OR c.co_id IS NOT NULL THEN '-'
            ELSE c.status END AS co_status,
       EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id) AS in_queue,
       a.n AS ahead, a.head,
       l.supervisor_id, l.worker_pid, extract(epoch FROM date_trunc('second', l.since))::text AS since,
       l.host IS NOT DISTINCT FROM j.assigned_host AND l.worker_pid = j.assigned_pid
         AND (jobd.utc(j.modified) >= l.since_utc OR j.actor_identifier = 'registry-jobd') AS has_lane,
       r.id AS running, r.status AS running_status,
       extract(epoch FROM jobd.utc(COALESCE(r.start_time, r.modified)))::text AS running_since,
       CASE WHEN l.stalled_job = j.id
            THEN extract(epoch FROM date_trunc('second', l.stalled_since))::text END AS stalled,
       (SELECT count(*) FROM pg_trigger t
         WHERE t.tgrelid = 'public.jobs'::regclass AND t.tgname LIKE 'jobd\_%'
           AND t.tgenabled IN ('O', 'A')) AS triggers,
       f.refused_job AS refused, f.refused_words, f.refusals,
       extract(epoch FROM date_trunc('second', f.refused_since))::text AS refused_since,
       extract(epoch FROM date_trunc('second', f.retry_at))::text AS retry_at,
       CASE WHEN o.obstacle = 'model' THEN n.model END AS missing_model,
       (SELECT p.line FROM jobd.supervisor s
         CROSS JOIN LATERAL unnest(string_to_array(s.problem, E'\n')) AS p (line)
         WHERE s.kind = 'daemon' AND (p.line NOT LIKE '[exec "%' OR left(p.line, 100)
               LIKE '[exec "' || replace(n.model, '_', '\_') || '"]:%')
           AND extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen)
               <= extract(epoch FROM s.lease)
         ORDER BY p.line NOT LIKE '[exec "%', s.id LIMIT 1) AS problem,
       d.co_id AS held_co, d.model AS held_model, d.reason AS held_reason, d.actor AS held_by,
       extract(epoch FROM date_trunc('second', d.since))::text AS held_since,
       extract(epoch FROM date_trunc('second', d.until))::text AS held_until,
       extract(epoch FROM GREATEST(jobd.utc(n.register_time), jobd.utc(n.start_after_time)))::text
         AS ready_since
  FROM job j LEFT JOIN public.cos c ON c.id = j.co_id CROSS JOIN ahead a
  LEFT JOIN lane l ON true LEFT JOIN running r ON true
  LEFT JOIN jobd.lane f ON f.co_id = j.co_id AND f.refused_job = COALESCE(a.head, j.id)
  LEFT JOIN LATERAL (SELECT q.model, r.register_time, r.start_after_time
                       FROM jobd.queue q JOIN public.jobs r ON r.id = q.job_id
                      WHERE q.job_id = COALESCE(a.head, j.id)) n ON true
  LEFT JOIN LATERAL jobd.obstacle(j.co_id, COALESCE(a.head, j.id)::int4, n.model, NULL, NULL) o ON true
  LEFT JOIN LATERAL (SELECT h.* FROM jobd.holds_on(j.co_id, n.model) h
                      ORDER BY h.since, h.co_id, h.model LIMIT 1) d ON o.obstacle = 'held'
