-- name: lane_holders
-- The workers of a supervisor that hold a lane.
-- params: int4 (supervisor)
-- result: 0..n rows: pid int4, start_ticks int8
SELECT DISTINCT l.worker_pid, l.worker_ticks FROM jobd.lane l WHERE l.supervisor_id = $1
