-- name: supervisor_register
-- params: int8 (token), text (kind), text (host), int4 (pid), text (boot), int8 (start ticks),
--         text (version), int4 (workers), int8 (lease in milliseconds)
-- result: 1 row: id int4
INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, make_interval(secs => $9::int8 / 1000.0))
RETURNING id
