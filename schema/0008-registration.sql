-- 0008: registrations and successors: a lock that is ours alone, a bounded look for the same job,
-- and no successor that keeps a job from its end
--
-- The functions of 0002 keep their names and parameters: programs of the version before call them.

-- Jobs of one CO that wait for their time; those that are ready have queue_ready. Only statements
-- that say co_id > 0 can use this index: queue_promote must not read it instead of queue_due.
CREATE INDEX queue_later ON jobd.queue (co_id) WHERE NOT ready AND co_id > 0;

-- What one transaction at a time may do for a CO. A row is locked, and never changed. Anybody who
-- can connect may take an advisory lock; a row takes a right on its table.
CREATE TABLE jobd.co_lock (
  co_id   integer,
  purpose text CHECK (purpose IN ('register', 'nest')),
  PRIMARY KEY (co_id, purpose)
);

-- Locks to the end of the transaction; false when lock_timeout was not enough.
CREATE FUNCTION jobd.try_lock_co(co integer, wanted text) RETURNS boolean LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM jobd.co_lock l WHERE l.co_id = co AND l.purpose = wanted
      FOR NO KEY UPDATE SKIP LOCKED;
  IF FOUND THEN
    RETURN true;
  END IF;
  BEGIN  -- a block that can catch costs a transaction id: only where it may have to
    INSERT INTO jobd.co_lock (co_id, purpose) VALUES (co, wanted) ON CONFLICT DO NOTHING;
    PERFORM FROM jobd.co_lock l WHERE l.co_id = co AND l.purpose = wanted FOR NO KEY UPDATE;
    RETURN FOUND;
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN false;
  END;
END $$;

-- As jobd.try_lock_co(), for callers that cannot do without: says who has the lock.
CREATE FUNCTION jobd.lock_co(co integer, wanted text, patience text) RETURNS void
  LANGUAGE plpgsql VOLATILE
  SET lock_timeout = 0  -- what is set inside ends with the function
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  holder record;
BEGIN
  PERFORM set_config('lock_timeout', patience, true);
  IF jobd.try_lock_co(co, wanted) THEN
    RETURN;
  END IF;
  -- Who has the row; or, while its first transaction is under way, the only one that inserts one.
  SELECT a.pid, concat_ws(', ', a.usename, NULLIF(a.application_name, ''), a.state) AS words
    INTO holder
    FROM jobd.co_lock k
    JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = k.xmax AND l.granted
    JOIN pg_stat_activity a ON a.pid = l.pid
   WHERE k.co_id = co AND k.purpose = wanted;
  IF NOT FOUND THEN
    SELECT min(a.pid) AS pid,
           min(concat_ws(', ', a.usename, NULLIF(a.application_name, ''), a.state)) AS words
      INTO holder
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.relation = 'jobd.co_lock'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
       AND a.datname = current_database() AND l.pid <> pg_backend_pid()
       AND NOT EXISTS (SELECT FROM jobd.co_lock k WHERE k.co_id = co AND k.purpose = wanted)
    HAVING count(*) = 1;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_in_use', MESSAGE =
    format('CO %s is locked in jobd.co_lock (to %s) for longer than %s, by ', co, wanted, patience)
    || CASE WHEN holder.pid IS NULL THEN 'a transaction that is gone, prepared, or one of several: '
            || 'try again, or look into pg_stat_activity and pg_prepared_xacts'
            ELSE format('PID %s (%s); if it does not end, SELECT pg_terminate_backend(%s) ends it',
                        holder.pid, holder.words, holder.pid) END;
END $$;

-- One registration of a CO at a time, to the end of the transaction.
CREATE OR REPLACE FUNCTION jobd.register_lock(co integer) RETURNS void LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$ BEGIN PERFORM jobd.lock_co(co, 'register', '5s'); END $$;

-- Parameters as a JSON value: the empty ones are equal, and NULL is what is not JSON, or cannot be
-- read in the encoding of this database.
CREATE OR REPLACE FUNCTION jobd.parameters_value(stored text) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF stored IS NULL OR stored IN ('', '[]', '{}') THEN
    RETURN '{}';
  END IF;
  RETURN stored::jsonb;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

-- The live job that waits with the same CO, plugin and parameters, `besides` excepted, or NULL; for
-- a registration also one that runs. (What runs beside a job that ends was started by hand: it
-- continues no chain, and ends none.) Callers lock the CO in a statement before, so that two of
-- them cannot both see none.
--
-- The work is bounded, for a successor more than for a person who waits: so many rows, so much
-- time. is_decided is false when that was not enough. Parameters above 1 MiB are not compared: such
-- a job is refused before it runs. Nor are those of very different sizes: no writer of JSON makes a
-- value four times as long as another one does, but for a few blanks.
CREATE FUNCTION jobd.find_same(wanted_co integer, wanted_plugin text, wanted text, besides integer,
                               for_successor boolean, OUT same integer, OUT is_decided boolean)
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  most integer := CASE WHEN for_successor THEN 10000 ELSE 1000000 END;
  until timestamptz := clock_timestamp()
                       + CASE WHEN for_successor THEN interval '0.5 s' ELSE interval '5 s' END;
  max_size CONSTANT integer := 1048576;
  size integer := COALESCE(octet_length(wanted), 0);
  least_size integer := (size - 256) / 4;
  most_size integer := LEAST(size::bigint * 4 + 256, max_size);
  value jsonb;
  has_value boolean := false;
  candidates refcursor;
  other record;
BEGIN
  is_decided := false;
  IF size > max_size THEN
    RETURN;
  END IF;
  FOR pass IN 1 .. CASE WHEN for_successor THEN 1 ELSE 2 END LOOP
    IF pass = 1 THEN
      OPEN candidates FOR
        SELECT j.id, j.parameters, q.n = most AS is_end
          FROM (SELECT w.job_id, row_number() OVER () AS n
                  FROM (SELECT r.job_id FROM jobd.queue r WHERE r.co_id = wanted_co AND r.ready
                         UNION ALL
                        SELECT l.job_id FROM jobd.queue l
                         WHERE l.co_id = wanted_co AND NOT l.ready AND l.co_id > 0) w
                 LIMIT most) q
          LEFT JOIN LATERAL (SELECT i.id, i.plugin, i.parameters FROM public.jobs i
                              WHERE i.id = q.job_id OFFSET 0) j ON true
         WHERE q.n = most
            OR (j.plugin = wanted_plugin AND j.id IS DISTINCT FROM besides
                AND COALESCE(octet_length(j.parameters), 0) BETWEEN least_size AND most_size);
    ELSE
      OPEN candidates FOR
        SELECT r.id, r.parameters, r.n = most AS is_end
          FROM (SELECT *, row_number() OVER () AS n FROM public.jobs i
                 WHERE i.co_id = wanted_co LIMIT most) r
         WHERE r.n = most
            OR (r.status IN ('A', 'GO') AND r.job_id IS NULL AND r.deleted IS NOT TRUE
                AND r.plugin = wanted_plugin AND r.id IS DISTINCT FROM besides
                AND COALESCE(octet_length(r.parameters), 0) BETWEEN least_size AND most_size);
    END IF;
    LOOP
      FETCH candidates INTO other;
      EXIT WHEN NOT FOUND;
      IF other.is_end OR clock_timestamp() > until THEN
        RETURN;
      END IF;
      IF NOT has_value THEN
        value := jobd.parameters_value(wanted);
        has_value := true;
      END IF;
      IF other.parameters IS NOT DISTINCT FROM wanted
         OR jobd.parameters_value(other.parameters) = value THEN
        same := other.id;
        is_decided := true;
        RETURN;
      END IF;
    END LOOP;
    CLOSE candidates;
  END LOOP;
  is_decided := true;
END $$;

-- Programs of the version before register what was not decided.
CREATE OR REPLACE FUNCTION jobd.same_job(wanted_co integer, wanted_plugin text, wanted text,
                                         besides integer)
  RETURNS integer LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.same FROM jobd.find_same(wanted_co, wanted_plugin, wanted, besides, false) f
$$;

-- A history record about the end of a job. When it cannot be stored, the server's log has its words.
CREATE FUNCTION jobd.note(job integer, words text, kind text) RETURNS void LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.job_history_records
         (job_id, comment, status, created, modified, revision, deleted, actor_identifier)
  VALUES (job, left(words, 256), kind, jobd.utc_now(), jobd.utc_now(), 0, false, 'registry-jobd');
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
  RAISE WARNING 'job %: %; its history could not take this: %', job, words, SQLERRM;
END $$;

-- The successor of a job that became final: the requeue of a Complete one, the retry of a Failed
-- one. One that would be a duplicate is refused, and a history record names the job that waits
-- already. Where that could not be found out, the successor is queued: a duplicate is normal data,
-- a chain that ends is not. `final` is the new status, which the caller's own statement may just be
-- writing.
--
-- Nothing that goes wrong in here keeps the job itself from its end; a record says what it was.
-- With `insists`, what time may mend is raised: the caller tries the whole transaction again.
CREATE FUNCTION jobd.follow_on(finished integer, final text, insists boolean,
                               OUT successor integer, OUT start_after timestamp,
                               OUT waiting integer)
  LANGUAGE plpgsql VOLATILE
  SET lock_timeout = '1s' SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  j record;
  delay integer;
  is_decided boolean;
  unchecked text;
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

  BEGIN
    IF NOT jobd.try_lock_co(j.co_id::integer, 'register') THEN
      unchecked := 'another registration of its CO did not end within 1 s';
    END IF;
    BEGIN
      SELECT f.same, f.is_decided INTO waiting, is_decided
        FROM jobd.find_same(j.co_id::integer, j.plugin, j.parameters, finished, true) f;
      IF waiting IS NOT NULL THEN
        PERFORM jobd.note(finished, 'not queued again: job ' || waiting
                                || ' with the same parameters already waits', 'NT');
        RETURN;
      ELSIF NOT is_decided THEN
        unchecked := 'too many jobs wait in its CO, or with too long parameters';
      END IF;
    EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
      IF insists AND SQLSTATE = '57014' THEN
        RAISE;
      END IF;
      unchecked := SQLERRM;
    END;
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
    SET CONSTRAINTS ALL IMMEDIATE;  -- here, and not at the commit
  EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
    IF insists AND SQLSTATE ~ '^(40|53|55P03|57014|58)' THEN
      RAISE;
    END IF;
    successor := NULL;
    start_after := NULL;
    PERFORM jobd.note(finished, 'could not be queued again: ' || SQLERRM, 'X');
    RETURN;
  END;
  IF unchecked IS NOT NULL THEN
    PERFORM jobd.note(finished, format('queued again as job %s, which may be a duplicate: not looked '
                                   'at, because %s', successor, unchecked), 'NT');
  END IF;
END $$;

CREATE OR REPLACE FUNCTION jobd.follow(finished integer, final text, OUT successor integer,
                                       OUT start_after timestamp, OUT waiting integer)
  LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.successor, f.start_after, f.waiting FROM jobd.follow_on(finished, final, false) f
$$;
