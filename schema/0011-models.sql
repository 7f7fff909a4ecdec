-- 0011: which models a daemon provides, and jobs whose model nobody does
--
-- A job is claimed only where its model can run. Whoever takes part writes its models, once it has its
-- row; '*' stands for every name, and is written by those that fail a job of an unknown model. The queue
-- has the model of each job, so that a claim reads no more of public.jobs than before. A worker that
-- was forked before a reload claims nothing that this brought, and one that was forked after it claims
-- nothing before what it took away is gone from here.

CREATE TABLE jobd.model (
  supervisor_id integer NOT NULL REFERENCES jobd.supervisor ON DELETE CASCADE,
  model         text    NOT NULL,  -- as in jobs.plugin, or '*'
  generation    integer NOT NULL,  -- of the supervisor's configuration that brought it
  description   jsonb,             -- what `registry-job plugins --json` says of it
  PRIMARY KEY (supervisor_id, model)
);

-- The generation that all of its models are of; 0: it lists none.
ALTER TABLE jobd.supervisor ADD COLUMN models_generation integer NOT NULL DEFAULT 0;

-- '' is a name that no program can have: anybody may claim such a job, and fail it.
CREATE FUNCTION jobd.model_name(plugin text) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT CASE WHEN plugin COLLATE "C" ~ '^[A-Za-z][A-Za-z0-9_]*\.[A-Za-z][A-Za-z0-9_]*$'
                    THEN plugin ELSE '' END $$;

-- NULL is not known yet, as in a row of a statement that was under way when this column came: who
-- waits for models leaves it alone until the queue has been repaired, which a daemon does as it starts.
-- A superuser reads nothing of public.
ALTER TABLE jobd.queue ADD COLUMN model text;
DO $do$ BEGIN
  IF current_setting('is_superuser') = 'off' THEN
    UPDATE jobd.queue q SET model = jobd.model_name(j.plugin) FROM public.jobs j WHERE j.id = q.job_id;
  END IF;
END $do$;

-- As in 0009, with the model; and who waits behind a job that is taken out of the queue is told of.
CREATE OR REPLACE FUNCTION jobd.keep_queue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  local_now timestamp := clock_timestamp()::timestamp;
  name text;
  ids text[];
  gone bigint[] := '{}';
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
    gone := ARRAY(SELECT o.id FROM old_rows o WHERE o.status = 'Q');
  ELSIF TG_OP = 'UPDATE' THEN
    gone := ARRAY(SELECT o.id FROM old_rows o
                   WHERE o.status = 'Q' AND o.job_id IS NULL AND o.deleted IS NOT TRUE
                  EXCEPT
                  SELECT n.id FROM new_rows n
                   WHERE n.status = 'Q' AND n.job_id IS NULL AND n.deleted IS NOT TRUE);
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
  IF gone <> '{}' THEN
    -- The first job of a CO may have been one that nobody could run: the CO may go on.
    WITH removed AS (
      DELETE FROM jobd.queue q WHERE q.job_id = ANY (gone) RETURNING q.co_id, q.ready
    ), told AS (
      SELECT pg_notify('registry_jobd', 'queued ' || r.co_id)
        FROM (SELECT DISTINCT co_id FROM removed WHERE ready) r
       WHERE pg_notification_queue_usage() < 0.9
    )
    SELECT count(*) FROM told INTO first; -- reads all of it
  END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    WITH put AS (
      INSERT INTO jobd.queue AS q (job_id, co_id, due, ready, model)
      SELECT n.id, n.co_id, n.start_after_time, COALESCE(n.start_after_time <= local_now, true),
             jobd.model_name(n.plugin)
        FROM new_rows n
       WHERE n.status = 'Q' AND n.job_id IS NULL AND n.deleted IS NOT TRUE
      ON CONFLICT (job_id) DO UPDATE
        SET co_id = EXCLUDED.co_id, due = EXCLUDED.due, ready = EXCLUDED.ready,
            model = EXCLUDED.model
      WHERE q.co_id <> EXCLUDED.co_id OR q.due IS DISTINCT FROM EXCLUDED.due
         OR q.model IS DISTINCT FROM EXCLUDED.model
      RETURNING q.job_id, q.co_id, q.due, q.ready
    ), told AS (
      -- What is due later than in an hour is found by the sweep. A queue of notifications that is
      -- full would make the commit fail: the sweep finds what is not told.
      SELECT pg_notify('registry_jobd', p.text)
        FROM (SELECT DISTINCT CASE WHEN p.ready THEN 'queued ' || p.co_id ELSE 'delayed' END AS text
                FROM put p WHERE p.ready OR p.due <= local_now + interval '1 hour') p
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

-- As in 0009, with the model.
CREATE OR REPLACE FUNCTION jobd.resync(first bigint, last bigint) RETURNS bigint LANGUAGE plpgsql
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
                        AND q.model = jobd.model_name(j.plugin)
                        AND j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE);
  GET DIAGNOSTICS n = ROW_COUNT;
  wrong := wrong + n;
  WITH missing AS (
    SELECT j.id, j.co_id, j.start_after_time, j.plugin FROM public.jobs j
     WHERE j.id BETWEEN first AND LEAST(last, 2147483647)
       AND j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
       AND NOT EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id)
       FOR SHARE OF j SKIP LOCKED
  )
  INSERT INTO jobd.queue (job_id, co_id, due, ready, model)
  SELECT id, co_id, start_after_time,
         COALESCE(start_after_time <= clock_timestamp()::timestamp, true), jobd.model_name(plugin)
    FROM missing
  ON CONFLICT (job_id) DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN wrong + n;
END $$;

-- Whether somebody who was seen within its lease can run a model: a daemon, or the supervisor `own`.
-- Who lists no models is of the version before, and takes every job.
CREATE FUNCTION jobd.is_provided(wanted text, own integer) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM jobd.supervisor s
                  WHERE (s.kind = 'daemon' OR s.id = own)
                    AND extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen)
                        <= extract(epoch FROM s.lease)
                    AND (s.models_generation = 0
                         OR EXISTS (SELECT FROM jobd.model m
                                     WHERE m.supervisor_id = s.id AND m.model IN (wanted, '*'))))
$$;

-- Queued jobs of models that nobody provides, by model.
CREATE FUNCTION jobd.unprovided(own integer, OUT model text, OUT jobs bigint, OUT due bigint,
                                OUT cos bigint, OUT first_job integer)
  RETURNS SETOF record LANGUAGE sql STABLE AS $$
  SELECT q.model, count(*), count(*) FILTER (WHERE q.ready), count(DISTINCT q.co_id), min(q.job_id)
    FROM jobd.queue q WHERE q.model <> ''
   GROUP BY q.model HAVING NOT jobd.is_provided(q.model, own)
$$;
