-- name: queue_promote
-- Delayed jobs whose time has come become ready. Hosts that do it at once share the work. All of
-- them are told, as by the trigger: the CO's lane may be on its way back just now, on any host.
-- params: none
-- result: 0..1000 rows: co_id int4
WITH come AS (
  SELECT q.job_id FROM jobd.queue q
   WHERE NOT q.ready AND q.due <= clock_timestamp() AT TIME ZONE 'UTC'
   ORDER BY q.due LIMIT 1000
     FOR UPDATE SKIP LOCKED
), promoted AS (
  UPDATE jobd.queue q SET ready = true FROM come WHERE q.job_id = come.job_id RETURNING q.co_id
)
SELECT p.co_id, pg_notify('registry_jobd', 'queued ' || p.co_id) FROM promoted p
