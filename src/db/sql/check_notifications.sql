-- name: check_notifications
-- How full the server's queue of notifications is. When it is full, no job can be registered.
-- params: none
-- result: 1 row: level text, text text, remedy text
SELECT CASE WHEN n.used > 10 THEN 'warning' ELSE 'ok' END,
       format('%s %% of the queue of NOTIFY is in use', n.used),
       CASE WHEN n.used > 10
            THEN 'find the session that LISTENs inside a long transaction, and end it' END
  FROM (SELECT (pg_notification_queue_usage() * 100)::int4 AS used) n
