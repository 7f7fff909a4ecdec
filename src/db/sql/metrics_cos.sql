-- name: metrics_cos
-- Every CO with waiting jobs, a worker or a periodic chain that has ended, for a monitoring that asks often. Reads jobd.queue once, and
-- one row of jobs for each CO by primary key.
-- params: int4 (limit: the COs with most due jobs come first)
-- result: 0..n rows: co_id int4, co text, active int4, waiting int8, due int8, age float8 (seconds, NULL
--         when nothing is due), running int4, stalled int4, stopping int4 (a canceled job that has not stopped
--         for a minute), held int4 (its first job is), chains_ended int8 (in 30 days, and not tried again),
--         percent_complete int4 and running_seconds int8 of the running job
-- The job with the lowest id of a CO is about the oldest: its time of registration bounds `age` where a
-- start-after time is older than its job, or is missing.
WITH clock AS MATERIALIZED (
  SELECT clock_timestamp()::timestamp AS local
), waiting AS (
  SELECT q.co_id, count(*) AS waiting,
         count(*) FILTER (WHERE q.ready OR q.due <= clock.local) AS due,
         min(q.job_id) FILTER (WHERE q.ready OR q.due <= clock.local) AS head,
         min(COALESCE(q.due, '-infinity')) FILTER (WHERE q.ready OR q.due <= clock.local) AS since
    FROM jobd.queue q CROSS JOIN clock GROUP BY q.co_id
), held AS (
  SELECT l.co_id, 1 AS running,
         (SELECT count(*) FROM public.jobs j WHERE j.id = l.stalled_job AND j.status = 'GO') AS stalled,
         (SELECT count(*) FROM jobd.lane_job(l.co_id) t JOIN public.jobs j ON j.id = t.job_id
           WHERE j.status = 'CX' AND jobd.utc(j.modified) < jobd.utc(clock.local) - interval '1 minute') AS stopping,
         r.percent_complete,
         LEAST(GREATEST(extract(epoch FROM jobd.utc(clock.local)) - extract(epoch FROM jobd.utc(r.start_time)), 0),
               1e12)::int8 AS running_seconds
    FROM jobd.lane l CROSS JOIN clock LEFT JOIN LATERAL jobd.lane_job(l.co_id) t ON true
    LEFT JOIN public.jobs r ON r.id = t.job_id AND r.status = 'GO' WHERE l.supervisor_id IS NOT NULL
), ended AS (
  SELECT e.co_id, count(*) AS chains
    FROM jobd.chain_end e
   WHERE NOT EXISTS (SELECT FROM jobd.queue q JOIN public.jobs w ON w.id = q.job_id
                      WHERE q.co_id = e.co_id AND q.model = e.model AND w.requeue_interval > 0) AND e.ended > clock_timestamp() - interval '30 days'
     AND NOT EXISTS (SELECT FROM public.jobs n WHERE n.requeued_from_job_id = e.job_id
                        AND (n.job_id IS NULL) IS TRUE AND n.deleted IS NOT TRUE)
   GROUP BY e.co_id
), chosen AS (
  SELECT co_id, COALESCE(w.waiting, 0) AS waiting, COALESCE(w.due, 0) AS due, w.head, w.since,
         COALESCE(h.running, 0) AS running, COALESCE(h.stalled, 0)::int4 AS stalled,
         COALESCE(h.stopping, 0)::int4 AS stopping, h.percent_complete, h.running_seconds, COALESCE(e.chains, 0) AS chains_ended
    FROM waiting w FULL JOIN held h USING (co_id) FULL JOIN ended e USING (co_id)
   ORDER BY 3 DESC, 1 LIMIT $1
)
SELECT k.co_id, COALESCE(c.name, '') AS co,
       ((c.status = 'A' AND c.co_id IS NULL AND c.deleted IS NOT TRUE) IS TRUE)::int4 AS active,
       k.waiting, k.due,
       CASE WHEN k.due > 0 THEN LEAST(GREATEST(
         extract(epoch FROM jobd.utc(clock.local))
         - extract(epoch FROM jobd.utc(GREATEST(k.since,
                               (SELECT COALESCE(j.register_time, j.created)::timestamp
                                  FROM public.jobs j WHERE j.id = k.head)))),
         0), 315576000)::float8 END AS age,
       k.running, k.stalled, k.stopping,
       (EXISTS (SELECT FROM jobd.hold)
        AND EXISTS (SELECT FROM jobd.queue q CROSS JOIN LATERAL jobd.holds_on(k.co_id, q.model)
                     WHERE q.job_id = k.head))::int4 AS held,
       k.chains_ended, k.percent_complete, k.running_seconds
  FROM chosen k CROSS JOIN clock LEFT JOIN public.cos c ON c.id = k.co_id
 ORDER BY k.co_id
