-- name: nesting_commit
COMMIT
