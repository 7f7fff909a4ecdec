-- name: doctor_lanes
-- Every lane that is held: how long its worker has had nothing to do, and the job that stalls.
-- params: none
-- result: 0..n rows: co_id int4, host text, pid int4, idle seconds int8,
--         stalled job int4, stalled seconds int8
SELECT l.co_id, s.host, l.worker_pid,
       CASE WHEN r.running THEN 0
            ELSE extract(epoch FROM clock_timestamp()
                         - GREATEST(l.since, r.modified AT TIME ZONE 'UTC'))::int8 END,
       CASE WHEN r.stalled THEN l.stalled_job END,
       extract(epoch FROM clock_timestamp() - l.stalled_since)::int8
  FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
 CROSS JOIN LATERAL (
   SELECT COALESCE(bool_or(j.status IN ('A', 'GO')), false) AS running,
          COALESCE(bool_or(j.status = 'GO' AND j.id = l.stalled_job), false) AS stalled,
          max(j.modified) AS modified
     FROM public.jobs j
    WHERE j.assigned_host = s.host AND j.assigned_pid = l.worker_pid
      AND j.co_id IS NOT DISTINCT FROM l.co_id AND (j.job_id IS NULL) IS TRUE
      AND j.modified >= date_trunc('second', l.since AT TIME ZONE 'UTC')
      AND (j.status <> 'CX'
           OR EXISTS (SELECT FROM public.job_history_records h
                       WHERE h.job_id = j.id AND h.record_key = 'registry-jobd: stopped'))) r
 ORDER BY l.co_id
