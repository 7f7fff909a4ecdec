-- name: nesting_begin
-- Whatever the server's default is: every statement after a lock has to see what was committed
-- while it waited for that lock.
BEGIN ISOLATION LEVEL READ COMMITTED
