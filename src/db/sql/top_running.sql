-- name: top_running
-- What the workers of all hosts run, those jobs first that have run for longest, and what commands run in
-- the foreground. Canceled jobs that have not stopped are among them.
-- params: int4 (co_id or NULL), int4 (limit)
-- result: 0..n rows: jobs int8 (how many there are in all), the columns of a job, and three texts that the
--         caller fills in for people
WITH found AS (
  SELECT t.job_id, s.host, l.worker_pid AS pid, l.stalled_job, l.stalled_since
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
   CROSS JOIN LATERAL jobd.lane_job(l.co_id) t
   WHERE $1::int4 IS NULL OR l.co_id = $1
  UNION ALL
  SELECT s.job_id, s.host, s.pid, NULL, NULL FROM jobd.supervisor s WHERE s.job_id > 0
)
SELECT count(*) OVER () AS jobs, j.id AS job, j.co_id, c.name AS co, j.plugin, j.status, f.host, f.pid,
       date_trunc('second', jobd.utc(j.start_time)) AS since, j.percent_complete,
       LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM jobd.utc(j.start_time)), 0),
             1e12)::int8 AS running_seconds,
       CASE WHEN f.stalled_job = j.id AND j.status = 'GO'
            THEN date_trunc('second', f.stalled_since AT TIME ZONE 'UTC') END AS stalled_since,
       CASE WHEN j.status = 'CX' THEN date_trunc('second', jobd.utc(j.modified)) END AS canceled_since,
       NULL::text AS runs_for, NULL::text AS rate, NULL::text AS time_left
  FROM found f JOIN public.jobs j ON j.id = f.job_id LEFT JOIN public.cos c ON c.id = j.co_id
 WHERE j.status IN ('A', 'GO', 'CX') AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
   AND ($1::int4 IS NULL OR j.co_id = $1)
 ORDER BY j.start_time, j.id LIMIT $2::int4
