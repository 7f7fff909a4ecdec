-- name: queue_resync
-- Repairs the queue after whatever wrote jobs with the triggers disabled.
-- params: none
-- result: 1 row: int8, how many rows were wrong
SELECT jobd.resync()
