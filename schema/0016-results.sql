-- 0016: what became of the jobs of each model, and what failures in a row lead to
--
-- A model that fails again and again in a CO is held there, if the daemon's configuration says so, and
-- a person releases it. One row for each CO and model: the jobs of a CO run one after another, so that
-- nobody waits for its lock.

CREATE TABLE jobd.model_result (
  co_id integer NOT NULL,
  model text NOT NULL,
  complete bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  canceled bigint NOT NULL DEFAULT 0,    -- while they ran
  in_a_row integer NOT NULL DEFAULT 0,   -- failures since the last one that was complete
  last_complete timestamptz,
  PRIMARY KEY (co_id, model)
) WITH (fillfactor = 50);

-- Counts the end of a job, and after a failure holds what the entry of its model in jobd.model of the
-- supervisor `own` says: the model when it has failed so many times in a row ("failures"), or the whole CO
-- ("on_failure"). Returns what was held and why, NULL where nothing was. A model that nobody has described
-- is not counted: it may be any text. Nothing that goes wrong in here keeps the job from its end; what went
-- wrong once, a lock that somebody else has, is not tried again in the same transaction, which may end many.
CREATE FUNCTION jobd.count_end(ended integer, co integer, plugin text, final text, summary text, own integer)
  RETURNS text LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  n integer;
  policy jsonb;
  held text;
  why text;
BEGIN
  IF current_setting('jobd.uncounted', true) = '1' THEN
    RETURN NULL;
  END IF;
  LOOP
    UPDATE jobd.model_result r
       SET complete = r.complete + (final = 'OK')::integer, failed = r.failed + (final = 'X')::integer,
           canceled = r.canceled + (final = 'CX')::integer,
           in_a_row = CASE final WHEN 'OK' THEN 0 WHEN 'X' THEN LEAST(r.in_a_row, 2147483646) + 1 ELSE r.in_a_row END,
           last_complete = CASE final WHEN 'OK' THEN clock_timestamp() ELSE r.last_complete END
     WHERE r.co_id = co AND r.model = plugin
    RETURNING r.in_a_row INTO n;
    EXIT WHEN FOUND OR NOT EXISTS (SELECT FROM jobd.model m WHERE m.model = plugin);
    INSERT INTO jobd.model_result (co_id, model) VALUES (co, plugin) ON CONFLICT DO NOTHING;
  END LOOP;
  IF final <> 'X' OR own IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT m.description INTO policy FROM jobd.model m WHERE m.supervisor_id = own AND m.model = plugin;
  IF policy->>'on_failure' = 'hold' THEN
    held := '';
    why := format('job %s failed', ended);
  ELSIF n >= (policy->>'failures')::integer THEN
    held := plugin;
    why := format('failed %s in a row, the last was job %s', CASE n WHEN 1 THEN 'once' ELSE n || ' times' END, ended);
  ELSE
    RETURN NULL;
  END IF;
  why := why || COALESCE(': ' || left(summary, 200), '');
  INSERT INTO jobd.hold AS h (co_id, model, reason, actor, since)
  VALUES (co, held, why, 'registry-jobd', clock_timestamp())
  ON CONFLICT (co_id, model) DO UPDATE
     SET reason = EXCLUDED.reason, actor = EXCLUDED.actor, since = EXCLUDED.since, until = NULL
   WHERE h.until <= clock_timestamp();
  RETURN CASE WHEN FOUND THEN CASE held WHEN '' THEN format('CO %s', co) ELSE format('%s in CO %s', held, co) END
                              || ' is held: ' || why END;
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
  RAISE WARNING 'job %: its end could not be counted: %', ended, SQLERRM;
  PERFORM set_config('jobd.uncounted', '1', true);
  RETURN NULL;
END $$;
