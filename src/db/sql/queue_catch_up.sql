-- name: queue_catch_up
-- Repairs jobd.queue after jobs were written without our triggers, in the next rows of jobs from an
-- id on, and where a trigger met an error. Reads these rows by primary key.
-- params: int4 (first id), int4 (how many rows)
-- result: 1 row: int8, how many rows of the queue were wrong; int4, the last id that was looked at,
--         or NULL: there is none from the first on; bool, there may be more behind it
WITH looked AS MATERIALIZED (
  SELECT count(*) AS n, max(r.id) AS last
    FROM (SELECT j.id FROM public.jobs j WHERE j.id >= $1 AND j.id <= 2147483647
           ORDER BY j.id LIMIT $2) r
)
SELECT jobd.catch_up($1, CASE WHEN l.n < $2 THEN 2147483647 ELSE l.last END), l.last, l.n >= $2
  FROM looked l
