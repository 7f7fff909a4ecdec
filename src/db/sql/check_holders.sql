-- name: check_holders
-- Live jobs that are Assigned or In Progress without a supervisor of ours that has them, alive or
-- not. When in doubt the job is ours: the clock may have been set since. Reads all jobs. What runs on
-- the host that asks is added there, behind the text.
-- params: text (host that asks)
-- result: 1..n rows: level text, text text, remedy text, PID on that host int4 or NULL
WITH held AS MATERIALIZED (
  SELECT j.id, j.co_id, j.status, j.assigned_host AS host, j.assigned_pid AS pid,
         jobd.utc(COALESCE(j.start_time, j.modified)) AS began,
         clock_timestamp() AT TIME ZONE 'UTC' AS now,
         EXISTS (SELECT FROM jobd.supervisor s
                  WHERE s.kind = 'daemon' AND s.host = j.assigned_host) AS is_ours,
         j.assigned_host IS NOT DISTINCT FROM $1 AS is_here
    FROM public.jobs j
   WHERE j.status IN ('A', 'GO') AND j.job_id IS NULL AND j.deleted IS NOT TRUE
     AND NOT EXISTS (SELECT FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
                      WHERE l.co_id = j.co_id AND s.host = j.assigned_host
                        AND l.worker_pid = j.assigned_pid
                        AND (j.actor_identifier = 'registry-jobd'
                             OR jobd.utc(j.modified)
                                >= date_trunc('second', l.since AT TIME ZONE 'UTC')))
     AND NOT EXISTS (SELECT FROM jobd.supervisor s
                      WHERE s.kind = 'command' AND s.host = j.assigned_host
                        AND s.pid = j.assigned_pid
                        AND (s.job_id = j.id
                             OR (s.job_id IS NULL AND
                                 jobd.utc(j.modified)
                                 >= date_trunc('second', s.started AT TIME ZONE 'UTC'))))
   ORDER BY j.id
)
SELECT 'warning',
       format('job %s of CO %s is %s on %s%s%s, and nobody of ours has it%s', h.id, h.co_id,
              CASE h.status WHEN 'A' THEN 'assigned' ELSE 'in progress' END,
              COALESCE(h.host, 'an unknown host'), ', PID ' || h.pid,
              ', since ' || CASE WHEN h.began::date <> h.now::date
                                 THEN to_char(h.began, 'YYYY-MM-DD ') ELSE '' END
                || to_char(h.began, 'HH24:MI:SS "UTC"') || ' (' || a.age || ')',
              CASE WHEN h.is_here THEN ''
                   WHEN h.is_ours
                   THEN '; a daemon of ours is known on that host, but it is not its job'
                   ELSE '; no daemon of ours is known on that host' END),
       format(CASE WHEN h.is_here THEN 'registry-job settle %s'
                   ELSE 'make sure that it is dead, then registry-job settle %s' END, h.id),
       CASE WHEN h.is_here THEN COALESCE(h.pid, 0) END
  FROM held h
 CROSS JOIN LATERAL (
   SELECT CASE WHEN s.s < 100 THEN s.s || ' s' WHEN s.s < 6000 THEN s.s / 60 || ' min'
               WHEN s.s < 172800 THEN s.s / 3600 || ' h' ELSE s.s / 86400 || ' days' END AS age
     FROM (SELECT LEAST(GREATEST(extract(epoch FROM h.now) - extract(epoch FROM h.began), 0),
                        1e12)::int8 AS s) s) a
UNION ALL
SELECT 'ok', 'no job is held by somebody else''s runner', NULL, NULL
 WHERE NOT EXISTS (SELECT FROM held)
