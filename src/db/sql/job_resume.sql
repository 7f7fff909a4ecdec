-- name: job_resume
-- After a lost connection: the job that this worker has in its lane. The job is Assigned when the
-- answer of its claim was lost, and In Progress when a failover undid its finish; the latter comes
-- first. The statement follows lane_resume, and reads all jobs that this worker ever ran.
-- params: int4 (co_id), int8 (lane token), text (host), int4 (pid)
-- result: 1 row as job_claim's, and status text; NULLs when there is none
-- The lane names the job: of this CO nobody else of ours claims, and what an earlier worker left was
-- settled before. The actor excludes what another runner with the same PID left, and a job that a
-- command has noted is that command's, whose PID may be of another namespace.
SELECT r.id AS head, r.id, r.co_id, r.plugin, r.size, r.parameters, r.wait, false AS waits, r.status
  FROM (VALUES (1)) AS one
  LEFT JOIN (
    SELECT j.id, j.co_id, j.plugin, j.status, octet_length(j.parameters) AS size,
           CASE WHEN octet_length(j.parameters) <= 1048576 THEN j.parameters END AS parameters,
           GREATEST(LEAST(extract(epoch FROM j.modified)
                          - extract(epoch FROM GREATEST(j.register_time, j.start_after_time)),
                          2147483647), 0)::int4 AS wait
      FROM public.jobs j JOIN jobd.lane l ON l.co_id = j.co_id
     WHERE j.assigned_host = $3 AND j.assigned_pid = $4 AND j.co_id = $1
       AND j.status IN ('A', 'GO') AND j.job_id IS NULL AND j.deleted IS NOT TRUE
       AND l.token = $2 AND j.actor_identifier = 'registry-jobd'
       AND NOT EXISTS (SELECT FROM jobd.supervisor o WHERE o.job_id = j.id)
     ORDER BY j.status = 'GO' DESC, j.id DESC LIMIT 1
  ) r ON true
