-- name: register_lock
-- One transaction at a time checks a CO for duplicates.
-- params: int4 (co_id)
-- result: 1 row, or an error that names who has the lock
SELECT jobd.register_lock($1)
