-- name: check_stalled
-- Jobs that show no sign of life. The note in the lane counts only while its worker has that job.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH stalled AS MATERIALIZED (
  SELECT j.id, j.co_id, left(s.host, 64) AS host, l.worker_pid AS pid,
         LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM l.stalled_since),
                        0), 1e12)::int8 AS silent
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
    JOIN public.jobs j ON j.id = l.stalled_job
   WHERE j.status = 'GO' AND j.job_id IS NULL AND j.co_id = l.co_id
     AND j.assigned_host = s.host AND j.assigned_pid = l.worker_pid
   ORDER BY l.co_id
)
SELECT 'warning',
       format('job %s of CO %s on %s, PID %s, has shown no sign of life for %s', t.id, t.co_id,
              t.host, t.pid,
              CASE WHEN t.silent < 100 THEN t.silent || ' s'
                   WHEN t.silent < 6000 THEN t.silent / 60 || ' min'
                   WHEN t.silent < 172800 THEN t.silent / 3600 || ' h'
                   ELSE t.silent / 86400 || ' days' END),
       format('registry-job cancel %s asks its plugin to stop, kill %s on %s ends it', t.id, t.pid,
              t.host)
  FROM stalled t
UNION ALL SELECT 'ok', 'no running job', NULL WHERE NOT EXISTS (SELECT FROM stalled)
