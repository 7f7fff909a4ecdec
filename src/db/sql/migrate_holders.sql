-- name: migrate_holders
-- Jobs that a runner has, or had when it was killed. The daemon leaves them alone. Reads all jobs.
-- params: text (host that asks)
-- result: 1..n rows: level text, text text, remedy text, PID on that host int4 or NULL
WITH held AS MATERIALIZED (
  SELECT j.* FROM public.jobs j
   WHERE j.status IN ('A', 'GO') AND j.job_id IS NULL AND j.deleted IS NOT TRUE ORDER BY j.id
)
SELECT 'warning',
       format('job %s of CO %s is %s on %s%s, since %s', h.id, h.co_id,
              CASE h.status WHEN 'A' THEN 'assigned' ELSE 'in progress' END,
              COALESCE(left(h.assigned_host, 64), 'an unknown host'), ', PID ' || h.assigned_pid,
              COALESCE(to_char(COALESCE(h.start_time, h.modified), 'YYYY-MM-DD HH24:MI:SS'), 'an unknown time')),
       format('%sif its runner is dead, when the schema is installed: registry-job settle %s',
              CASE WHEN h.assigned_host IS NOT DISTINCT FROM $1 THEN '' ELSE 'look on that host; ' END, h.id),
       CASE WHEN h.assigned_host IS NOT DISTINCT FROM $1 THEN COALESCE(h.assigned_pid, 0)::int4 END
  FROM held h
UNION ALL
SELECT 'ok', 'no runner has a job', NULL, NULL WHERE NOT EXISTS (SELECT FROM held)
