-- 0009: a guard on public.jobs, and triggers that never stand in the Registry's way
--
-- What follows public.jobs now runs once a statement, over its transition tables. A condition of a
-- trigger names no column, so that the Registry may change every type; a function takes whatever
-- type is there. No error in it makes a statement of the Registry fail: the error is noted in
-- jobd.trigger_error, where `registry-job doctor` sees it, and a daemon repairs the queue within a
-- sweep. One block for a statement, because each block with an error handler that writes costs a
-- transaction id.
--
-- Our own connections say so in the setting jobd.writer (db/connect.c). Their statements keep
-- jobd.queue themselves and step as the law says; PostgreSQL asks the setting before it calls
-- anything. The setting guards against accidents, not against people.

DROP TRIGGER jobd_insert ON public.jobs;
DROP TRIGGER jobd_update ON public.jobs;
DROP TRIGGER jobd_cancel ON public.jobs;
DROP TRIGGER jobd_delete ON public.jobs;
DROP TRIGGER jobd_truncate ON public.jobs;
DROP FUNCTION jobd.queue_insert(), jobd.queue_update(), jobd.queue_delete(), jobd.queue_truncate(),
              jobd.job_cancel(), jobd.queue_put(integer, integer, timestamp);

-- Statements on public.jobs whose trigger met an error, and the ids that they wrote. At most 100.
CREATE TABLE jobd.trigger_error (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  happened timestamptz NOT NULL DEFAULT clock_timestamp(),
  place    text NOT NULL,
  code     text NOT NULL,      -- SQLSTATE
  message  text NOT NULL,
  first_id bigint NOT NULL,
  last_id  bigint NOT NULL,
  repaired timestamptz         -- NULL: jobd.queue may be wrong in these ids
);

CREATE FUNCTION jobd.note_error(place text, code text, message text, first bigint, last bigint)
  RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO jobd.trigger_error (place, code, message, first_id, last_id)
  SELECT place, code, left(message, 500), COALESCE(first, 0), COALESCE(last, 2147483647)
   WHERE (SELECT count(*) FROM jobd.trigger_error) < 100
$$;

-- The ids that a session has inserted or assigned: the setting `name`, newest first, 32 of them.
CREATE FUNCTION jobd.remember(name text, ids text[]) RETURNS text LANGUAGE sql AS $$
  SELECT pg_catalog.set_config(name, pg_catalog.array_to_string(
           (ids OPERATOR(pg_catalog.||)
            pg_catalog.string_to_array(pg_catalog.current_setting(name, true), ','))[1:32], ','), false)
$$;

-- Keeps jobd.queue as public.jobs is written, and sends the notifications. With TimeZone it takes
-- times of either type for UTC; a lock on a row of ours holds the Registry up for two seconds. No
-- statement here joins its tables: a plan that was made for one row is kept for ten thousand.
CREATE FUNCTION jobd.keep_queue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  utc_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
  name text;
  ids text[];
  first bigint;
  last bigint;
BEGIN
  -- Most of what comes is an archive copy, or a change that does not concern the queue.
  IF TG_OP = 'INSERT' THEN
    IF NOT EXISTS (SELECT FROM new_rows n
                    WHERE n.status IN ('Q', 'A', 'GO') AND n.job_id IS NULL) THEN
      RETURN NULL;
    END IF;
  ELSIF TG_OP = 'UPDATE' THEN
    IF NOT EXISTS (SELECT FROM old_rows o WHERE o.status = 'Q'
                   UNION ALL
                   SELECT FROM new_rows n WHERE n.status IN ('Q', 'CX')) THEN
      RETURN NULL;
    END IF;
  END IF;

  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM jobd.queue;
  ELSIF TG_OP = 'DELETE' THEN
    DELETE FROM jobd.queue q
     WHERE q.job_id = ANY (ARRAY(SELECT o.id FROM old_rows o WHERE o.status = 'Q'));
  ELSIF TG_OP = 'UPDATE' THEN
    DELETE FROM jobd.queue q
     WHERE q.job_id = ANY (ARRAY(
       SELECT o.id FROM old_rows o
        WHERE o.status = 'Q' AND o.job_id IS NULL AND o.deleted IS NOT TRUE
       EXCEPT
       SELECT n.id FROM new_rows n
        WHERE n.status = 'Q' AND n.job_id IS NULL AND n.deleted IS NOT TRUE));
    -- A job that could not be assigned kept its CO: whatever has become of it, the CO may go on.
    PERFORM pg_notify('registry_jobd', 'queued ' || l.co_id)
       FROM jobd.lane l
      WHERE l.retry_at IS NOT NULL AND pg_notification_queue_usage() < 0.9
        AND l.refused_job = ANY (ARRAY(SELECT o.id FROM old_rows o WHERE o.status = 'Q'));
    PERFORM pg_notify('registry_jobd', 'cancel ' || c.id)
       FROM (SELECT n.id FROM new_rows n WHERE n.status = 'CX' AND n.job_id IS NULL
             INTERSECT
             SELECT o.id FROM old_rows o WHERE o.status IN ('A', 'GO')) c
      WHERE pg_notification_queue_usage() < 0.9;
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    WITH put AS (
      INSERT INTO jobd.queue AS q (job_id, co_id, due, ready)
      SELECT n.id, n.co_id, n.start_after_time, COALESCE(n.start_after_time <= utc_now, true)
        FROM new_rows n
       WHERE n.status = 'Q' AND n.job_id IS NULL AND n.deleted IS NOT TRUE
      ON CONFLICT (job_id) DO UPDATE
        SET co_id = EXCLUDED.co_id, due = EXCLUDED.due, ready = EXCLUDED.ready
      WHERE q.co_id <> EXCLUDED.co_id OR q.due IS DISTINCT FROM EXCLUDED.due
      RETURNING q.job_id, q.co_id, q.due, q.ready
    ), told AS (
      -- What is due later than in an hour is found by the sweep. A queue of notifications that is
      -- full would make the commit fail: the sweep finds what is not told.
      SELECT pg_notify('registry_jobd', p.text)
        FROM (SELECT DISTINCT CASE WHEN p.ready THEN 'queued ' || p.co_id ELSE 'delayed' END AS text
                FROM put p WHERE p.ready OR p.due <= utc_now + interval '1 hour') p
       WHERE pg_notification_queue_usage() < 0.9
    )
    SELECT count(*) FROM told INTO first; -- reads all of it
  END IF;
  IF TG_OP = 'INSERT' AND current_setting('jobd.writer', true) IS DISTINCT FROM 'registry-jobd' THEN
    FOR name, ids IN
      SELECT CASE WHEN n.status = 'Q' THEN 'jobd.inserted' ELSE 'jobd.assigned' END,
             (array_agg(n.id::text ORDER BY n.id DESC))[1:32]
        FROM new_rows n WHERE n.status IN ('Q', 'A', 'GO') AND n.job_id IS NULL
       GROUP BY 1 LOOP
      PERFORM jobd.remember(name, ids);
    END LOOP;
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    IF TG_OP = 'DELETE' THEN
      SELECT min(o.id), max(o.id) INTO first, last FROM old_rows o;
    ELSIF TG_OP <> 'TRUNCATE' THEN
      SELECT min(n.id), max(n.id) INTO first, last FROM new_rows n;
    END IF;
    PERFORM jobd.note_error(TG_NAME, SQLSTATE, SQLERRM, first, last);
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'registry-jobd could not follow public.jobs: %', SQLERRM;
  END;
  RETURN NULL;
END $$;

-- The guard: while a daemon serves the queue, a final status stays, and other programs may cancel,
-- and assign and run what their session has inserted; nothing else. A daemon serves it that was seen
-- within its lease, or that holds the CO's lane and was seen within ten, in either direction: after
-- a step of the clock it is seen again with its next renewal. An error lets the statement pass.
CREATE FUNCTION jobd.guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  id text;
  is_final boolean;
  is_step boolean;
  why text;
  server record;
BEGIN
  is_step := NEW.status IS DISTINCT FROM OLD.status;
  IF NOT is_step AND (OLD.status IN ('A', 'GO')) IS TRUE THEN
    is_step := NEW.assigned_host IS DISTINCT FROM OLD.assigned_host
               OR NEW.assigned_pid IS DISTINCT FROM OLD.assigned_pid;
  END IF;
  is_final := OLD.status IN ('OK', 'X', 'CX');
  IF NOT is_step OR (NOT is_final AND NEW.status = 'CX')
     OR (OLD.status IN ('Q', 'A', 'GO', 'OK', 'X', 'CX')) IS NOT TRUE
     OR OLD.job_id IS NOT NULL OR OLD.deleted IS TRUE
     -- A daemon of the version before, or one behind a pooler.
     OR (current_setting('application_name') LIKE 'registry-job%'
         AND current_setting('application_name') NOT LIKE 'registry-jobd job %') THEN -- a plugin's
    RETURN NEW;
  END IF;

  id := OLD.id;
  IF OLD.status = 'Q' AND NEW.status IN ('A', 'GO') THEN
    PERFORM jobd.remember('jobd.assigned', ARRAY[id]);
    IF id = ANY (string_to_array(current_setting('jobd.inserted', true), ',')) THEN
      RETURN NEW;
    END IF;
  ELSIF NOT is_final
        AND id = ANY (string_to_array(current_setting('jobd.assigned', true), ',')) THEN
    RETURN NEW;
  END IF;

  SELECT s.host, s.pid INTO server
    FROM jobd.supervisor s
    LEFT JOIN jobd.lane l ON l.supervisor_id = s.id AND l.co_id = OLD.co_id
   WHERE (s.kind = 'daemon' OR l.co_id IS NOT NULL)
     AND abs(extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen))
         < extract(epoch FROM s.lease) * CASE WHEN l.co_id IS NULL THEN 1 ELSE 10 END
   ORDER BY l.co_id, s.id LIMIT 1;
  IF NOT FOUND THEN
    RETURN NEW;
  END IF;

  why := current_setting('jobd.override', true);
  IF why <> '' THEN
    RAISE LOG 'registry-jobd: job %: % may change % to %: %', id, session_user, OLD.status,
              NEW.status, why;
    INSERT INTO public.job_history_records
           (job_id, record_key, comment, status, created, modified, revision, deleted,
            actor_identifier)
    VALUES (OLD.id, 'registry-jobd: override',
            left(format('%s to %s: %s', OLD.status, NEW.status, why), 256), 'NT', jobd.utc_now(),
            jobd.utc_now(), 0, false, session_user);
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'RJ001',
    MESSAGE = CASE WHEN is_final
                   THEN format('job %s of CO %s is %s, which is final: it does not become %s', id,
                               OLD.co_id, OLD.status, NEW.status)
                   ELSE format('job %s of CO %s is left to registry-jobd: no other program takes it '
                               'from %s to %s', id, OLD.co_id, OLD.status, NEW.status) END,
    DETAIL = format('registry-jobd serves the queue, on host %s, PID %s. Other programs register '
                    'jobs, cancel them, and run those that their session has registered.',
                    server.host, server.pid),
    HINT = CASE WHEN is_final THEN format('registry-job retry %s queues the same again.', id)
                ELSE format('registry-job cancel %s, or registry-job settle %s when its runner is '
                            'gone; without a daemon nothing is refused.', id, id) END;
EXCEPTION
  WHEN SQLSTATE 'RJ001' THEN
    RAISE;
  WHEN OTHERS THEN
    BEGIN
      PERFORM jobd.note_error(TG_NAME, SQLSTATE, SQLERRM, 0, 0);
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'registry-jobd could not guard public.jobs: %', SQLERRM;
    END;
    RETURN NEW;
END $$;

CREATE TRIGGER jobd_guard BEFORE UPDATE ON public.jobs FOR EACH ROW
  WHEN (current_setting('jobd.writer', true) IS DISTINCT FROM 'registry-jobd')
  EXECUTE FUNCTION jobd.guard();
CREATE TRIGGER jobd_insert AFTER INSERT ON public.jobs REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION jobd.keep_queue();
CREATE TRIGGER jobd_update AFTER UPDATE ON public.jobs
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
  WHEN (current_setting('jobd.writer', true) IS DISTINCT FROM 'registry-jobd')
  EXECUTE FUNCTION jobd.keep_queue();
CREATE TRIGGER jobd_delete AFTER DELETE ON public.jobs REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION jobd.keep_queue();
CREATE TRIGGER jobd_truncate AFTER TRUNCATE ON public.jobs FOR EACH STATEMENT
  EXECUTE FUNCTION jobd.keep_queue();

-- Makes the queue what its definition says in a range of ids, whatever wrote to public.jobs without
-- our triggers. Returns how many rows were wrong. A job that somebody is just writing is left to
-- his triggers, or to the next look. An id that is no integer any more has no place in the queue,
-- and must not keep the others out. Each call is planned for its range.
CREATE FUNCTION jobd.resync(first bigint, last bigint) RETURNS bigint LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
  SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  wrong bigint := 0;
  n bigint;
BEGIN
  DELETE FROM jobd.queue q
   WHERE q.job_id BETWEEN first AND last
     AND NOT EXISTS (SELECT FROM public.jobs j
                      WHERE j.id = q.job_id AND j.co_id = q.co_id
                        AND j.start_after_time::timestamp(0) IS NOT DISTINCT FROM q.due
                        AND j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE);
  GET DIAGNOSTICS n = ROW_COUNT;
  wrong := wrong + n;
  WITH missing AS (
    SELECT j.id, j.co_id, j.start_after_time FROM public.jobs j
     WHERE j.id BETWEEN first AND LEAST(last, 2147483647)
       AND j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
       AND NOT EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id)
       FOR SHARE OF j SKIP LOCKED
  )
  INSERT INTO jobd.queue (job_id, co_id, due, ready)
  SELECT id, co_id, start_after_time,
         COALESCE(start_after_time <= clock_timestamp() AT TIME ZONE 'UTC', true)
    FROM missing
  ON CONFLICT (job_id) DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN wrong + n;
END $$;

-- The same for a range and for what triggers had to leave.
CREATE FUNCTION jobd.catch_up(first bigint, last bigint) RETURNS bigint LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong bigint := jobd.resync(first, last);
  e record;
  end_id bigint;
BEGIN
  -- A part of the oldest one: a statement about everything must not make each look too long.
  FOR e IN SELECT * FROM jobd.trigger_error WHERE repaired IS NULL ORDER BY id LIMIT 1
              FOR UPDATE SKIP LOCKED LOOP
    SELECT CASE WHEN count(*) < 100000 THEN e.last_id ELSE max(part.id) END INTO end_id
      FROM (SELECT j.id FROM public.jobs j WHERE j.id BETWEEN e.first_id AND e.last_id
             ORDER BY j.id LIMIT 100000) part;
    wrong := wrong + jobd.resync(e.first_id, end_id);
    UPDATE jobd.trigger_error
       SET first_id = LEAST(end_id + 1, last_id),
           repaired = CASE WHEN end_id = last_id THEN clock_timestamp() END
     WHERE id = e.id;
  END LOOP;
  -- The newest ones stay for people.
  DELETE FROM jobd.trigger_error
   WHERE repaired IS NOT NULL
     AND id <= (SELECT id FROM jobd.trigger_error ORDER BY id DESC OFFSET 20 LIMIT 1);
  RETURN wrong;
END $$;

CREATE OR REPLACE FUNCTION jobd.resync() RETURNS bigint LANGUAGE sql SECURITY DEFINER
  SET enable_seqscan = on  -- the one reader of the whole table; our connections have it off
  SET search_path = pg_catalog, pg_temp AS $$ SELECT jobd.catch_up(0, 2147483647) $$;

-- The Registry may make its ids bigint: what is called with them takes both, as long as the values
-- are integers. Statements of the version before give parameters without a type, so that two of one
-- name would be one too many.
ALTER FUNCTION jobd.register_lock(integer) RENAME TO lock_registration;
CREATE FUNCTION jobd.register_lock(co bigint) RETURNS void LANGUAGE sql VOLATILE
  AS $$ SELECT jobd.lock_registration(co::integer) $$;
ALTER FUNCTION jobd.same_job(integer, text, text, integer) RENAME TO find_same_job;
CREATE FUNCTION jobd.same_job(wanted_co bigint, wanted_plugin text, wanted text, besides bigint)
  RETURNS integer LANGUAGE sql VOLATILE
  AS $$ SELECT jobd.find_same_job(wanted_co::integer, wanted_plugin, wanted, besides::integer) $$;
CREATE FUNCTION jobd.follow(finished bigint, final text, OUT successor integer,
                            OUT start_after timestamp, OUT waiting integer)
  LANGUAGE sql VOLATILE AS $$ SELECT * FROM jobd.follow(finished::integer, final) $$;
