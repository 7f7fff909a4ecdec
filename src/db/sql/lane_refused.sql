-- name: lane_refused
-- The server has refused to let the first ready job of a CO be assigned: its words, and when that is
-- tried again. The delay doubles with every refusal of the same job. The note counts as long as that
-- job is the first one: when it is canceled, or comes behind another, the CO goes on at once.
-- params: int4 (co_id), text (the server's words), int8 (first delay in milliseconds),
--         int8 (longest delay in milliseconds)
-- result: 0..1 rows: job int4, refusals in a row int4, delay in milliseconds int8
WITH head AS (
  SELECT q.job_id, clock_timestamp() AS now
    FROM jobd.queue q
   WHERE q.ready AND (q.co_id, q.job_id) > ($1::int4, 0) AND q.co_id <= $1
   ORDER BY q.co_id, q.job_id LIMIT 1
), note AS (
  SELECT h.job_id, h.now, COALESCE(l.refused_since, h.now) AS since,
         LEAST(COALESCE(l.refusals, 0), 2147483646) + 1 AS refusals,
         LEAST($3::int8 << LEAST(COALESCE(l.refusals, 0), 20), $4::int8) AS delay
    FROM head h LEFT JOIN jobd.lane l ON l.co_id = $1 AND l.refused_job = h.job_id
)
INSERT INTO jobd.lane AS l
       (co_id, refused_job, refused_words, refused_since, refusals, retry_at)
SELECT $1::int4, n.job_id, $2::text, n.since, n.refusals,
       n.now + make_interval(secs => n.delay / 1000.0)
  FROM note n
ON CONFLICT (co_id) DO UPDATE
   SET refused_job = EXCLUDED.refused_job, refused_words = EXCLUDED.refused_words,
       refused_since = EXCLUDED.refused_since, refusals = EXCLUDED.refusals,
       retry_at = EXCLUDED.retry_at
RETURNING l.refused_job, l.refusals, (SELECT n.delay FROM note n)
