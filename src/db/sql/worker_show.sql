-- name: worker_show
-- Every worker that holds a lane, the job that it has, and since when that one has shown no sign
-- of life.
-- params: none
-- result: 0..n rows
SELECT l.co_id, s.host, l.worker_pid,
       to_char(l.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since,
       j.id AS job, j.status, j.percent_complete, j.plugin,
       CASE WHEN l.stalled_job = j.id AND j.status = 'GO'
            THEN to_char(l.stalled_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
       END AS stalled_since
  FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
  LEFT JOIN public.jobs j
         ON j.assigned_host = s.host AND j.assigned_pid = l.worker_pid AND j.co_id = l.co_id
        AND j.status IN ('A', 'GO') AND j.job_id IS NULL AND j.deleted IS NOT TRUE
 ORDER BY l.co_id
