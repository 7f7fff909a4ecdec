-- 0002: who runs what: supervisors, and the lanes that their workers hold
--
-- Rows of these two tables change at every turn of a worker, never at every job:
-- under an old snapshot (a dump, a report) each version stays, and is met again.

-- One row for each running daemon or command; renewed every `heartbeat`.
CREATE TABLE jobd.supervisor (
  id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  token       bigint NOT NULL,       -- random: a renewal is by id and token
  kind        text NOT NULL CHECK (kind IN ('daemon', 'command')),
  host        text NOT NULL,
  pid         integer NOT NULL,
  boot        text NOT NULL,         -- boot and PID namespace that `pid` belongs to
  start_ticks bigint NOT NULL,       -- with `pid`, names a process exactly
  version     text NOT NULL,
  workers     integer NOT NULL,
  busy        integer NOT NULL DEFAULT 0,
  lease       interval NOT NULL,     -- dead for others when not seen for so long
  started     timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen        timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- A CO's queue as something that one worker may hold. Free when supervisor_id is NULL.
CREATE TABLE jobd.lane (
  co_id         integer PRIMARY KEY,
  supervisor_id integer REFERENCES jobd.supervisor (id),
  worker_pid    integer,
  worker_ticks  bigint,
  token         bigint,              -- random for each turn: guards every claim
  since         timestamptz,
  CHECK ((supervisor_id IS NULL) = (token IS NULL))
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX lane_token ON jobd.lane (token);
CREATE INDEX lane_supervisor ON jobd.lane (supervisor_id);

-- Parameters as a JSON value: the empty ones are equal, and NULL is what is not JSON.
CREATE FUNCTION jobd.parameters_value(stored text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF stored IS NULL OR stored IN ('', '[]', '{}') THEN
    RETURN '{}';
  END IF;
  RETURN stored::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
  RETURN NULL;
END $$;

-- The live job that waits or runs with the same CO, plugin and parameters, `besides`
-- excepted, or NULL. Callers take jobd.register_lock() in a statement before, so that two of them cannot both see none.
CREATE FUNCTION jobd.same_job(wanted_co integer, wanted_plugin text, wanted text, besides integer)
  RETURNS integer LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  value jsonb := jobd.parameters_value(wanted);
  found_id integer;
BEGIN
  SELECT j.id INTO found_id
    FROM jobd.queue q JOIN public.jobs j ON j.id = q.job_id
   WHERE q.co_id = wanted_co AND j.plugin = wanted_plugin AND j.id IS DISTINCT FROM besides
     AND (j.parameters IS NOT DISTINCT FROM wanted OR jobd.parameters_value(j.parameters) = value)
   ORDER BY j.id LIMIT 1;
  IF found_id IS NULL THEN
    SELECT j.id INTO found_id
      FROM public.jobs j
     WHERE j.co_id = wanted_co AND j.status IN ('A', 'GO') AND j.job_id IS NULL
       AND j.deleted IS NOT TRUE AND j.plugin = wanted_plugin AND j.id IS DISTINCT FROM besides
       AND (j.parameters IS NOT DISTINCT FROM wanted OR jobd.parameters_value(j.parameters) = value)
     ORDER BY j.id LIMIT 1;
  END IF;
  RETURN found_id;
END $$;

-- One registration of a CO at a time, to the end of the transaction.
CREATE FUNCTION jobd.register_lock(co integer) RETURNS void LANGUAGE sql VOLATILE
  AS $$ SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('registry-jobd register', co)) $$;

-- The successor of a job that became final: the requeue of a Complete one, the retry of a Failed
-- one. One that would be a duplicate is refused, and a history record names the job that waits
-- already. `final` is the new status, which the caller's own statement may just be writing.
CREATE FUNCTION jobd.follow(finished integer, final text, OUT successor integer,
                            OUT start_after timestamp, OUT waiting integer)
  LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  j record;
  delay integer;
BEGIN
  SELECT * INTO j FROM public.jobs WHERE id = finished;
  IF final = 'OK' AND j.requeue_interval > 0 THEN
    delay := j.requeue_interval;
    j.retry_count := CASE WHEN j.max_retry IS NOT NULL THEN 0 END;
  ELSIF final = 'X' AND j.retry_interval > 0
        AND (COALESCE(j.max_retry, 0) <= 0 OR COALESCE(j.retry_count, 0) < j.max_retry) THEN
    delay := j.retry_interval;
    j.retry_count := LEAST(COALESCE(j.retry_count, 0), 2147483646) + 1;
  ELSE
    RETURN;
  END IF;

  PERFORM jobd.register_lock(j.co_id);
  waiting := jobd.same_job(j.co_id, j.plugin, j.parameters, j.id);
  IF waiting IS NOT NULL THEN
    INSERT INTO public.job_history_records
           (job_id, comment, status, created, modified, revision, deleted, actor_identifier)
    VALUES (j.id, 'not queued again: job ' || waiting || ' with the same parameters already waits',
            'NT', jobd.utc_now(), jobd.utc_now(), 0, false, 'registry-jobd');
    RETURN;
  END IF;
  -- A successor that cannot be stored must not keep the job itself from its end.
  BEGIN
    -- step: register (-> Q)
    INSERT INTO public.jobs
           (co_id, plugin, parameters, requeue_interval, retry_interval, max_retry, retry_count,
            status, register_summary, register_time, start_after_time, requeued_from_job_id,
            created, modified, revision, deleted, actor_identifier)
    VALUES (j.co_id, j.plugin, j.parameters, j.requeue_interval, j.retry_interval, j.max_retry,
            j.retry_count, 'Q', j.register_summary, jobd.utc_now(),
            jobd.utc_now() + make_interval(secs => delay), j.id,
            jobd.utc_now(), jobd.utc_now(), 0, false, 'registry-jobd')
    RETURNING id, start_after_time INTO successor, start_after;
  EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception
              OR insufficient_privilege OR triggered_action_exception THEN
    INSERT INTO public.job_history_records
           (job_id, comment, status, created, modified, revision, deleted, actor_identifier)
    VALUES (j.id, left('could not be queued again: ' || SQLERRM, 256), 'X', jobd.utc_now(),
            jobd.utc_now(), 0, false, 'registry-jobd');
  END;
END $$;

-- Which of `ids` are not live rows of `table_name` in that CO. Raises when the table is
-- not there or does not say which CO its rows belong to. It runs with its owner's rights,
-- because which tables a plugin's parameters name is not known beforehand, and tells ids only.
CREATE FUNCTION jobd.foreign_ids(table_name text, co integer, ids integer[])
  RETURNS SETOF integer LANGUAGE plpgsql STABLE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target oid := to_regclass(format('public.%I', table_name));
  live text := '';
  belongs text;
  attribute text;
BEGIN
  IF target IS NULL THEN
    RAISE EXCEPTION 'table "%" does not exist', table_name USING ERRCODE = 'undefined_table';
  END IF;
  FOR attribute IN SELECT attname FROM pg_attribute WHERE attrelid = target AND attnum > 0
                                                      AND NOT attisdropped LOOP
    IF attribute = 'co_id' THEN
      belongs := 't.co_id = $2';
    ELSIF attribute = 'person_id' AND table_name <> 'people' AND belongs IS NULL THEN
      belongs := 'EXISTS (SELECT FROM public.people p WHERE p.id = t.person_id AND p.co_id = $2)';
    ELSIF attribute = 'deleted' THEN
      live := live || ' AND t.deleted IS NOT TRUE';
    END IF;
    -- The pointer of the changelog has the table's name in the singular.
    IF (table_name = 'people' AND attribute = 'person_id')
       OR (attribute LIKE '%\_id' AND table_name IN
           (left(attribute, -3) || 's', regexp_replace(left(attribute, -3), 'y$', '') || 'ies')) THEN
      live := live || format(' AND t.%I IS NULL', attribute);
    END IF;
  END LOOP;
  IF belongs IS NULL THEN
    RAISE EXCEPTION 'table "%" does not say which CO its rows belong to', table_name
      USING ERRCODE = 'undefined_column';
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT i FROM unnest($1) i WHERE NOT EXISTS (SELECT FROM public.%I t WHERE t.id = i AND %s%s)',
    table_name, belongs, live) USING ids, co;
END $$;
