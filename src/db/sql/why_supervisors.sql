-- name: why_supervisors
-- Every daemon and command with a row in jobd.supervisor: first the columns of supervisor_others, then
-- what the database's clock says of it, which is all that one look can know, its workers, its job,
-- what is in their way, and whether they can run the first ready job of the CO of the job asked about.
-- Epochs, because a difference of odd times is an error.
-- params: int4 (job id)
-- result: 0..n rows, see explain_store.c
WITH first AS MATERIALIZED (
  SELECT q.model FROM public.jobs j JOIN jobd.queue q ON q.co_id = j.co_id
   WHERE j.id = $1 AND q.ready AND q.job_id <= j.id ORDER BY q.job_id LIMIT 1
)
SELECT s.id, s.token, s.host, s.pid, s.boot, s.start_ticks, s.renewals,
       (LEAST(GREATEST(extract(epoch FROM s.lease), 1), 3600) * 1000)::int8 AS lease,
       extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen)
         > extract(epoch FROM s.lease) AS lapsed,
       s.kind, s.workers,
       (SELECT count(*) FROM jobd.lane l WHERE l.supervisor_id = s.id) AS busy,
       LEAST(GREATEST(trunc(extract(epoch FROM s.started)), -1e12), 1e12)::int8 AS started,
       LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen), -1e12),
             1e12)::int8 AS seen_ago,
       s.job_id, s.trouble,
       extract(epoch FROM date_trunc('second', s.trouble_since))::text AS trouble_since,
       jobd.provides(s.id, (SELECT f.model FROM first f)) AS provides
  FROM jobd.supervisor s ORDER BY s.id
