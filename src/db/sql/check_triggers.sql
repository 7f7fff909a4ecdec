-- name: check_triggers
-- Triggers of ours that are missing or do not fire.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH ours (name) AS (VALUES
  ('jobd_guard'), ('jobd_insert'), ('jobd_update'), ('jobd_delete'), ('jobd_truncate')
), found AS MATERIALIZED (
  SELECT o.name, t.tgname IS NOT NULL AS is_there
    FROM ours o
    LEFT JOIN (pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid AND c.relname = 'jobs'
                            JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public')
           ON t.tgname = o.name
   WHERE t.tgenabled IS NULL OR t.tgenabled NOT IN ('O', 'A')
)
SELECT 'error', format('%s on public.jobs is %s', f.name,
                       CASE WHEN f.is_there THEN 'disabled' ELSE 'missing' END),
       CASE WHEN f.is_there
            THEN format('as the owner: ALTER TABLE public.jobs ENABLE TRIGGER %s; then SELECT '
                        'jobd.resync()', f.name)
            ELSE 'as the owner: registry-job schema remove, then registry-job schema install, '
                 'with the daemons stopped' END
  FROM found f
UNION ALL
SELECT 'ok', format('%s, all enabled', (SELECT count(*) FROM ours)), NULL
 WHERE NOT EXISTS (SELECT FROM found)
