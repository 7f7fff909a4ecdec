-- `registry-job schema adopt`: this database, a copy or a restored dump, is to run its jobs. A superuser
-- writes to no table of somebody who is none: its triggers would run as the superuser.
SET search_path = pg_catalog;
DO $$
DECLARE
  owner record;
BEGIN
  SELECT r.rolname, r.rolsuper INTO owner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
   WHERE n.nspname = 'jobd' AND c.relname = 'origin' AND c.relkind = 'r';
  IF owner IS NULL THEN
    RAISE 'there is no table jobd.origin' USING HINT = 'registry-job schema install makes it';
  END IF;
  IF current_setting('is_superuser') = 'on' AND NOT owner.rolsuper THEN
    RAISE 'a superuser does not write to tables of %', owner.rolname
      USING HINT = format('connect as %I', owner.rolname);
  END IF;
  INSERT INTO jobd.origin AS o (system_identifier, database_oid)
  SELECT s.system_identifier, d.oid
    FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
  ON CONFLICT (is_only) DO UPDATE
    SET system_identifier = EXCLUDED.system_identifier, database_oid = EXCLUDED.database_oid;
END $$;
