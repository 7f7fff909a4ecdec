-- name: doctor_transactions
-- The oldest transaction in this database besides ours, a prepared one included, and how many
-- sessions do not show theirs to this role.
-- params: none
-- result: 1 row: hidden int8, seconds int8, what text; the last two NULL when there is none
WITH sessions AS MATERIALIZED (
  SELECT * FROM pg_stat_activity a WHERE a.datname = current_database()
                                     AND a.pid <> pg_backend_pid()
), oldest AS (
  SELECT s.xact_start AS began,
         format('PID %s, %s%s, %s', s.pid, s.usename,
                ' (' || NULLIF(s.application_name, '') || ')', s.state) AS what
    FROM sessions s WHERE s.xact_start IS NOT NULL
  UNION ALL
  SELECT p.prepared, format('prepared transaction %s of %s', quote_literal(p.gid), p.owner)
    FROM pg_prepared_xacts p WHERE p.database = current_database()
)
SELECT (SELECT count(*) FROM sessions s
         WHERE s.query = '<insufficient privilege>' AND s.usesysid IS NOT NULL),
       o.age, o.what
  FROM (VALUES (1)) AS one
  LEFT JOIN (SELECT extract(epoch FROM clock_timestamp() - began)::int8 AS age, what
               FROM oldest ORDER BY began LIMIT 1) o ON true
