-- name: queue_show
-- Every CO that has something waiting or running here.
-- params: int4 (co_id or NULL)
-- result: 0..n rows
WITH waiting AS (
  SELECT q.co_id, count(*) AS waiting,
         count(*) FILTER (WHERE q.ready OR q.due <= clock_timestamp() AT TIME ZONE 'UTC') AS due,
         min(q.job_id) FILTER (WHERE q.ready) AS head,
         min(q.due) AS oldest
    FROM jobd.queue q WHERE $1::int4 IS NULL OR q.co_id = $1 GROUP BY q.co_id
), held AS (
  SELECT l.co_id, s.host, l.worker_pid, l.since,
         (SELECT max(j.id) FROM public.jobs j
           WHERE j.assigned_host = s.host AND j.assigned_pid = l.worker_pid AND j.co_id = l.co_id
             AND j.status IN ('A', 'GO')) AS running
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
   WHERE $1::int4 IS NULL OR l.co_id = $1
)
SELECT c.id AS co_id, c.name AS co, c.status, COALESCE(w.waiting, 0) AS waiting,
       COALESCE(w.due, 0) AS due, h.running, w.head, w.oldest, h.host, h.worker_pid,
       to_char(h.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since
  FROM waiting w FULL JOIN held h USING (co_id) JOIN public.cos c
    ON c.id = COALESCE(w.co_id, h.co_id)
 ORDER BY c.id
