-- The beginning of `registry-job schema install`, in the transaction of the whole installation.
-- The schema jobd belongs to the owner of public.jobs, who is asked for here. A superuser may install
-- it for him, and then runs nothing that he could have written: no row of public is read, and
-- jobd.schema_version is written only while it is a plain table, which the lock keeps it.
-- Installations wait here for one another, and nobody waits for them.
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '15s';

DO $$
DECLARE
  jobs record;
  space_owner oid;
  stranger text;
BEGIN
  IF getdatabaseencoding() <> 'UTF8' THEN
    RAISE 'database % has the encoding %, and must have UTF8', current_database(),
          getdatabaseencoding()
      USING HINT = 'dump it, create it again with ENCODING ''UTF8'', and restore the dump';
  END IF;
  SELECT c.relowner AS owner, c.relkind AS kind INTO jobs
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname = 'jobs';
  IF jobs.kind IS NULL OR jobs.kind NOT IN ('r', 'p') THEN
    RAISE 'there is no table public.jobs in database %', current_database()
      USING HINT = 'conninfo must name the database of the Registry';
  END IF;
  IF NOT pg_has_role(current_user, jobs.owner, 'USAGE') THEN
    RAISE 'role % does not have the rights of %, which owns public.jobs', current_user, pg_get_userbyid(jobs.owner)
      USING HINT = format('connect as %I', pg_get_userbyid(jobs.owner));
  END IF;

  IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'jobd') THEN
    LOCK TABLE public.jobs IN SHARE ROW EXCLUSIVE MODE; -- as the triggers will; one installs first
  END IF;
  SELECT n.nspowner INTO space_owner FROM pg_namespace n WHERE n.nspname = 'jobd';
  IF NOT FOUND THEN
    CREATE SCHEMA jobd;
    CREATE TABLE jobd.schema_version (
      version integer PRIMARY KEY, name text NOT NULL,
      applied timestamptz NOT NULL DEFAULT clock_timestamp());
    RETURN;
  END IF;
  -- What superusers own was installed by an earlier version of this program.
  SELECT format('%s belongs to %I', o.what, pg_get_userbyid(o.owner)) INTO stranger
    FROM (SELECT 'the schema jobd', space_owner
           UNION ALL
          SELECT 'jobd.' || c.relname, c.relowner FROM pg_class c JOIN pg_namespace n
              ON n.oid = c.relnamespace AND n.nspname = 'jobd'
           UNION ALL
          SELECT 'jobd.' || p.proname || '()', p.proowner FROM pg_proc p JOIN pg_namespace n
              ON n.oid = p.pronamespace AND n.nspname = 'jobd') AS o (what, owner)
   WHERE o.owner <> jobs.owner
     AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = o.owner AND r.rolsuper)
   LIMIT 1;
  IF stranger IS NOT NULL THEN
    RAISE '%, and neither to %, which owns public.jobs, nor to a superuser', stranger,
          pg_get_userbyid(jobs.owner)
      USING HINT = 'look at what it is; DROP SCHEMA jobd CASCADE removes it';
  END IF;
  IF NOT pg_has_role(current_user, space_owner, 'USAGE') THEN
    RAISE 'the schema jobd belongs to the superuser %', pg_get_userbyid(space_owner)
      USING HINT = format('install once as %I, which gives it to %I', pg_get_userbyid(space_owner),
                          pg_get_userbyid(jobs.owner));
  END IF;
END $$;

-- No trigger, rule, constraint, index or column can come while this lock is held.
LOCK TABLE jobd.schema_version IN SHARE ROW EXCLUSIVE MODE;
-- What comes now waits less: others queue up behind whoever waits for a lock on public.jobs.
SET LOCAL lock_timeout = '10s';

DO $$
DECLARE
  is_plain boolean;
BEGIN
  SELECT c.relkind = 'r' AND NOT c.relhastriggers AND NOT c.relhasrules AND NOT c.relrowsecurity
         AND NOT c.relhassubclass
         AND c.relnatts = 3
         AND NOT EXISTS (SELECT FROM pg_constraint k
                          WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))
         AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND NOT i.indisprimary)
         AND NOT EXISTS (SELECT FROM pg_attribute a
                          WHERE a.attrelid = c.oid AND a.attnum > 0
                            AND (a.attgenerated <> '' OR a.atttypid NOT IN (
                                   'int4'::regtype, 'text'::regtype, 'timestamptz'::regtype)))
    INTO is_plain
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'jobd' AND c.relname = 'schema_version';
  IF is_plain IS NOT TRUE THEN
    RAISE 'jobd.schema_version is not as this program makes it'
      USING HINT = 'look at what it is; DROP SCHEMA jobd CASCADE removes it';
  END IF;
END $$;
