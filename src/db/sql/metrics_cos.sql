-- name: metrics_cos
-- Every CO that has something waiting or a worker, for a monitoring that asks often: reads the
-- queue once, and of jobs one row for each CO, by its id.
-- params: int4 (at most so many COs, those with most jobs that are due)
-- result: 0..n rows: co_id int4, co text, active int4, waiting int8, due int8, age float8 (seconds, NULL
--         when nothing is due), running int4, stalled int4
-- No job of a CO was registered long before the one with its lowest id: `age` is right also where a
-- start-after time is older than its job, or is not there.
WITH clock AS MATERIALIZED (
  SELECT clock_timestamp() AT TIME ZONE 'UTC' AS utc
), waiting AS (
  SELECT q.co_id, count(*) AS waiting,
         count(*) FILTER (WHERE q.ready OR q.due <= clock.utc) AS due,
         min(q.job_id) FILTER (WHERE q.ready OR q.due <= clock.utc) AS head,
         min(COALESCE(q.due, '-infinity')) FILTER (WHERE q.ready OR q.due <= clock.utc) AS since
    FROM jobd.queue q CROSS JOIN clock GROUP BY q.co_id
), held AS (
  SELECT l.co_id, 1 AS running,
         (SELECT count(*) FROM public.jobs j WHERE j.id = l.stalled_job AND j.status = 'GO') AS stalled
    FROM jobd.lane l WHERE l.supervisor_id IS NOT NULL
), chosen AS (
  SELECT co_id, COALESCE(w.waiting, 0) AS waiting, COALESCE(w.due, 0) AS due, w.head, w.since,
         COALESCE(h.running, 0) AS running, COALESCE(h.stalled, 0)::int4 AS stalled
    FROM waiting w FULL JOIN held h USING (co_id)
   ORDER BY 3 DESC, 1 LIMIT $1
)
SELECT k.co_id, COALESCE(c.name, '') AS co,
       ((c.status = 'A' AND c.co_id IS NULL AND c.deleted IS NOT TRUE) IS TRUE)::int4 AS active,
       k.waiting, k.due,
       CASE WHEN k.due > 0 THEN LEAST(GREATEST(
         extract(epoch FROM clock.utc)
         - extract(epoch FROM GREATEST(k.since, (SELECT COALESCE(j.register_time, j.created)
                                                   FROM public.jobs j WHERE j.id = k.head))),
         0), 315576000)::float8 END AS age,
       k.running, k.stalled
  FROM chosen k CROSS JOIN clock LEFT JOIN public.cos c ON c.id = k.co_id
 ORDER BY k.co_id
