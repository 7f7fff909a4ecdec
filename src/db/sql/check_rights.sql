-- name: check_rights
-- Rights that schema/roles.sql gives and that the current role does not have, a line for each remedy, and
-- row level security, under which statements find nothing and say nothing. Objects are looked up
-- in the catalog, because their names alone cannot be resolved without a right on their schema.
-- params: bool (whether this role is the daemon's: what only its jobs need is missed)
-- result: 1..n rows: level text, text text, remedy text
WITH wanted (space, object, privilege, columns, is_extra) AS (VALUES
  ('jobd', NULL, 'USAGE', NULL::text, false),
  ('public', NULL, 'USAGE', NULL, false),
  ('jobd', 'schema_version', 'SELECT', NULL, false),
  ('jobd', 'origin', 'SELECT', NULL, false),
  ('jobd', 'queue', 'SELECT', NULL, false),
  ('jobd', 'queue', 'UPDATE', 'ready,co_id', false),
  ('jobd', 'queue', 'DELETE', NULL, false),
  ('jobd', 'supervisor', 'SELECT', NULL, false),
  ('jobd', 'supervisor', 'INSERT', NULL, false),
  ('jobd', 'supervisor', 'UPDATE', NULL, false),
  ('jobd', 'supervisor', 'DELETE', NULL, false),
  ('jobd', 'model', 'SELECT', NULL, false),
  ('jobd', 'model', 'INSERT', NULL, false),
  ('jobd', 'model', 'UPDATE', NULL, false),
  ('jobd', 'model', 'DELETE', NULL, false),
  ('jobd', 'hold', 'SELECT', NULL, false),
  ('jobd', 'hold', 'INSERT', NULL, false),
  ('jobd', 'hold', 'UPDATE', NULL, false),
  ('jobd', 'hold', 'DELETE', NULL, false),
  ('jobd', 'chain_end', 'SELECT', NULL, false),
  ('jobd', 'chain_end', 'INSERT', NULL, false),
  ('jobd', 'chain_end', 'DELETE', NULL, false),
  ('jobd', 'requeue_always', 'SELECT', NULL, false),
  ('jobd', 'requeue_always', 'INSERT', NULL, false),
  ('jobd', 'requeue_always', 'UPDATE', NULL, false),
  ('jobd', 'model_result', 'SELECT', NULL, false),
  ('jobd', 'model_result', 'INSERT', NULL, false),
  ('jobd', 'model_result', 'UPDATE', NULL, false),
  ('jobd', 'registration', 'SELECT', NULL, false),
  ('jobd', 'registration', 'INSERT', NULL, false),
  ('jobd', 'registration', 'DELETE', NULL, false),
  ('jobd', 'lane', 'SELECT', NULL, false),
  ('jobd', 'lane', 'INSERT', NULL, false),
  ('jobd', 'lane', 'UPDATE', NULL, false),
  ('jobd', 'co_lock', 'SELECT', NULL, false),
  ('jobd', 'co_lock', 'INSERT', NULL, false),
  ('jobd', 'co_lock', 'UPDATE', 'purpose', false),
  ('jobd', 'trigger_error', 'SELECT', NULL, false),
  ('public', 'jobs', 'SELECT', NULL, false),
  ('public', 'jobs', 'INSERT', NULL, false),
  ('public', 'jobs', 'UPDATE', 'status,assigned_host,assigned_pid,start_summary,finish_summary,'
   || 'start_time,finish_time,percent_complete,modified,revision,actor_identifier', false),
  ('public', 'jobs_id_seq', 'USAGE', NULL, false),
  ('public', 'job_history_records', 'SELECT', NULL, false),
  ('public', 'job_history_records', 'INSERT', NULL, false),
  ('public', 'job_history_records_id_seq', 'USAGE', NULL, false),
  ('public', 'cos', 'SELECT', NULL, false),
  ('public', 'people', 'SELECT', NULL, false),
  ('public', 'external_identities', 'SELECT', NULL, false),
  ('public', 'groups', 'SELECT', NULL, true),
  ('public', 'groups', 'UPDATE', 'modified', true),
  ('public', 'group_nestings', 'SELECT', NULL, true),
  ('public', 'group_nestings', 'INSERT', NULL, true),
  ('public', 'group_members', 'SELECT', NULL, true),
  ('public', 'group_members', 'INSERT', NULL, true),
  ('public', 'group_members', 'UPDATE', 'deleted,modified,revision,actor_identifier', true),
  ('public', 'group_nestings_id_seq', 'USAGE', NULL, true),
  ('public', 'group_members_id_seq', 'USAGE', NULL, true)
), found AS MATERIALIZED (
  SELECT w.*, n.oid AS space_oid, c.oid AS object_oid, c.relkind
    FROM wanted w JOIN pg_namespace n ON n.nspname = w.space
    LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.object
   WHERE w.object IS NULL OR c.oid IS NOT NULL
), lacking AS MATERIALIZED (
  SELECT f.privilege || COALESCE(' (' || x.missing || ')', '') || ' on '
         || CASE WHEN f.object IS NULL THEN 'schema ' || f.space
                 WHEN f.relkind = 'S' THEN 'sequence ' || f.space || '.' || f.object
                 ELSE f.space || '.' || f.object END AS what,
         f.is_extra, false AS is_hidden
    FROM found f CROSS JOIN LATERAL (
      SELECT string_agg(a, ', ') AS missing
        FROM unnest(string_to_array(f.columns, ',')) a
       WHERE NOT has_column_privilege(f.object_oid, a, f.privilege)) x
   WHERE CASE WHEN f.object IS NULL THEN NOT has_schema_privilege(f.space_oid, f.privilege)
              WHEN f.relkind = 'S' THEN NOT has_sequence_privilege(f.object_oid, f.privilege)
              WHEN f.columns IS NOT NULL THEN x.missing IS NOT NULL
              ELSE NOT has_table_privilege(f.object_oid, f.privilege) END
  UNION ALL
  SELECT 'public.' || c.relname, false, true
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public'
     AND c.relname IN ('jobs', 'job_history_records', 'cos', 'people', 'external_identities')
     AND row_security_active(c.oid)
  UNION ALL
  SELECT 'EXECUTE on function jobd.' || p.proname, false, false
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname = 'jobd' AND p.prorettype <> 'trigger'::regtype
     AND NOT has_function_privilege(p.oid, 'EXECUTE')
)
SELECT CASE WHEN l.is_extra THEN 'notice' ELSE 'error' END,
       format('%s lacks %s%s%s', current_user,
              array_to_string((array_agg(l.what ORDER BY l.what))[1:3], ', '),
              CASE WHEN count(*) > 3 THEN format(', and %s more', count(*) - 3) END,
              CASE WHEN l.is_extra THEN ', which CoreJob.NesterJob needs' END),
       format('as the owner: registry-job schema roles | psql; psql -c ''GRANT %s TO %I''',
              CASE WHEN l.is_extra THEN 'registry_jobd_nester' ELSE 'registry_jobd' END,
              current_user)
  FROM lacking l WHERE NOT l.is_hidden AND (NOT l.is_extra OR $1) GROUP BY l.is_extra
UNION ALL
SELECT 'error',
       format('row level security hides rows of %s from %s', string_agg(l.what, ', ' ORDER BY l.what),
              current_user),
       format('ALTER ROLE %I BYPASSRLS, or on each a policy under which it sees and changes all rows',
              current_user)
  FROM lacking l WHERE l.is_hidden HAVING count(*) > 0
UNION ALL
SELECT 'ok', format('%s has all that it needs', current_user), NULL
 WHERE NOT EXISTS (SELECT FROM lacking l WHERE NOT l.is_extra OR $1)
