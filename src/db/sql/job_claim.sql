-- name: job_claim
-- The head of a CO's queue becomes Assigned, if the caller still holds the lane.
-- params: int4 (co_id), int8 (lane token), text (host), int4 (pid), int4 (lower bound)
-- result: 1 row: head int4, then the job; a head without a job is a lost race, NULL is an empty queue
-- The bound keeps what an old snapshot still sees out of the way (deleted rows of the queue's
-- index). The range over (co_id, job_id) has an order that only the index queue_ready can serve,
-- so that the backlog of other COs is not read. Guards are written so that only the primary key of
-- jobs can serve. `wait` is how long the job has been due, of columns that hold whole seconds; the
-- epochs of times without an end are infinite, and can be subtracted. 2147483647: not known.
WITH held AS (
  SELECT l.co_id
    FROM jobd.lane l JOIN public.cos c ON c.id = l.co_id
   WHERE l.token = $2 AND l.co_id = $1
     AND c.status = 'A' AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
     FOR SHARE OF l
), head AS (
  SELECT q.job_id
    FROM jobd.queue q
   WHERE q.ready AND (q.co_id, q.job_id) > ($1, $5::int4)
     AND q.co_id <= (SELECT co_id FROM held)
   ORDER BY q.co_id, q.job_id LIMIT 1
), claimed AS (
  UPDATE public.jobs j
     SET status = 'A', assigned_host = $3, assigned_pid = $4,
         modified = jobd.utc_now(), revision = COALESCE(j.revision, 0) + 1,
         actor_identifier = 'registry-jobd'
    FROM head
   WHERE j.id = head.job_id
     AND j.status = 'Q' AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
     AND j.co_id IS NOT DISTINCT FROM $1
  RETURNING j.id, j.co_id, j.plugin, octet_length(j.parameters) AS size,
            CASE WHEN octet_length(j.parameters) <= 1048576 THEN j.parameters END AS parameters,
            GREATEST(LEAST(extract(epoch FROM j.modified)
                           - extract(epoch FROM GREATEST(j.register_time, j.start_after_time)),
                           2147483647), 0)::int4 AS wait
)
SELECT (SELECT job_id FROM head), claimed.* FROM (VALUES (1)) AS one LEFT JOIN claimed ON true
