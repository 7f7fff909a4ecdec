-- name: top_waiting
-- The COs with waiting jobs, those first whose first due job has the lowest id, and what keeps that job
-- from starting.
-- params: int4 (co_id or NULL), int4 (limit)
-- result: 0..n rows: cos int8 (how many there are in all), the CO, how many of its jobs are due and how many
--         later, due_at (since when the oldest one is due, or when the next one is), first_job (due),
--         its model, obstacle (a word of jobd.obstacle), why text (for people)
WITH clock AS MATERIALIZED (
  SELECT clock_timestamp()::timestamp AS local
), waiting AS (
  SELECT q.co_id, count(*) AS waiting,
         count(*) FILTER (WHERE q.ready OR q.due <= clock.local) AS due,
         min(q.job_id) FILTER (WHERE q.ready OR q.due <= clock.local) AS head,
         min(COALESCE(q.due, '-infinity')) FILTER (WHERE q.ready OR q.due <= clock.local) AS since,
         min(q.due) FILTER (WHERE NOT q.ready) AS next
    FROM jobd.queue q CROSS JOIN clock WHERE $1::int4 IS NULL OR q.co_id = $1 GROUP BY q.co_id
), chosen AS (
  SELECT count(*) OVER () AS cos, w.*
    FROM waiting w ORDER BY w.head, w.next, w.co_id LIMIT $2::int4
), pool AS MATERIALIZED (
  SELECT count(*) AS daemons, sum(s.workers) AS workers,
         sum((SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id)) AS busy
    FROM jobd.supervisor s
   WHERE s.kind = 'daemon'
     AND extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen) <= extract(epoch FROM s.lease)
)
SELECT k.cos, k.co_id, c.name AS co, k.due, k.waiting - k.due AS later,
       date_trunc('second', jobd.utc(CASE WHEN k.due > 0 THEN
         GREATEST(k.since, (SELECT COALESCE(j.register_time, j.created)::timestamp
                              FROM public.jobs j WHERE j.id = k.head)) ELSE k.next END)) AS due_at,
       k.head AS first_job, n.model, o.obstacle,
       CASE WHEN k.due = 0 THEN 'not due'
            WHEN o.obstacle = 'co' THEN 'the CO is not active'
            WHEN o.obstacle = 'held' THEN
              (SELECT 'held by ' || d.actor || CASE WHEN d.reason <> '' THEN ': ' || d.reason ELSE '' END
                 FROM jobd.holds_on(k.co_id, n.model) d ORDER BY d.since, d.co_id, d.model LIMIT 1)
            WHEN r.job_id IS NOT NULL THEN 'behind job ' || r.job_id
            WHEN p.daemons = 0 THEN 'no daemon is running'
            WHEN o.obstacle = 'model' THEN 'no daemon provides ' || n.model
            WHEN o.obstacle = 'refused' THEN 'the database refuses it: ' || l.refused_words
            WHEN p.busy >= p.workers THEN 'all workers are busy'
            ELSE 'starts within moments' END AS why
  FROM chosen k CROSS JOIN pool p LEFT JOIN public.cos c ON c.id = k.co_id
  LEFT JOIN jobd.queue n ON n.job_id = k.head
  LEFT JOIN LATERAL jobd.obstacle(k.co_id, k.head, n.model, NULL, NULL) o ON n.job_id IS NOT NULL
  LEFT JOIN jobd.lane l ON l.co_id = k.co_id
  LEFT JOIN LATERAL jobd.lane_job(k.co_id) r ON true
 ORDER BY k.head, k.next, k.co_id
