-- name: queue_totals
-- How many jobs are queued, in how many COs, for people to look at: counting ends early.
-- params: int4 (where counting ends)
-- result: 1 row: jobs int8, cos int8
SELECT count(*), count(DISTINCT q.co_id) FROM (SELECT co_id FROM jobd.queue LIMIT $1::int4) q
