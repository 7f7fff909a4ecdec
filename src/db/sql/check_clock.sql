-- name: check_clock
-- params: none
-- result: 1 row: microseconds since 1970 int8
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8
