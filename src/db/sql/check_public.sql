-- name: check_public
-- Who may create objects in the schema public, besides those who own the database or its tables.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH others AS MATERIALIZED (
  SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS who
    FROM pg_namespace n
   CROSS JOIN LATERAL aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) a
    LEFT JOIN pg_roles r ON r.oid = a.grantee
   WHERE n.nspname = 'public' AND a.privilege_type = 'CREATE' AND r.rolsuper IS NOT TRUE
     AND a.grantee <> n.nspowner AND r.rolname IS DISTINCT FROM 'pg_database_owner'
     AND NOT EXISTS (SELECT FROM pg_database d
                      WHERE d.datname = current_database() AND d.datdba = a.grantee)
     AND NOT EXISTS (SELECT FROM pg_class c
                      WHERE c.relnamespace = n.oid AND c.relname = 'jobs' AND c.relowner = a.grantee)
)
SELECT 'warning',
       format('%s may create functions and operators in the schema public, which run with the '
              'rights of whoever has it in his search_path', o.who),
       format('as its owner: REVOKE CREATE ON SCHEMA public FROM %s', o.who)
  FROM others o
UNION ALL
SELECT 'ok', 'nobody but its owner may create anything in it', NULL
 WHERE NOT EXISTS (SELECT FROM others)
