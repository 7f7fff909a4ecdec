-- Takes everything of registry-jobd out of the database again. The Registry's own tables and their
-- rows stay as they are. Stop the daemons first: while one of them, or a command that runs jobs, is
-- alive nothing is removed, because what it runs would stay In Progress, unless the session has set
-- jobd.force to on. A lock is waited for a second: all that the Registry does would wait behind it.
DO $$
DECLARE
  alive text;
BEGIN
  SET LOCAL client_min_messages = warning;
  SET LOCAL search_path = pg_catalog;
  SET LOCAL lock_timeout = '1s';
  IF to_regclass('jobd.supervisor') IS NOT NULL THEN
    LOCK TABLE jobd.supervisor IN ACCESS EXCLUSIVE MODE; -- nobody comes meanwhile
    -- Of anything but a plain table of PostgreSQL's own types a superuser would run the owner's code.
    IF NOT EXISTS (SELECT FROM pg_class c
                    WHERE c.oid = to_regclass('jobd.supervisor') AND c.relkind = 'r'
                      AND NOT c.relrowsecurity AND NOT c.relhassubclass
                      AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                                       WHERE a.attrelid = c.oid AND a.attnum > 0
                                         AND (a.attgenerated <> ''
                                              OR t.typnamespace <> 'pg_catalog'::regnamespace))) THEN
      RAISE 'jobd.supervisor is not as this program makes it'
        USING HINT = 'look at what it is; DROP SCHEMA jobd CASCADE removes it';
    END IF;
    SELECT string_agg(format('the %s on %s, PID %s', s.kind, s.host, s.pid), ', ' ORDER BY s.id)
      INTO alive
      FROM jobd.supervisor s
     WHERE abs(extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen))
           < extract(epoch FROM s.lease);
    IF alive IS NOT NULL AND current_setting('jobd.force', true) IS DISTINCT FROM 'on' THEN
      RAISE EXCEPTION USING ERRCODE = 'RJ002',
        MESSAGE = format('the schema jobd is in use by %s', alive);
    END IF;
  END IF;
  DROP TRIGGER IF EXISTS jobd_guard ON public.jobs;
  DROP TRIGGER IF EXISTS jobd_insert ON public.jobs;
  DROP TRIGGER IF EXISTS jobd_update ON public.jobs;
  DROP TRIGGER IF EXISTS jobd_cancel ON public.jobs; -- of version 4
  DROP TRIGGER IF EXISTS jobd_delete ON public.jobs;
  DROP TRIGGER IF EXISTS jobd_truncate ON public.jobs;
  DROP SCHEMA IF EXISTS jobd CASCADE;
END $$;
