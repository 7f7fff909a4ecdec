-- name: queue_summary
-- The whole queue in one row, at the cost of metrics_cos. Jobs of COs that are not active count as
-- waiting, but never as the oldest due one.
-- params: none
-- result: 1 row: waiting int8, due int8, cos int8, oldest_due_age_seconds int8 (NULL: nothing is due)
WITH clock AS MATERIALIZED (
  SELECT clock_timestamp()::timestamp AS local
), waiting AS (
  SELECT q.co_id, count(*) AS waiting,
         count(*) FILTER (WHERE q.ready OR q.due <= clock.local) AS due,
         min(q.job_id) FILTER (WHERE q.ready OR q.due <= clock.local) AS head,
         min(COALESCE(q.due, '-infinity')) FILTER (WHERE q.ready OR q.due <= clock.local) AS since
    FROM jobd.queue q CROSS JOIN clock GROUP BY q.co_id
)
SELECT COALESCE(sum(w.waiting), 0)::int8 AS waiting, COALESCE(sum(w.due), 0)::int8 AS due,
       count(*) AS cos,
       max(LEAST(GREATEST(
         extract(epoch FROM jobd.utc(clock.local))
         - extract(epoch FROM jobd.utc(GREATEST(w.since,
                               (SELECT COALESCE(j.register_time, j.created)::timestamp
                                  FROM public.jobs j WHERE j.id = w.head)))),
         0), 315576000)) FILTER (WHERE w.due > 0 AND c.status = 'A' AND c.co_id IS NULL
                                   AND c.deleted IS NOT TRUE)::int8 AS oldest_due_age_seconds
  FROM waiting w CROSS JOIN clock LEFT JOIN public.cos c ON c.id = w.co_id
