-- name: check_lanes
-- Lanes whose worker has had nothing to do for a minute.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH held AS MATERIALIZED (
  SELECT l.co_id, left(s.host, 64) AS host, l.worker_pid AS pid,
         CASE WHEN r.running THEN 0
              ELSE LEAST(GREATEST(extract(epoch FROM clock_timestamp())
                                  - extract(epoch FROM GREATEST(l.since,
                                                                r.modified::timestamptz)),
                                  0), 1e12)::int8 END AS idle
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
   CROSS JOIN LATERAL (
     SELECT COALESCE(bool_or(j.status IN ('A', 'GO')), false) AS running,
            max(j.modified) AS modified
       FROM public.jobs j
      WHERE j.assigned_host = s.host AND j.assigned_pid = l.worker_pid
        AND j.co_id IS NOT DISTINCT FROM l.co_id AND (j.job_id IS NULL) IS TRUE
        AND (jobd.utc(j.modified) >= date_trunc('second', l.since AT TIME ZONE 'UTC')
             OR (j.status IN ('A', 'GO') AND j.actor_identifier = 'registry-jobd'))
        AND (j.status <> 'CX'
             OR EXISTS (SELECT FROM public.job_history_records h
                         WHERE h.job_id = j.id AND h.record_key = 'registry-jobd: stopped'))) r
   ORDER BY l.co_id
)
SELECT 'warning',
       format('the lane of CO %s is held on %s, PID %s, where nothing has run for %s', h.co_id,
              h.host, h.pid,
              CASE WHEN h.idle < 100 THEN h.idle || ' s'
                   WHEN h.idle < 6000 THEN h.idle / 60 || ' min'
                   WHEN h.idle < 172800 THEN h.idle / 3600 || ' h'
                   ELSE h.idle / 86400 || ' days' END),
       format('kill %s on %s: a daemon gives it back', h.pid, h.host)
  FROM held h WHERE h.idle > 60
UNION ALL
SELECT 'ok', format('%s held, all at work', count(*)), NULL
  FROM held h HAVING NOT COALESCE(bool_or(h.idle > 60), false)
