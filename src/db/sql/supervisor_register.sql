-- name: supervisor_register
-- Only where the schema is as new as this program: a statement that comes later would fail, and
-- with it every renewal of the lease. And only in the database that the schema was installed in: a
-- copy of it must not run the jobs of the original.
-- params: int8 (token), text (kind), text (host), int4 (pid), text (boot), int8 (start ticks),
--         text (version), int4 (workers), int8 (lease in milliseconds), int4 (schema needed)
-- result: 1 row: id int4 or NULL, version of the schema int4, is a copy bool
WITH present AS (
  SELECT (SELECT COALESCE(max(v.version), 0) FROM jobd.schema_version v) AS version,
         NOT EXISTS (SELECT FROM jobd.origin o, pg_control_system() s, pg_database d
                      WHERE o.system_identifier = s.system_identifier
                        AND o.database_oid = d.oid AND d.datname = current_database()) AS is_copy
), registered AS (
  INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease,
                               job_id)
  SELECT $1::int8, $2::text, $3::text, $4::int4, $5::text, $6::int8, $7::text, $8::int4,
         make_interval(secs => $9::int8 / 1000.0), 0
    FROM present p WHERE p.version >= $10 AND NOT p.is_copy
  RETURNING id
)
SELECT (SELECT id FROM registered), p.version, p.is_copy FROM present p
