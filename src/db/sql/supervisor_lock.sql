-- name: supervisor_lock
-- The first statement of a settlement: no worker of this supervisor takes a lane until its end (a
-- lane refers to this row), and one that is just doing so is waited for. Without that a lane could
-- be taken between the statements, and be freed without having been settled.
-- params: int4 (supervisor)
-- result: 0..1 rows
SELECT s.id FROM jobd.supervisor s WHERE s.id = $1 FOR UPDATE
