-- name: lane_take
-- Takes a CO's lane when nobody holds it, and when there is work: a job is ready, and nothing keeps the
-- first one from starting. Anybody can send a notification about any CO: without work it costs this
-- statement, and leaves no row. A supervisor that was given up for dead has no row any more, and fails
-- on the foreign key.
-- params: int4 (co_id), int4 (supervisor), int4 (worker pid), int8 (worker start ticks), int8 (token),
--         int4 (the worker's generation of models)
-- result: 1 row: the lane is taken bool
WITH work AS MATERIALIZED (
  SELECT $1::int4 AS co_id
    FROM (SELECT q.job_id, q.model FROM jobd.queue q
           WHERE q.ready AND (q.co_id, q.job_id) > ($1::int4, 0) AND q.co_id <= $1
           ORDER BY q.co_id, q.job_id LIMIT 1) head
   CROSS JOIN LATERAL jobd.obstacle($1, head.job_id, head.model, $2, $6) o
   WHERE o.obstacle IS NULL
), taken AS (
  INSERT INTO jobd.lane AS l (co_id, supervisor_id, worker_pid, worker_ticks, token, since)
  SELECT w.co_id, $2::int4, $3::int4, $4::int8, $5::int8, clock_timestamp() FROM work w
  ON CONFLICT (co_id) DO UPDATE
     SET supervisor_id = EXCLUDED.supervisor_id, worker_pid = EXCLUDED.worker_pid,
         worker_ticks = EXCLUDED.worker_ticks, token = EXCLUDED.token, since = EXCLUDED.since
   WHERE l.supervisor_id IS NULL
  RETURNING l.co_id
)
SELECT EXISTS (SELECT FROM taken)
