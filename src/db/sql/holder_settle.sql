-- name: holder_settle
-- The jobs that a worker of a supervisor has Assigned or In Progress become Failed, each with the
-- retry that it may have. Also what the supervisor itself runs outside any lane (a command).
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them), text (summary)
-- result: 0..n rows: id int4, successor int4, its start_after_time text, waiting int4,
--         co_id int4, plugin text
-- `modified` keeps out what another runner with the same PID left long ago. Of one worker also what
-- it has without holding the lane any more: a failover may have undone that it took it. Not what
-- another daemon, command or runner has under the same PID, which may have been given away again.
WITH holder AS (
  SELECT l.co_id, s.host, l.worker_pid AS pid,
         date_trunc('second', l.since AT TIME ZONE 'UTC') AS since, false AS is_loose
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
   WHERE s.id = $1 AND ($2::int4 IS NULL OR l.worker_pid = $2)
  UNION ALL
  SELECT NULL, s.host, s.pid, date_trunc('second', s.started AT TIME ZONE 'UTC'), false
    FROM jobd.supervisor s
   WHERE s.id = $1 AND s.kind = 'command' AND ($2::int4 IS NULL OR s.pid = $2)
  UNION ALL
  SELECT NULL, s.host, $2::int4, date_trunc('second', s.started AT TIME ZONE 'UTC'), true
    FROM jobd.supervisor s WHERE s.id = $1 AND s.kind = 'daemon' AND $2::int4 IS NOT NULL
), settled AS (
  UPDATE public.jobs j
     SET status = 'X', finish_summary = $3, finish_time = jobd.utc_now(),
         modified = jobd.utc_now(), revision = COALESCE(j.revision, 0) + 1,
         actor_identifier = 'registry-jobd'
    FROM holder h
   WHERE j.assigned_host = h.host AND j.assigned_pid = h.pid
     AND (h.co_id IS NULL OR j.co_id = h.co_id)
     AND j.status IN ('A', 'GO') AND j.job_id IS NULL AND j.deleted IS NOT TRUE
     AND j.modified >= h.since
     AND (NOT h.is_loose
          OR (j.actor_identifier = 'registry-jobd'
              AND NOT EXISTS (
                SELECT FROM jobd.supervisor o
                  LEFT JOIN jobd.lane x ON x.supervisor_id = o.id AND x.co_id = j.co_id
                 WHERE o.id <> $1 AND o.host = h.host
                   AND (x.worker_pid = h.pid OR (o.kind = 'command' AND o.pid = h.pid)))))
  RETURNING j.id, j.co_id, j.plugin, j.retry_interval
)
SELECT s.id, n.successor, n.start_after::text, n.waiting, s.co_id, s.plugin
  FROM settled s
  LEFT JOIN LATERAL jobd.follow(s.id, 'X') n ON s.retry_interval > 0
