-- name: supervisor_register
-- Only where the schema is as new as this program: a statement that comes later would fail, and
-- with it every renewal of the lease.
-- params: int8 (token), text (kind), text (host), int4 (pid), text (boot), int8 (start ticks),
--         text (version), int4 (workers), int8 (lease in milliseconds), int4 (schema needed)
-- result: 1 row: id int4 or NULL, version of the schema int4
WITH present AS (
  SELECT COALESCE(max(version), 0) AS version FROM jobd.schema_version
), registered AS (
  INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease)
  SELECT $1::int8, $2::text, $3::text, $4::int4, $5::text, $6::int8, $7::text, $8::int4,
         make_interval(secs => $9::int8 / 1000.0)
    FROM present p WHERE p.version >= $10
  RETURNING id
)
SELECT (SELECT id FROM registered), p.version FROM present p
