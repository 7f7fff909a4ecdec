-- name: queue_show
-- Every CO with waiting jobs or a running one, the model of its first job where nobody provides it, and
-- who holds it.
-- params: int4 (co_id or NULL)
-- result: 0..n rows
WITH waiting AS (
  SELECT q.co_id, count(*) AS waiting,
         count(*) FILTER (WHERE q.ready OR q.due <= clock_timestamp()::timestamp) AS due,
         min(q.job_id) FILTER (WHERE q.ready) AS head,
         min(q.due) AS oldest
    FROM jobd.queue q WHERE $1::int4 IS NULL OR q.co_id = $1 GROUP BY q.co_id
), held AS (
  SELECT l.co_id, s.host, l.worker_pid, l.since,
         (SELECT t.job_id FROM jobd.lane_job(l.co_id) t) AS running
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
   WHERE $1::int4 IS NULL OR l.co_id = $1
)
SELECT c.id AS co_id, c.name AS co, c.status, COALESCE(w.waiting, 0) AS waiting,
       COALESCE(w.due, 0) AS due, h.running, w.head, jobd.utc(w.oldest) AS oldest, h.host,
       h.worker_pid,
       date_trunc('second', h.since AT TIME ZONE 'UTC') AS since,
       CASE WHEN o.obstacle = 'model' THEN n.model END AS missing_model,
       (SELECT d.actor || CASE WHEN d.reason <> '' THEN ': ' || d.reason ELSE '' END
          FROM jobd.holds_on(c.id, n.model) d WHERE o.obstacle = 'held'
         ORDER BY d.since, d.co_id, d.model LIMIT 1) AS held_by
  FROM waiting w FULL JOIN held h USING (co_id) JOIN public.cos c
    ON c.id = COALESCE(w.co_id, h.co_id)
  LEFT JOIN jobd.queue n ON n.job_id = w.head
  LEFT JOIN LATERAL jobd.obstacle(c.id, w.head, n.model, NULL, NULL) o ON n.job_id IS NOT NULL
 ORDER BY c.id
