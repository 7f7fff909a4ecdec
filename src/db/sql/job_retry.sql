-- name: job_retry
-- Queues Failed or Canceled jobs of one CO again, as new jobs that are due at once, in the order of the old
-- ones, which stay as they are. Not a job that was queued again already, by whomever, one that could not
-- run, and one of which a live job, or a new one before it, makes a duplicate: what waits and runs in the
-- CO is read once for all of them. The statements before it are register_lock (nobody else registers
-- in the CO between the looks and the new rows) and retry_bound.
-- step: register (-> Q)
-- params: int4[] (ids), int4 (co_id), text (who, for the register summary), text (actor),
--         bool (allow duplicates)
-- result: a row for each id, in their order: id int4, found bool, co_id int4, plugin, status, bytes of the
--         parameters int4, successor int4 (as job_look), job int4 (the new one, or NULL), waiting int4 (the
--         job that makes it a duplicate)
WITH old AS MATERIALIZED (
  SELECT j.*, octet_length(j.parameters) AS bytes,
         (SELECT max(s.id) FROM public.jobs s
           WHERE s.requeued_from_job_id = j.id AND (s.job_id IS NULL) IS TRUE AND s.deleted IS NOT TRUE) AS successor
    FROM unnest($1::int4[]) w (id)
   CROSS JOIN LATERAL (SELECT i.* FROM public.jobs i
                        WHERE i.id = w.id AND i.co_id = $2
                          AND (i.job_id IS NULL) IS TRUE AND i.deleted IS NOT TRUE
                       OFFSET 0) j
), fit AS MATERIALIZED (
  SELECT o.*, CASE WHEN NOT $5 THEN COALESCE(jobd.parameters_value(o.parameters),
                                             to_jsonb(o.parameters)) END AS value
    FROM old o
   WHERE o.status IN ('X', 'CX') AND o.plugin <> '' AND COALESCE(o.bytes, 0) <= 1048576
     AND ($5 OR o.successor IS NULL)
), live AS MATERIALIZED (
  SELECT i.id, i.plugin, COALESCE(jobd.parameters_value(i.parameters), to_jsonb(i.parameters)) AS value
    FROM (SELECT q.job_id AS id FROM jobd.queue q WHERE q.co_id = $2 AND NOT $5
           UNION
          SELECT r.id FROM public.jobs r
           WHERE r.co_id = $2 AND r.status IN ('A', 'GO') AND (r.job_id IS NULL) IS TRUE
             AND r.deleted IS NOT TRUE AND NOT $5) c
   CROSS JOIN LATERAL (SELECT k.* FROM public.jobs k WHERE k.id = c.id OFFSET 0) i
   WHERE i.plugin IN (SELECT fit.plugin FROM fit) AND COALESCE(octet_length(i.parameters), 0) <= 1048576
), same AS MATERIALIZED (
  SELECT fit.id, min(live.id) AS waiting
    FROM fit JOIN live ON live.plugin = fit.plugin AND live.value = fit.value GROUP BY fit.id
), ranked AS MATERIALIZED (
  SELECT fit.*, same.waiting, first_value(fit.id) OVER alike AS first
    FROM fit LEFT JOIN same ON same.id = fit.id
  WINDOW alike AS (PARTITION BY fit.plugin, fit.value ORDER BY fit.id)
), registered AS (
  INSERT INTO public.jobs
         (co_id, plugin, parameters, status, register_time, start_after_time, requeue_interval,
          retry_interval, max_retry, retry_count, register_summary, requeued_from_job_id, created,
          modified, revision, deleted, actor_identifier)
  SELECT f.co_id, f.plugin, f.parameters, 'Q', jobd.registry_now(), jobd.registry_now(),
         CASE WHEN f.requeue_interval > 0 THEN f.requeue_interval END,
         CASE WHEN f.retry_interval > 0 THEN f.retry_interval END,
         CASE WHEN f.max_retry >= 0 THEN f.max_retry END,
         CASE WHEN f.max_retry >= 0 THEN 0 END,
         left(concat('Retry of job ', f.id, ' by ', $3::text), 256), f.id, jobd.registry_now(),
         jobd.registry_now(), 0, false, $4::text
    FROM ranked f WHERE $5 OR (f.waiting IS NULL AND f.first = f.id)
   ORDER BY f.id
  RETURNING id, requeued_from_job_id
), always AS (
  INSERT INTO jobd.requeue_always (job_id)
  SELECT r.id FROM registered r
   WHERE EXISTS (SELECT FROM jobd.requeue_always a WHERE a.job_id = r.requeued_from_job_id)
)
SELECT w.id, o.id IS NOT NULL AS found, o.co_id, o.plugin, o.status, o.bytes, o.successor, r.id AS job,
       COALESCE(f.waiting, n.id) AS waiting
  FROM unnest($1::int4[]) w (id)
  LEFT JOIN old o ON o.id = w.id
  LEFT JOIN ranked f ON f.id = w.id
  LEFT JOIN registered r ON r.requeued_from_job_id = w.id
  LEFT JOIN registered n ON n.requeued_from_job_id = f.first AND f.first <> f.id
 ORDER BY w.id
