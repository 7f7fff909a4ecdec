-- name: retry_bound
-- Nobody else registers in a CO for longer than that because of retries: the statements of this transaction
-- that follow end after 5 s.
-- params: none
-- result: 1 row
SELECT set_config('statement_timeout', '5s', true)
