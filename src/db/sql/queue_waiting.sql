-- name: queue_waiting
-- The COs that have a ready job, are active, and whose lane nobody holds. Walks the index from
-- one CO to the next, so that the cost does not depend on how much each has waiting.
-- params: none
-- result: 0..n rows: co_id int4
WITH RECURSIVE walk AS (
  SELECT (SELECT min(q.co_id) FROM jobd.queue q WHERE q.ready) AS co_id
  UNION ALL
  SELECT (SELECT min(q.co_id) FROM jobd.queue q WHERE q.ready AND q.co_id > w.co_id)
    FROM walk w WHERE w.co_id IS NOT NULL
)
SELECT w.co_id
  FROM walk w JOIN public.cos c ON c.id = w.co_id
  LEFT JOIN jobd.lane l ON l.co_id = w.co_id
 WHERE c.status = 'A' AND c.co_id IS NULL AND c.deleted IS NOT TRUE AND l.supervisor_id IS NULL
