-- name: settle
-- step: worker lost (A,GO -> X)
-- What a dead worker of a supervisor left, or all workers of a dead supervisor: the jobs that are
-- Assigned or In Progress become Failed, each with the retry that it may have; the lanes are given
-- back, and everybody is told of jobs that wait in them. One statement, so that one snapshot decides
-- what was held: a lane that is taken meanwhile is neither settled nor freed. Canceled jobs are
-- told, because nobody else can say how their plugins ended. Reads no history: a lock on that table
-- must not hold up what is settled here.
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them), int8 (its start
--         ticks), int4 (the job that its turn recorded, or NULL), text (summary)
-- result: 0..n rows: id int4, successor int4, its start_after_time text, waiting int4, held text,
--         co_id int4, plugin text, event text: settled, canceled, or told (a CO; no job)
-- Whose a job is:
--  * a command's, if the command has noted its id;
--  * else the worker's that holds the lane of its CO, with the host and the PID of the job. Nobody
--    claims in that CO but who holds the lane, and what an earlier worker left was settled before the
--    lane was given on: of jobs that we have claimed, only this turn's can be unfinished. No time is
--    asked for that: the clock may have been set meanwhile. What another runner with the same PID left
--    has another actor.
--  * else, without a lane (a failover may have undone that it was taken), it is the job that the turn
--    recorded, or what a dead command of an earlier version had under its PID.
-- What somebody else has is left alone in each of these cases: two PID namespaces of one host name may
-- use the same PID at the same time. A canceled job has the actor who canceled it: it is told when the
-- turn recorded it, or when it has changed since a day before the turn; a note is all that follows.
WITH dead AS (
  SELECT s.* FROM jobd.supervisor s WHERE s.id = $1
), held AS (
  SELECT l.co_id, l.worker_pid AS pid, NULL::int4 AS job_id, l.since, false AS is_command
    FROM jobd.lane l JOIN dead d ON d.id = l.supervisor_id
   WHERE $2::int4 IS NULL OR (l.worker_pid = $2 AND l.worker_ticks = $3)
  UNION ALL
  SELECT NULL, COALESCE($2::int4, d.pid), COALESCE($4::int4, d.job_id), d.started,
         d.kind = 'command'
    FROM dead d
   WHERE $4::int4 IS NOT NULL
      OR ($2::int4 IS NULL AND d.kind = 'command' AND d.job_id IS DISTINCT FROM 0)
), found AS (
  SELECT DISTINCT j.id, j.status
    FROM held h CROSS JOIN dead d
    JOIN public.jobs j ON j.assigned_host = d.host AND j.assigned_pid = h.pid
                      AND (h.co_id IS NULL OR j.co_id = h.co_id)
                      AND (h.job_id IS NULL OR j.id = h.job_id)
   WHERE j.status IN ('A', 'GO', 'CX') AND j.job_id IS NULL AND j.deleted IS NOT TRUE
     AND (j.id = d.job_id
          OR CASE WHEN j.status = 'CX'
                  THEN j.id = h.job_id
                       OR jobd.utc(j.modified) >= h.since AT TIME ZONE 'UTC' - interval '1 day'
                  WHEN j.status = 'A' AND h.is_command AND h.job_id IS NULL
                  THEN jobd.utc(j.modified) >= h.since AT TIME ZONE 'UTC' - interval '1 day'
                  ELSE j.actor_identifier = 'registry-jobd' END
             AND NOT EXISTS (
               SELECT FROM jobd.supervisor o
                 LEFT JOIN jobd.lane x ON x.supervisor_id = o.id AND x.co_id = j.co_id
                WHERE o.id <> d.id AND o.host = d.host
                  AND (o.job_id = j.id OR x.worker_pid = h.pid
                       OR (o.kind = 'command' AND o.job_id IS NULL AND o.pid = h.pid))))
), settled AS (
  UPDATE public.jobs j
     SET status = 'X',
         finish_summary = CASE WHEN j.requeue_interval > 0
                               THEN jobd.last_summary($5::text, j.id::int4, j.retry_interval, j.max_retry, j.retry_count)
                               ELSE $5::text END,
         finish_time = jobd.registry_now(),
         modified = jobd.registry_now(), revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1,
         actor_identifier = 'registry-jobd'
    FROM found f
   WHERE j.id = f.id AND j.status IN ('A', 'GO')
  RETURNING j.id, j.co_id, j.plugin, j.finish_summary, j.retry_interval, j.requeue_interval
), freed AS (
  UPDATE jobd.lane l
     SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL, token = NULL, since = NULL
   WHERE l.supervisor_id = $1
     AND ($2::int4 IS NULL OR (l.worker_pid = $2 AND l.worker_ticks = $3))
  RETURNING l.co_id
)
SELECT s.id, n.successor, jobd.utc(n.start_after)::text, n.waiting,
       jobd.count_end(s.id::int4, s.co_id::int4, s.plugin, 'X', s.finish_summary, $1), s.co_id, s.plugin, 'settled'
  FROM settled s
  LEFT JOIN LATERAL jobd.follow(s.id, 'X') n ON s.retry_interval > 0 OR s.requeue_interval > 0
 UNION ALL
SELECT DISTINCT j.id, NULL::int4, NULL, NULL::int4, NULL, j.co_id, j.plugin, 'canceled'
  FROM found f JOIN public.jobs j ON j.id = f.id AND j.status = 'CX'
 UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, f.co_id,
       pg_notify('registry_jobd', 'queued ' || f.co_id)::text, 'told'
  FROM freed f JOIN public.cos c ON c.id = f.co_id
 WHERE c.status = 'A' AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
   AND EXISTS (SELECT FROM jobd.queue q WHERE q.ready AND q.co_id = f.co_id)
