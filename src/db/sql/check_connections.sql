-- name: check_connections
-- Whether there is room for more connections. Of a session that this role may not see, the type is
-- hidden: one with a user is counted.
-- params: none
-- result: 1 row: level text, text text, remedy text
SELECT CASE WHEN c.room - c.used < 10 THEN 'warning' ELSE 'ok' END,
       format('%s of %s are in use', c.used, c.room),
       CASE WHEN c.room - c.used < 10
            THEN 'raise max_connections, or lower [pool] workers: each worker has one' END
  FROM (SELECT count(*) AS used,
               current_setting('max_connections')::int4
                 - current_setting('superuser_reserved_connections')::int4 AS room
          FROM pg_stat_activity a
         WHERE a.backend_type = 'client backend'
            OR (a.backend_type IS NULL AND a.usesysid IS NOT NULL)) c
