-- name: worker_show
-- Every worker that holds a lane, with its job, and since when the job has shown no sign of life, or has
-- been canceled without having stopped.
-- params: none
-- result: 0..n rows
SELECT l.co_id, s.host, l.worker_pid,
       date_trunc('second', l.since AT TIME ZONE 'UTC') AS since,
       j.id AS job, j.status, j.percent_complete, j.plugin,
       CASE WHEN l.stalled_job = j.id AND j.status = 'GO'
            THEN date_trunc('second', l.stalled_since AT TIME ZONE 'UTC') END AS stalled_since,
       CASE WHEN j.status = 'CX' THEN date_trunc('second', jobd.utc(j.modified)) END AS canceled_since
  FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
  LEFT JOIN LATERAL jobd.lane_job(l.co_id) t ON true LEFT JOIN public.jobs j ON j.id = t.job_id
 ORDER BY l.co_id
