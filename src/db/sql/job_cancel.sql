-- name: job_cancel
-- A job becomes Canceled, and leaves the queue. The daemon is told of a running one, and tells its
-- plugin. No trigger does either for a connection of ours. A job that was due may have kept its CO,
-- because it could not be assigned (lane_refused) or nobody provides its model: the daemons are told of
-- the CO. The row is locked before it is judged: a claim or a start that commits meanwhile does not
-- save the job.
-- step: cancel (Q,A,GO -> CX)
-- params: int4 (id), text (finish summary), text (actor)
-- result: 0..1 rows: status before text, co_id int4, plugin text, told text; no row when the job is final
--         or not there
WITH old AS (
  SELECT j.id, j.status FROM public.jobs j
   WHERE j.id = $1 AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
     FOR UPDATE
), canceled AS (
  UPDATE public.jobs j
     SET status = 'CX', finish_summary = $2, finish_time = jobd.registry_now(),
         modified = jobd.registry_now(), revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1,
         actor_identifier = $3
    FROM old
   WHERE j.id = old.id AND j.status IN ('Q', 'A', 'GO')
  RETURNING j.id, old.status, j.co_id, j.plugin
), dequeued AS (
  DELETE FROM jobd.queue q USING canceled c WHERE q.job_id = c.id RETURNING q.ready
)
SELECT c.status, c.co_id, c.plugin,
       CASE WHEN c.status <> 'Q' THEN pg_notify('registry_jobd', 'cancel ' || c.id)::text
            WHEN (SELECT d.ready FROM dequeued d)
            THEN pg_notify('registry_jobd', 'queued ' || c.co_id)::text END
  FROM canceled c
