-- name: check_stopping
-- Canceled jobs whose plugins have not stopped after a minute: their COs wait, for as long as a plugin
-- likes where cancel_grace is 0.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH stopping AS MATERIALIZED (
  SELECT j.id, l.co_id, left(j.plugin, 80) AS model, left(s.host, 64) AS host, l.worker_pid AS pid,
         LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM jobd.utc(j.modified)), 0),
               1e12)::int8 AS age
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
   CROSS JOIN LATERAL jobd.lane_job(l.co_id) t JOIN public.jobs j ON j.id = t.job_id
   WHERE j.status = 'CX'
)
SELECT 'warning',
       format('job %s of CO %s was canceled %s ago, and its plugin %s has not stopped; the jobs behind it wait',
              t.id, t.co_id,
              CASE WHEN t.age < 100 THEN t.age || ' s'
                   WHEN t.age < 6000 THEN t.age / 60 || ' min'
                   WHEN t.age < 172800 THEN t.age / 3600 || ' h'
                   ELSE t.age / 86400 || ' days' END, t.model),
       format('kill %s on %s ends it; [timers] cancel_grace ends such jobs by itself', t.pid, t.host)
  FROM stopping t WHERE t.age > 60
UNION ALL
SELECT 'ok', 'every canceled job has stopped', NULL
 WHERE NOT EXISTS (SELECT FROM stopping t WHERE t.age > 60)
