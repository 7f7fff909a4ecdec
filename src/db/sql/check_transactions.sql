-- name: check_transactions
-- The oldest transaction in this database besides ours, a prepared one included, and how many
-- sessions do not show theirs to this role. Those of the server's own workers end by themselves.
-- params: none
-- result: 1..2 rows: level text, text text, remedy text
WITH sessions AS MATERIALIZED (
  SELECT * FROM pg_stat_activity a WHERE a.datname = current_database()
                                     AND a.pid <> pg_backend_pid()
), hidden AS MATERIALIZED (
  SELECT count(*) AS n FROM sessions s
   WHERE s.query = '<insufficient privilege>' AND s.usesysid IS NOT NULL
), oldest AS MATERIALIZED (
  SELECT extract(epoch FROM clock_timestamp() - t.began)::int8 AS age, t.what
    FROM (SELECT s.xact_start AS began,
                 format('PID %s, %s%s%s', s.pid, COALESCE(s.usename, s.backend_type),
                        ' (' || NULLIF(s.application_name, '') || ')', ', ' || s.state) AS what
            FROM sessions s
           WHERE s.xact_start IS NOT NULL AND s.backend_type <> 'autovacuum worker'
           UNION ALL
          SELECT p.prepared, format('prepared transaction %s of %s', quote_literal(p.gid), p.owner)
            FROM pg_prepared_xacts p WHERE p.database = current_database()) t
   ORDER BY t.began LIMIT 1
)
SELECT CASE WHEN o.age > 600 THEN 'warning' ELSE 'ok' END,
       format('the oldest has been open for %s: %s',
              CASE WHEN o.age < 100 THEN GREATEST(o.age, 0) || ' s'
                   WHEN o.age < 6000 THEN o.age / 60 || ' min'
                   WHEN o.age < 172800 THEN o.age / 3600 || ' h'
                   ELSE o.age / 86400 || ' days' END, o.what),
       CASE WHEN o.age > 600 THEN 'end it: as long as it is open, no dead row can go' END
  FROM oldest o
UNION ALL
SELECT 'notice', format('%s sessions do not show this role how old their transactions are', h.n),
       'GRANT pg_read_all_stats to this role, or ask as a superuser'
  FROM hidden h WHERE h.n > 0
UNION ALL
SELECT 'ok', 'none is open besides this one', NULL
  FROM hidden h WHERE h.n = 0 AND NOT EXISTS (SELECT FROM oldest)
