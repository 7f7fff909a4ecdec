-- name: check_refused
-- Jobs that the server refuses to let be assigned: their COs stand still behind them.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH refused AS MATERIALIZED (
  SELECT l.co_id, l.refused_job AS id, l.refused_words AS words, l.refusals,
         LEAST(GREATEST(extract(epoch FROM clock_timestamp()) - extract(epoch FROM l.refused_since),
                        0), 1e12)::int8 AS age
    FROM jobd.lane l JOIN public.cos c ON c.id = l.co_id
   WHERE l.retry_at IS NOT NULL
     AND c.status = 'A' AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
     AND l.refused_job = (SELECT q.job_id FROM jobd.queue q
                           WHERE q.ready AND (q.co_id, q.job_id) > (l.co_id, 0)
                             AND q.co_id <= l.co_id
                           ORDER BY q.co_id, q.job_id LIMIT 1)
   ORDER BY l.co_id
)
SELECT 'error',
       format('job %s of CO %s cannot be assigned, and its CO waits: the database has refused it for '
              '%s, tried %s: %s', r.id, r.co_id,
              CASE WHEN r.age < 100 THEN r.age || ' s'
                   WHEN r.age < 6000 THEN r.age / 60 || ' min'
                   WHEN r.age < 172800 THEN r.age / 3600 || ' h'
                   ELSE r.age / 86400 || ' days' END,
              CASE WHEN r.refusals = 1 THEN 'once' ELSE r.refusals || ' times' END, r.words),
       format('put right what the database says, or registry-job cancel %s', r.id)
  FROM refused r
UNION ALL SELECT 'ok', 'no job is', NULL WHERE NOT EXISTS (SELECT FROM refused)
