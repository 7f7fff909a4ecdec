-- name: check_columns
-- The columns of public.jobs whose type this program does not know, or knows as another one.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH known (name, type, also) AS (VALUES
  ('id', 'int4', 'int8'), ('co_id', 'int4', 'int8'), ('job_id', 'int4', 'int8'),
  ('requeued_from_job_id', 'int4', 'int8'), ('deleted', 'bool', NULL),
  ('status', 'varchar', 'text'), ('plugin', 'varchar', 'text'), ('parameters', 'text', 'varchar'),
  ('assigned_host', 'varchar', 'text'), ('assigned_pid', 'int4', 'int8'),
  ('register_summary', 'varchar', 'text'), ('start_summary', 'varchar', 'text'),
  ('finish_summary', 'varchar', 'text'), ('actor_identifier', 'varchar', 'text'),
  ('requeue_interval', 'int4', 'int8'), ('retry_interval', 'int4', 'int8'),
  ('max_retry', 'int4', 'int8'), ('retry_count', 'int4', 'int8'),
  ('percent_complete', 'int4', 'int8'), ('revision', 'int4', 'int8'),
  ('register_time', 'timestamp', 'timestamptz'), ('start_after_time', 'timestamp', 'timestamptz'),
  ('start_time', 'timestamp', 'timestamptz'), ('finish_time', 'timestamp', 'timestamptz'),
  ('created', 'timestamp', 'timestamptz'), ('modified', 'timestamp', 'timestamptz')
), found AS MATERIALIZED (
  SELECT k.name, k.type, t.typname AS is_type, t.typname IS NOT DISTINCT FROM k.also AS is_known
    FROM known k
    JOIN pg_class c ON c.relname = 'jobs'
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    LEFT JOIN (pg_attribute a JOIN pg_type t ON t.oid = a.atttypid)
           ON a.attrelid = c.oid AND a.attname = k.name AND NOT a.attisdropped
   WHERE t.typname IS DISTINCT FROM k.type
)
SELECT CASE WHEN f.is_known THEN 'notice' ELSE 'error' END,
       CASE WHEN f.is_type IS NULL THEN format('public.jobs has no column %s', f.name)
            ELSE format('public.jobs.%s is of type %s, not %s', f.name, f.is_type, f.type) END,
       CASE WHEN f.is_type = 'int8'
            THEN 'jobs run as long as its values fit into an integer, up to 2147483647'
            WHEN f.is_known THEN 'jobs run as before'
            ELSE 'install the version of registry-jobd that is made for this Registry' END
  FROM found f
UNION ALL
SELECT 'ok', 'those of public.jobs are of the types that they are known with', NULL
 WHERE NOT EXISTS (SELECT FROM found)
