-- name: doctor_holders
-- Live jobs that are Assigned or In Progress without a supervisor of ours that has them, alive or
-- not, and how many of our daemons are known on that host. Reads all jobs.
-- params: none
-- result: 0..50 rows: id int4, co_id int4, status text, host text, pid int4, since text (seconds
--         since 1970), daemons on the host int8, all of them int8, now int8
SELECT j.id, j.co_id, j.status, j.assigned_host, j.assigned_pid,
       extract(epoch FROM COALESCE(j.start_time, j.modified))::text,
       (SELECT count(*) FROM jobd.supervisor s
         WHERE s.kind = 'daemon' AND s.host = j.assigned_host),
       count(*) OVER (), extract(epoch FROM date_trunc('second', clock_timestamp()))::int8
  FROM public.jobs j
 WHERE j.status IN ('A', 'GO') AND j.job_id IS NULL AND j.deleted IS NOT TRUE
   AND NOT EXISTS (SELECT FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
                    WHERE l.co_id = j.co_id AND s.host = j.assigned_host
                      AND l.worker_pid = j.assigned_pid
                      AND j.modified >= date_trunc('second', l.since AT TIME ZONE 'UTC'))
   AND NOT EXISTS (SELECT FROM jobd.supervisor s
                    WHERE s.kind = 'command' AND s.host = j.assigned_host
                      AND s.pid = j.assigned_pid
                      AND j.modified >= date_trunc('second', s.started AT TIME ZONE 'UTC'))
 ORDER BY j.id LIMIT 50
