-- name: queue_waiting
-- The COs with a free lane whose first ready job may start under a supervisor. The walk reads two index entries for each CO,
-- so that the cost does not depend on the number of waiting jobs, and ends after 5000 COs: the next
-- look goes on behind the last one.
-- params: int4 (COs above this), int4 (supervisor)
-- result: 0..5000 rows: co_id int4, it waits bool, it is where the walk ended bool
WITH RECURSIVE walk AS (
  SELECT (SELECT min(q.co_id) FROM jobd.queue q WHERE q.ready AND q.co_id > $1::int4) AS co_id,
         1 AS n
  UNION ALL
  SELECT (SELECT min(q.co_id) FROM jobd.queue q WHERE q.ready AND q.co_id > w.co_id), w.n + 1
    FROM walk w WHERE w.co_id IS NOT NULL AND w.n < 5000
), found AS (
  SELECT w.co_id, w.n = 5000 AS is_end,
         (l.supervisor_id IS NULL
          AND (SELECT o.obstacle IS NULL
                 FROM (SELECT q.job_id, q.model FROM jobd.queue q
                        WHERE q.ready AND (q.co_id, q.job_id) > (w.co_id, 0) AND q.co_id <= w.co_id
                        ORDER BY q.co_id, q.job_id LIMIT 1) head
                CROSS JOIN LATERAL jobd.obstacle(w.co_id, head.job_id, head.model, $2::int4, NULL) o))
          IS TRUE AS waits
    FROM walk w LEFT JOIN jobd.lane l ON l.co_id = w.co_id
   WHERE w.co_id IS NOT NULL
)
SELECT f.co_id, f.waits, f.is_end FROM found f WHERE f.waits OR f.is_end
