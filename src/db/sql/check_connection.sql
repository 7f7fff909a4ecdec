-- name: check_connection
-- Which server this is; only a conninfo that asks for it leads to a standby. As the first statement
-- it gives the session its limits: the others may read whole tables, but not for long, and wait for
-- nobody.
-- params: none
-- result: 1 row: level text, text text, remedy text
WITH limits AS MATERIALIZED (
  SELECT set_config('enable_seqscan', 'on', false), set_config('plan_cache_mode', 'auto', false),
         set_config('statement_timeout', '20s', false), set_config('lock_timeout', '1s', false)
)
SELECT f.level, f.text, f.remedy
  FROM limits CROSS JOIN (VALUES
    (true, 'error', 'the server is a standby: nothing can be changed there',
     'give all servers in conninfo, with target_session_attrs=read-write'),
    (false, 'ok', format('PostgreSQL %s, database %s, role %s', current_setting('server_version'),
                         current_database(), current_user), NULL)
  ) AS f (is_standby, level, text, remedy)
 WHERE f.is_standby = pg_is_in_recovery()
