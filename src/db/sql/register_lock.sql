-- name: register_lock
-- Serialises the duplicate checks of one CO until the end of the transaction.
-- params: int4 (co_id)
-- result: 1 row
SELECT jobd.register_lock($1)
