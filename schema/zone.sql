-- At the end of `registry-job schema install`: every function with a TimeZone of its own gets the
-- zone of the Registry's times, which the setting jobd.zone has. From jobd.keep_queue() each
-- connection of ours takes it (db/connect.c).
DO $$
DECLARE
  zone text := current_setting('jobd.zone');
  function regprocedure;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = zone) THEN
    RAISE 'the server knows no time zone ''%''', zone
      USING HINT = 'timezone in [database] is a name as in pg_timezone_names: Europe/Berlin';
  END IF;
  FOR function IN
    SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'jobd'
     WHERE EXISTS (SELECT FROM unnest(p.proconfig) c
                    WHERE c LIKE 'TimeZone=%' AND c <> 'TimeZone=' || zone)
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET TimeZone = %L', function, zone);
  END LOOP;
END $$;
