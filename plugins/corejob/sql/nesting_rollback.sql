-- name: nesting_rollback
ROLLBACK
