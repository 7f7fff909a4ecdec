-- name: queue_promote
-- Delayed jobs that are due become ready. Hosts that run this at the same time share the rows. A
-- notification tells all hosts of each CO, because any of them may be giving the CO's lane back.
-- params: none
-- result: 0..1000 rows: co_id int4
WITH come AS (
  SELECT q.job_id FROM jobd.queue q
   WHERE NOT q.ready AND q.due <= clock_timestamp()::timestamp
   ORDER BY q.due LIMIT 1000
     FOR UPDATE SKIP LOCKED
), promoted AS (
  UPDATE jobd.queue q SET ready = true FROM come WHERE q.job_id = come.job_id RETURNING q.co_id
)
SELECT p.co_id, pg_notify('registry_jobd', 'queued ' || p.co_id) FROM promoted p
