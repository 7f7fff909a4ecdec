-- name: migrate_rights
-- Who installs the schema jobd, and what a role lacks for that; what an administrator of the server has to
-- do where nobody else may. Names are looked up in the catalog.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH jobs AS MATERIALIZED (
  SELECT c.oid, c.relowner, pg_get_userbyid(c.relowner) AS owner, c.relrowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname = 'jobs' AND c.relkind IN ('r', 'p')
)
SELECT 'error', format('database %s has no table public.jobs that %s can see', current_database(), current_user),
       'is it the Registry''s database? conninfo in [database], or PGHOST and PGDATABASE, say which it is'
 WHERE NOT EXISTS (SELECT FROM jobs)
UNION ALL
SELECT 'ok', format('public.jobs belongs to %s, who installs the schema', j.owner), NULL FROM jobs j
UNION ALL
SELECT 'error', format('%s, who is to install the schema, may not create one in database %s', j.owner, current_database()),
       format('as the owner of the database, or a superuser: GRANT CREATE ON DATABASE %I TO %I', current_database(), j.owner)
  FROM jobs j WHERE NOT has_database_privilege(j.relowner, current_database(), 'CREATE')
UNION ALL
SELECT 'warning', 'public.jobs has row level security: whoever runs jobs must see all rows',
       'give the daemon''s role a policy for all rows, or BYPASSRLS' FROM jobs j WHERE j.relrowsecurity
UNION ALL
SELECT 'notice', format('role %s is not there yet, and %s may not create roles', w.role, j.owner),
       CASE w.role WHEN 'registry_jobd' THEN 'as a role that may: CREATE ROLE registry_jobd; CREATE ROLE registry_jobd_nester; '
            'CREATE ROLE jobd LOGIN IN ROLE registry_jobd; then, as the owner: registry-job schema roles | psql' END
  FROM jobs j CROSS JOIN (VALUES ('registry_jobd')) w (role)
 WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.role)
   AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = j.relowner AND (r.rolcreaterole OR r.rolsuper))
