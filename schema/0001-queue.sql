-- 0001: the queue table, and the triggers on the Registry's jobs that keep it
--
-- jobd.queue holds one narrow row for every live Queued job, whoever writes to
-- public.jobs. Claims, "which COs have work" and "when is the next start" read
-- it alone, so their cost depends neither on history nor on archive copies.
-- Columns and indexes of the Registry's own tables stay as they are: its upgrade
-- command drops those that it does not know, and leaves triggers alone.

-- The time that the columns of public.jobs hold: UTC, cut to the second. They are
-- timestamp(0), which would round: a time at .6 s would lie in the future.
CREATE FUNCTION jobd.utc_now() RETURNS timestamp LANGUAGE sql VOLATILE
  AS $$ SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC') $$;

CREATE TABLE jobd.queue (
  job_id integer PRIMARY KEY,
  co_id  integer NOT NULL,
  due    timestamp(0),       -- jobs.start_after_time; NULL is due at once
  ready  boolean NOT NULL    -- was due when last looked at; set by queue_promote
) WITH (
  -- Every row lives a moment only: vacuum by count, not by share of the table.
  autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0.0, autovacuum_analyze_threshold = 2000,
  autovacuum_vacuum_insert_threshold = -1
);
CREATE INDEX queue_ready ON jobd.queue (co_id, job_id) WHERE ready;
CREATE INDEX queue_due ON jobd.queue (due) WHERE NOT ready;

-- The functions run with the rights of their owner, because the Registry's own role
-- writes jobs and has no rights in this schema.

-- One live Queued job, new or changed.
CREATE FUNCTION jobd.queue_put(job integer, co integer, start_after timestamp)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  utc_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
  is_due boolean := start_after IS NULL OR start_after <= utc_now;
BEGIN
  INSERT INTO jobd.queue (job_id, co_id, due, ready) VALUES (job, co, start_after, is_due)
  ON CONFLICT (job_id) DO UPDATE
    SET co_id = EXCLUDED.co_id, due = EXCLUDED.due, ready = EXCLUDED.ready;
  -- PostgreSQL sends equal notifications of one transaction once.
  IF is_due THEN
    PERFORM pg_notify('registry_jobd', 'queued ' || co);
  ELSIF start_after <= utc_now + interval '1 hour' THEN
    -- What is due later is found by the sweep, which comes at least once an hour.
    PERFORM pg_notify('registry_jobd', 'delayed');
  END IF;
END $$;

CREATE FUNCTION jobd.queue_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM jobd.queue_put(NEW.id, NEW.co_id, NEW.start_after_time);
  RETURN NULL;
END $$;

CREATE FUNCTION jobd.queue_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was_in boolean := OLD.status IS NOT DISTINCT FROM 'Q' AND OLD.job_id IS NULL
                    AND OLD.deleted IS NOT TRUE;
  is_in boolean := NEW.status IS NOT DISTINCT FROM 'Q' AND NEW.job_id IS NULL
                   AND NEW.deleted IS NOT TRUE;
BEGIN
  IF was_in AND (NOT is_in OR NEW.id <> OLD.id) THEN
    DELETE FROM jobd.queue WHERE job_id = OLD.id;
  END IF;
  IF is_in AND (NOT was_in OR NEW.id <> OLD.id OR NEW.co_id <> OLD.co_id
                OR NEW.start_after_time IS DISTINCT FROM OLD.start_after_time) THEN
    PERFORM jobd.queue_put(NEW.id, NEW.co_id, NEW.start_after_time);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION jobd.queue_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM jobd.queue WHERE job_id = OLD.id;
  RETURN NULL;
END $$;

CREATE FUNCTION jobd.queue_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM jobd.queue;
  RETURN NULL;
END $$;

CREATE FUNCTION jobd.job_cancel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.status IN ('A', 'GO') AND NEW.job_id IS NULL THEN
    PERFORM pg_notify('registry_jobd', 'cancel ' || NEW.id);
  END IF;
  RETURN NULL;
END $$;

-- The WHEN clauses sort out what concerns the queue: archive copies, progress, starts and
-- finishes never call a function. They are as short as can be, because PostgreSQL reads the
-- stored clause of every trigger again in every statement (measured: three long ones cost a
-- tenth of a job); the functions look at the rest.

CREATE TRIGGER jobd_insert AFTER INSERT ON public.jobs FOR EACH ROW
  WHEN (NEW.status = 'Q' AND NEW.job_id IS NULL AND NEW.deleted IS NOT TRUE)
  EXECUTE FUNCTION jobd.queue_insert();
CREATE TRIGGER jobd_update AFTER UPDATE ON public.jobs FOR EACH ROW
  WHEN (OLD.status = 'Q' OR NEW.status = 'Q') EXECUTE FUNCTION jobd.queue_update();
CREATE TRIGGER jobd_cancel AFTER UPDATE ON public.jobs FOR EACH ROW
  WHEN (NEW.status = 'CX') EXECUTE FUNCTION jobd.job_cancel();
CREATE TRIGGER jobd_delete AFTER DELETE ON public.jobs FOR EACH ROW
  WHEN (OLD.status = 'Q') EXECUTE FUNCTION jobd.queue_delete();
CREATE TRIGGER jobd_truncate AFTER TRUNCATE ON public.jobs FOR EACH STATEMENT
  EXECUTE FUNCTION jobd.queue_truncate();

-- Makes the queue what its definition says, after a restore with triggers disabled for
-- example. Returns how many rows were wrong. The share lock makes an insert wait for a
-- writer of the same job, and look at what it left.
CREATE FUNCTION jobd.resync() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
  SET enable_seqscan = on  -- the one reader of the whole table; our connections have it off
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong bigint := 0;
  n bigint;
BEGIN
  DELETE FROM jobd.queue q
   WHERE NOT EXISTS (SELECT FROM public.jobs j
                      WHERE j.id = q.job_id AND j.co_id = q.co_id
                        AND j.start_after_time IS NOT DISTINCT FROM q.due
                        AND j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE);
  GET DIAGNOSTICS n = ROW_COUNT;
  wrong := wrong + n;
  WITH missing AS (
    SELECT j.id, j.co_id, j.start_after_time FROM public.jobs j
     WHERE j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
       AND NOT EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id)
       FOR SHARE OF j
  )
  INSERT INTO jobd.queue (job_id, co_id, due, ready)
  SELECT id, co_id, start_after_time,
         start_after_time IS NULL
         OR start_after_time <= clock_timestamp() AT TIME ZONE 'UTC'
    FROM missing
  ON CONFLICT (job_id) DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN wrong + n;
END $$;
