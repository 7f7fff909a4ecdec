-- name: queue_totals
-- The numbers of queued jobs and of their COs, for people. Counting ends at a limit.
-- params: int4 (the limit)
-- result: 1 row: jobs int8, cos int8
SELECT count(*), count(DISTINCT q.co_id) FROM (SELECT co_id FROM jobd.queue LIMIT $1::int4) q
