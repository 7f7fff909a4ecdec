-- name: migrate_registry
-- Which Registry this is, as its own upgrade has noted; and the encoding, without which no job can run.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
SELECT CASE WHEN current_setting('server_encoding') = 'UTF8' THEN 'ok' ELSE 'error' END,
       format('the database is encoded in %s', current_setting('server_encoding')),
       CASE WHEN current_setting('server_encoding') <> 'UTF8' THEN 'move it to a database in UTF8: pg_dump, createdb -E UTF8 -T template0, psql' END
UNION ALL
SELECT CASE WHEN m.upgrade_version ~ '^5\.' THEN 'ok' ELSE 'warning' END,
       format('COmanage Registry %s', left(m.upgrade_version, 16)),
       CASE WHEN m.upgrade_version !~ '^5\.' THEN 'this program is made for COmanage Registry PE 5: try it with a copy of the database first' END
  FROM public.meta m
