-- name: nesting_lock
-- Serialises the nestings of one CO until the end of the transaction: two that each look harmless
-- can close a loop together, with groups that the other one never locks.
-- params: int4 (co_id)
-- result: 1 row
SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('registry-jobd nesting', $1))
