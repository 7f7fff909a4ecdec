-- The end of `registry-job schema install`, in the transaction of the whole installation: all of jobd
-- belongs to the owner of public.jobs, and nobody else may call its functions but the role of the
-- programs (schema/roles.sql), which gets the rights of what is new: an upgrade takes none from a
-- daemon that runs.
DO $$
DECLARE
  owner name;
  statement text;
BEGIN
  SELECT pg_get_userbyid(c.relowner) INTO owner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname = 'jobs';
  FOR statement IN
    SELECT format('ALTER SCHEMA jobd OWNER TO %I', owner)
      FROM pg_namespace n WHERE n.nspname = 'jobd' AND pg_get_userbyid(n.nspowner) <> owner
     UNION ALL
    SELECT format('ALTER TABLE jobd.%I OWNER TO %I', c.relname, owner)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'jobd'
     WHERE c.relkind IN ('r', 'p') AND pg_get_userbyid(c.relowner) <> owner
     UNION ALL
    SELECT format('ALTER FUNCTION %s OWNER TO %I', p.oid::regprocedure, owner)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'jobd'
     WHERE pg_get_userbyid(p.proowner) <> owner
  LOOP
    EXECUTE statement;
  END LOOP;
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA jobd FROM PUBLIC;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_jobd') THEN
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobd TO registry_jobd;
    GRANT SELECT ON jobd.origin, jobd.trigger_error TO registry_jobd;
    GRANT SELECT, INSERT, UPDATE (purpose) ON jobd.co_lock TO registry_jobd;
    GRANT SELECT, INSERT, UPDATE, DELETE ON jobd.model TO registry_jobd;
    GRANT SELECT, INSERT, UPDATE, DELETE ON jobd.hold TO registry_jobd;
    GRANT SELECT, INSERT, DELETE ON jobd.registration, jobd.chain_end TO registry_jobd;
    GRANT SELECT, INSERT, UPDATE ON jobd.requeue_always, jobd.model_result TO registry_jobd;
  END IF;
END $$;
