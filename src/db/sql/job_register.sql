-- name: job_register
-- Registers a job, unless a job was registered with its key before, a live job makes it a duplicate,
-- or that cannot be found out in time.
-- step: register (-> Q), register here (-> A)
-- params: int4 (co_id), text (plugin), text (parameters), text (status: Q, or A to run it here),
--         text (host), int4 (pid), int4 (delay in seconds), int4 (requeue interval),
--         int4 (retry interval), int4 (max retry), text (register summary), text (actor),
--         bool (allow a duplicate), int4 (the supervisor that runs it here, or NULL),
--         text (its key, or NULL), bool (its chain goes on after a failure)
-- result: 1 row: id int4, waiting int4, earlier int4
-- The statement before it is register_lock. `earlier` is the job of its key, `waiting` the one that
-- makes it a duplicate; without any of the three it could not be found out. Two registrations with one
-- key in different COs may both get as far as the insert of the key: one of them fails then. Of keys
-- that are alike up to their last '@' the newest 100 are kept, of others those of 400 days. A job that
-- runs here is known to others by its id: PIDs are used again.
WITH earlier AS MATERIALIZED (
  SELECT g.job_id FROM jobd.registration g WHERE g.key = $15
), same AS MATERIALIZED (
  SELECT f.same AS waiting, f.is_decided
    FROM jobd.find_same($1, $2, $3, NULL, false) f
   WHERE NOT $13 AND NOT EXISTS (SELECT FROM earlier)
), registered AS (
  INSERT INTO public.jobs
         (co_id, plugin, parameters, status, assigned_host, assigned_pid, register_time,
          start_after_time, requeue_interval, retry_interval, max_retry, retry_count,
          register_summary, created, modified, revision, deleted,
          actor_identifier)
  SELECT $1::int4, $2::text, $3::text, $4::text, $5::text, $6::int4, jobd.registry_now(),
         jobd.registry_now() + make_interval(secs => $7::int4), $8::int4, $9::int4, $10::int4, CASE WHEN $10::int4 IS NOT NULL THEN 0 END, $11::text,
         jobd.registry_now(), jobd.registry_now(), 0, false, $12::text
   WHERE NOT EXISTS (SELECT FROM earlier)
     AND ($13 OR EXISTS (SELECT FROM same WHERE waiting IS NULL AND is_decided))
  RETURNING id
), noted AS (
  UPDATE jobd.supervisor s SET job_id = r.id FROM registered r WHERE s.id = $14
), always AS (
  INSERT INTO jobd.requeue_always (job_id) SELECT r.id FROM registered r WHERE $16
), keyed AS (
  SELECT $15::text AS key, CASE WHEN $15::text LIKE '%@%' THEN regexp_replace($15::text, '@[^@]*$', '') END AS series,
         r.id
    FROM registered r WHERE $15::text IS NOT NULL
), remembered AS (
  INSERT INTO jobd.registration (key, series, job_id, registered_at)
  SELECT k.key, k.series, k.id, clock_timestamp() FROM keyed k
), dropped AS (
  DELETE FROM jobd.registration g USING keyed k
   WHERE g.series = k.series
     AND g.registered_at < (SELECT o.registered_at FROM jobd.registration o WHERE o.series = k.series
                             ORDER BY o.registered_at DESC OFFSET 98 LIMIT 1)
), dropped_old AS (
  DELETE FROM jobd.registration g
   WHERE g.key IN (SELECT o.key FROM jobd.registration o
                    WHERE o.registered_at < clock_timestamp() - interval '400 days'
                      AND EXISTS (SELECT FROM keyed)
                    ORDER BY o.registered_at LIMIT 1000)
)
SELECT (SELECT id FROM registered), (SELECT waiting FROM same), (SELECT job_id FROM earlier)
