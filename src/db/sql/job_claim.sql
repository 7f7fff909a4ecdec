-- name: job_claim
-- The first ready job of a CO becomes Assigned, and leaves the queue, if the caller still holds the
-- lane, nothing keeps the job from starting, and its model's program runs where it has to run first.
-- step: assign (Q -> A)
-- params: int4 (co_id), int8 (lane token), text (host), int4 (pid), int4 (lower bound),
--         int4 (the worker's generation of models), bool (its programs run)
-- result: 1 row: head int4, then the job, then whether the head waits for its program bool; another head
--         without a job is a lost race, NULL is an empty queue, or one whose first job cannot run here
-- Ids up to the lower bound are skipped: deleted rows of the queue's index, which an old snapshot
-- keeps, are not read again. Only the index queue_ready can serve the order of (co_id, job_id), so
-- the queues of other COs are not read. Only the primary key of jobs can serve the conditions on
-- jobs. `wait` is the time since the job was due, in whole seconds as the columns; the epoch of an
-- infinite time is infinite and can be subtracted. 2147483647 means unknown.
WITH held AS (
  SELECT l.co_id, l.supervisor_id
    FROM jobd.lane l
   WHERE l.token = $2 AND l.co_id = $1
     FOR SHARE
), head AS (
  SELECT f.job_id,
         NOT $7 AND EXISTS (SELECT FROM jobd.model m
                             WHERE m.supervisor_id = h.supervisor_id AND m.model = f.model
                               AND m.starts_first) AS waits
    FROM held h
   CROSS JOIN LATERAL (SELECT q.job_id, q.model FROM jobd.queue q
                        WHERE q.ready AND (q.co_id, q.job_id) > ($1, $5::int4)
                          AND q.co_id <= h.co_id
                        ORDER BY q.co_id, q.job_id LIMIT 1) f
   CROSS JOIN LATERAL jobd.obstacle($1, f.job_id, f.model, h.supervisor_id, $6) o
   WHERE o.obstacle IS NULL
), claimed AS (
  UPDATE public.jobs j
     SET status = 'A', assigned_host = $3, assigned_pid = $4,
         modified = jobd.registry_now(), revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1,
         actor_identifier = 'registry-jobd'
    FROM head
   WHERE j.id = head.job_id AND NOT head.waits
     AND j.status = 'Q' AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
     AND j.co_id IS NOT DISTINCT FROM $1
  RETURNING j.id, j.co_id, j.plugin, octet_length(j.parameters) AS size,
            CASE WHEN octet_length(j.parameters) <= 1048576 THEN j.parameters END AS parameters,
            GREATEST(LEAST(extract(epoch FROM j.modified)
                           - extract(epoch FROM GREATEST(j.register_time, j.start_after_time)),
                           2147483647), 0)::int4 AS wait
), dequeued AS (
  DELETE FROM jobd.queue q USING claimed WHERE q.job_id = claimed.id
)
SELECT head.job_id, claimed.*, head.waits
  FROM (VALUES (1)) AS one LEFT JOIN head ON true LEFT JOIN claimed ON true
