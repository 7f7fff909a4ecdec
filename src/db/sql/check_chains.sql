-- name: check_chains
-- Periodic jobs whose chain has ended in the last 30 days, and that nobody has tried again or registered
-- anew.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH ended AS MATERIALIZED (
  SELECT e.job_id, e.co_id, j.status, left(e.model, 80) AS model, left(j.finish_summary, 200) AS summary,
         LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM e.ended), 0), 1e12)::int8 AS age
    FROM jobd.chain_end e JOIN public.jobs j ON j.id = e.job_id
   WHERE e.ended > clock_timestamp() - interval '30 days' AND j.deleted IS NOT TRUE
     AND NOT EXISTS (SELECT FROM jobd.queue q JOIN public.jobs w ON w.id = q.job_id
                      WHERE q.co_id = e.co_id AND q.model = e.model AND w.requeue_interval > 0)
     AND NOT EXISTS (SELECT FROM public.jobs n WHERE n.requeued_from_job_id = e.job_id AND (n.job_id IS NULL) IS TRUE
                        AND n.deleted IS NOT TRUE)
   ORDER BY e.ended DESC
)
SELECT 'warning',
       format('the periodic chain of %s in CO %s ended %s ago, with job %s: %s', e.model, e.co_id,
              CASE WHEN e.age < 6000 THEN e.age / 60 || ' min'
                   WHEN e.age < 172800 THEN e.age / 3600 || ' h'
                   ELSE e.age / 86400 || ' days' END, e.job_id, e.summary),
       CASE WHEN e.status = 'X'
            THEN format('registry-job retry %s begins it again; with --requeue-always a chain goes on after a '
                        'failure', e.job_id)
            ELSE format('registry-job log %s says why; register it again', e.job_id) END
  FROM ended e
UNION ALL
SELECT 'ok', 'none has ended in the last 30 days', NULL WHERE NOT EXISTS (SELECT FROM ended)
