-- 0010: the zone in which the Registry writes its times
--
-- The Registry writes times without a zone, in the one of its APP_DEFAULT_TIMEZONE. Our connections
-- and the functions that others' statements call have that zone as their TimeZone (zone.sql): what
-- is written and compared as `timestamp` is of that zone, whatever type the columns have. What is
-- shown is UTC. In an hour that comes twice a time means both: a delay that ends there is over when
-- the clock shows that time for the first time, and one that begins there lasts an hour longer, which
-- is better than one that is over at once.

-- Cut to the second: the columns are timestamp(0), which would round, so that a time at .6 s would
-- lie in the future.
CREATE FUNCTION jobd.registry_now() RETURNS timestamp LANGUAGE sql VOLATILE
  AS $$ SELECT date_trunc('second', clock_timestamp()::timestamp) $$;

-- A time of the Registry's, of either type, as UTC; one that no calendar has stays as it is.
CREATE FUNCTION jobd.utc(t timestamp) RETURNS timestamp LANGUAGE sql STABLE
  AS $$ SELECT CASE WHEN t > '0002-01-01' AND t < '9999-01-01'
                    THEN t::timestamptz AT TIME ZONE 'UTC' ELSE t END $$;
CREATE FUNCTION jobd.utc(t timestamptz) RETURNS timestamp LANGUAGE sql STABLE
  AS $$ SELECT t AT TIME ZONE 'UTC' $$;

-- Statements of the version before call it.
CREATE OR REPLACE FUNCTION jobd.utc_now() RETURNS timestamp LANGUAGE sql VOLATILE
  AS $$ SELECT jobd.registry_now() $$;

-- What there is asks for the time in the new way.
DO $do$
DECLARE
  definition text;
BEGIN
  FOR definition IN
    SELECT pg_get_functiondef(p.oid)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'jobd'
     WHERE p.proname IN ('keep_queue', 'resync', 'guard', 'note', 'follow_on')
       AND p.prolang = (SELECT l.oid FROM pg_language l WHERE l.lanname = 'plpgsql')
  LOOP
    EXECUTE replace(replace(definition, $$clock_timestamp() AT TIME ZONE 'UTC'$$,
                                        'clock_timestamp()::timestamp'),
                    'jobd.utc_now()', 'jobd.registry_now()');
  END LOOP;
END $do$;
ALTER FUNCTION jobd.guard() SET TimeZone = 'UTC';
