-- name: job_resume
-- After a lost connection: the job that a claim left Assigned to this worker, whose answer was
-- lost. As job_claim, in a statement behind lane_resume. Looks at all that this worker ever ran,
-- which is why it is asked only then.
-- params: int4 (co_id), int8 (lane token), text (host), int4 (pid)
-- result: 1 row as job_claim's; NULLs when there is none
SELECT r.id AS head, r.id, r.co_id, r.plugin, r.size, r.parameters
  FROM (VALUES (1)) AS one
  LEFT JOIN (
    SELECT j.id, j.co_id, j.plugin, octet_length(j.parameters) AS size,
           CASE WHEN octet_length(j.parameters) <= 1048576 THEN j.parameters END AS parameters
      FROM public.jobs j JOIN jobd.lane l ON l.co_id = j.co_id
     WHERE j.assigned_host = $3 AND j.assigned_pid = $4 AND j.co_id = $1 AND j.status = 'A'
       AND j.job_id IS NULL AND j.deleted IS NOT TRUE AND l.token = $2
     ORDER BY j.id DESC LIMIT 1
  ) r ON true
