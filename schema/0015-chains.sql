-- 0015: periodic chains that end
--
-- A job with a requeue interval is queued again when it was Complete. One that fails for good ended its
-- chain without a word: the nightly synchronisation stopped, and nobody was told. The end is said in the
-- summary and in the history of the job, and is kept for 30 days for those who ask; a chain may also be
-- one that goes on after a failure.

CREATE TABLE jobd.chain_end (
  job_id integer PRIMARY KEY,
  co_id integer,
  model text,
  ended timestamptz NOT NULL
);
CREATE INDEX chain_end_ended ON jobd.chain_end (ended);

-- The job of each chain that goes on after a failure: the one that waits or runs. What becomes final
-- hands its row on; a canceled job keeps it for its retry (job_retry.sql).
CREATE TABLE jobd.requeue_always (job_id integer PRIMARY KEY);

CREATE FUNCTION jobd.has_retry(retry_interval integer, max_retry integer, retry_count integer) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT (retry_interval > 0 AND (COALESCE(max_retry, 0) <= 0 OR COALESCE(retry_count, 0) < max_retry)) IS TRUE
$$;

-- The summary of a periodic job that has failed: `words`, and that its chain ends, if that is so.
CREATE FUNCTION jobd.last_summary(words text, failed integer, retry_interval integer, max_retry integer,
                                  retry_count integer) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN jobd.has_retry(retry_interval, max_retry, retry_count)
                   OR EXISTS (SELECT FROM jobd.requeue_always a WHERE a.job_id = failed)
              THEN words
              ELSE "left"(words, 220) || '; its periodic chain ends here' END
$$;

-- Keeps that a chain ended with this job; the caller has noted why. Nothing that goes wrong in here keeps
-- the job from its end.
CREATE FUNCTION jobd.end_chain(last integer, co integer, plugin text) RETURNS void LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM jobd.chain_end e
   WHERE e.job_id IN (SELECT o.job_id FROM jobd.chain_end o
                       WHERE o.ended < clock_timestamp() - interval '30 days' ORDER BY o.ended LIMIT 100);
  INSERT INTO jobd.chain_end (job_id, co_id, model, ended) VALUES (last, co, left(plugin, 256), clock_timestamp())
  ON CONFLICT DO NOTHING;
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
  RAISE WARNING 'job %: the end of its chain could not be kept: %', last, SQLERRM;
END $$;

-- As in 0008, but for the end of a chain, and for those that go on.
CREATE OR REPLACE FUNCTION jobd.follow_on(finished integer, final text, insists boolean,
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
  ELSIF final = 'X' AND jobd.has_retry(j.retry_interval, j.max_retry, j.retry_count) THEN
    delay := j.retry_interval;
    j.retry_count := LEAST(COALESCE(j.retry_count, 0), 2147483646) + 1;
  ELSIF final = 'X' AND j.requeue_interval > 0
        AND EXISTS (SELECT FROM jobd.requeue_always a WHERE a.job_id = finished) THEN
    delay := j.requeue_interval;
    j.retry_count := CASE WHEN j.max_retry IS NOT NULL THEN 0 END;
  ELSE
    IF final = 'X' AND j.requeue_interval > 0 THEN
      PERFORM jobd.note(finished, 'its periodic chain ends here: it is queued again only when it was complete; '
                                  || 'registry-job retry ' || finished || ' begins it again', 'X');
      PERFORM jobd.end_chain(finished, j.co_id::integer, j.plugin);
    END IF;
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
        IF j.requeue_interval > 0
           AND NOT EXISTS (SELECT FROM public.jobs w WHERE w.id = waiting AND w.requeue_interval > 0) THEN
          PERFORM jobd.end_chain(finished, j.co_id::integer, j.plugin);
        END IF;
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
            j.retry_count, 'Q', j.register_summary, jobd.registry_now(),
            jobd.registry_now() + make_interval(secs => delay), j.id,
            jobd.registry_now(), jobd.registry_now(), 0, false, 'registry-jobd')
    RETURNING id, start_after_time INTO successor, start_after;
    UPDATE jobd.requeue_always a SET job_id = successor WHERE a.job_id = finished;
    SET CONSTRAINTS ALL IMMEDIATE;  -- here, and not at the commit
  EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
    IF insists AND SQLSTATE ~ '^(40|53|55P03|57014|58)' THEN
      RAISE;
    END IF;
    successor := NULL;
    start_after := NULL;
    PERFORM jobd.note(finished, 'could not be queued again: ' || SQLERRM, 'X');
    IF j.requeue_interval > 0 THEN
      PERFORM jobd.end_chain(finished, j.co_id::integer, j.plugin);
    END IF;
    RETURN;
  END;
  IF unchecked IS NOT NULL THEN
    PERFORM jobd.note(finished, format('queued again as job %s, which may be a duplicate: not looked '
                                   'at, because %s', successor, unchecked), 'NT');
  END IF;
END $$;
