-- name: doctor_server
-- The server, how it is set for this role and database, and how full it is. Everything here may be
-- seen by everybody. What every connection of ours sets for itself is not asked.
-- params: none
-- result: 1 row, see doctor_store.c
SELECT current_setting('server_version'), current_user::text, current_database()::text,
       pg_is_in_recovery(),
       current_setting('default_transaction_read_only') = 'on',
       current_setting('synchronous_commit'),
       current_setting('autovacuum') = 'on' AND current_setting('track_counts') = 'on',
       (SELECT count(*) FROM pg_stat_activity a WHERE a.backend_type = 'client backend'
                                                   OR (a.backend_type IS NULL AND a.usesysid IS NOT NULL)),
       current_setting('max_connections')::int4
         - current_setting('superuser_reserved_connections')::int4,
       (pg_notification_queue_usage() * 100)::int4,
       COALESCE((SELECT t.n_live_tup FROM pg_stat_all_tables t
                  WHERE t.schemaname = 'jobd' AND t.relname = 'queue'), 0),
       COALESCE((SELECT t.n_dead_tup FROM pg_stat_all_tables t
                  WHERE t.schemaname = 'jobd' AND t.relname = 'queue'), 0)
