-- name: lane_lock
-- Before settle, in the same transaction: waits for the last batch of a dead worker, which the
-- server may still be at work on, and keeps a later one from claiming anything. What that batch
-- claimed is seen by settle, whose snapshot is taken afterwards. A batch that finishes a job has
-- the job's row first and wants the lane then: PostgreSQL ends one of the two, which is tried again.
-- params: int4 (supervisor), int4 (pid of one worker, or NULL for all of them), int8 (its start
--         ticks)
-- result: 0..n rows
SELECT l.co_id FROM jobd.lane l
 WHERE l.supervisor_id = $1 AND ($2::int4 IS NULL OR (l.worker_pid = $2 AND l.worker_ticks = $3))
 ORDER BY l.co_id FOR UPDATE
