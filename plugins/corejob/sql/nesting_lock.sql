-- name: nesting_lock
-- Serialises the nestings of one CO until the end of the transaction: two that each look harmless
-- can close a loop together, with groups that the other one never locks.
-- params: int4 (co_id)
-- result: 1 row, or an error that names who has the lock
SELECT jobd.lock_co($1, 'nest', '20s')
