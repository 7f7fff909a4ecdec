-- name: holder_lock
-- Before what a dead worker left is settled, in the same transaction: waits for its last batch,
-- which the server may still be at work on, and keeps a later one from claiming anything. What
-- that batch claimed is seen by the statements behind this one. A batch that finishes a job has its
-- row first and wants the lane then: PostgreSQL ends one of the two, and that one is tried again.
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them)
-- result: 0..n rows
SELECT l.co_id FROM jobd.lane l
 WHERE l.supervisor_id = $1 AND ($2::int4 IS NULL OR l.worker_pid = $2)
 ORDER BY l.co_id FOR UPDATE
