-- name: check_stuck
-- First jobs that nothing keeps from starting, whose lane is free while a worker of a daemon that
-- provides their model is, and that have been ready for half a minute. The walk is that of
-- queue_waiting.
-- params: none
-- result: 0..20 rows: job int4, co_id int4, for how many seconds int8
WITH RECURSIVE walk AS (
  SELECT (SELECT min(q.co_id) FROM jobd.queue q WHERE q.ready) AS co_id, 1 AS n
  UNION ALL
  SELECT (SELECT min(q.co_id) FROM jobd.queue q WHERE q.ready AND q.co_id > w.co_id), w.n + 1
    FROM walk w WHERE w.co_id IS NOT NULL AND w.n < 5000
), idle AS MATERIALIZED (
  SELECT s.id FROM jobd.supervisor s
   WHERE s.kind = 'daemon'
     AND s.workers > (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id)
     AND extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen) <= extract(epoch FROM s.lease)
)
SELECT head.job_id, w.co_id, r.ready::int8
  FROM walk w
  LEFT JOIN jobd.lane l ON l.co_id = w.co_id
 CROSS JOIN LATERAL (SELECT q.job_id, q.model FROM jobd.queue q
                      WHERE q.ready AND (q.co_id, q.job_id) > (w.co_id, 0) AND q.co_id <= w.co_id
                      ORDER BY q.co_id, q.job_id LIMIT 1) head
 CROSS JOIN LATERAL jobd.obstacle(w.co_id, head.job_id, head.model, NULL, NULL) o
  JOIN public.jobs j ON j.id = head.job_id
 CROSS JOIN LATERAL (SELECT LEAST(GREATEST(
                       extract(epoch FROM clock_timestamp())
                       - extract(epoch FROM GREATEST(jobd.utc(j.register_time), jobd.utc(j.start_after_time))),
                       0), 1e12) AS ready) r
 WHERE w.co_id IS NOT NULL AND l.supervisor_id IS NULL AND o.obstacle IS NULL AND r.ready > 30
   AND EXISTS (SELECT FROM idle i WHERE jobd.provides(i.id, head.model))
 ORDER BY w.co_id LIMIT 20
