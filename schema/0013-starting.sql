-- 0013: which jobs may start: what is held, and what is in the way of workers
--
-- A person holds a CO, a model, or everything: nothing new starts until it is released, or until its
-- time has come; what runs goes on. The claim itself asks, so that a hold that was committed holds on
-- all hosts, whether daemons run or not.

CREATE TABLE jobd.hold (
  co_id integer NOT NULL CHECK (co_id >= 0), -- 0: every CO
  model text NOT NULL,                       -- "Plugin.Model", or "Plugin" for all of its; '': every model
  reason text NOT NULL,
  actor text NOT NULL,
  since timestamptz NOT NULL,
  until timestamptz,                         -- NULL: until it is released
  PRIMARY KEY (co_id, model)
);

-- Those that hold up a job of this CO and this model now.
-- (A function of rows in a FROM clause becomes a part of the statement, which is then planned as a
-- whole, where one of a value would be called. For that it must be STABLE and set nothing: everything
-- is named with its schema.)
CREATE FUNCTION jobd.holds_on(wanted_co integer, wanted_model text) RETURNS SETOF jobd.hold
LANGUAGE sql STABLE AS $$
  SELECT h.* FROM jobd.hold h
   WHERE h.co_id IN (0, wanted_co)
     AND h.model IN ('', wanted_model, pg_catalog.split_part(wanted_model, '.', 1))
     AND (h.until IS NULL OR h.until > pg_catalog.statement_timestamp())
$$;

-- Why the first ready job of a CO may not start now, in one row: co (it is not active), held, model
-- (nobody here provides it), refused (the server has refused the claim, and it is not time to try
-- again); NULL: it may. `own` is the supervisor that wants to run it; without one any live daemon
-- counts. `own_generation` is that of its worker's models; NULL: the newest. Claims, looks at the
-- queue, and those who explain ask here.
CREATE FUNCTION jobd.obstacle(wanted_co integer, wanted_job integer, wanted_model text, own integer,
                              own_generation integer, OUT obstacle text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN NOT EXISTS (SELECT FROM public.cos c
                      WHERE c.id = wanted_co AND c.status = 'A' AND (c.co_id IS NULL) IS TRUE
                        AND c.deleted IS NOT TRUE)
    THEN 'co'
    WHEN EXISTS (SELECT FROM jobd.hold) -- most of the time there is none, and one look is enough
         AND EXISTS (SELECT FROM jobd.holds_on(wanted_co, wanted_model))
    THEN 'held'
    WHEN wanted_model IS DISTINCT FROM '' AND own IS NULL AND NOT jobd.is_provided(wanted_model, 0) THEN 'model'
    WHEN wanted_model IS DISTINCT FROM '' AND own IS NOT NULL
         AND NOT EXISTS (SELECT FROM jobd.model m JOIN jobd.supervisor s ON s.id = m.supervisor_id
                          WHERE m.supervisor_id = own AND m.model IN (wanted_model, '*')
                            AND COALESCE(own_generation, s.models_generation)
                                BETWEEN m.generation AND s.models_generation)
    THEN 'model'
    WHEN EXISTS (SELECT FROM jobd.lane l
                  WHERE l.co_id = wanted_co AND l.refused_job = wanted_job
                    AND l.retry_at BETWEEN pg_catalog.statement_timestamp()
                                   AND pg_catalog.statement_timestamp() + interval '1 minute')
    THEN 'refused'
  END
$$;

-- A supervisor's workers can run jobs of this model. One from before 0011 does not tell, and may.
CREATE FUNCTION jobd.provides(own integer, wanted_model text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT COALESCE(wanted_model, '') = ''
      OR EXISTS (SELECT FROM jobd.supervisor s WHERE s.id = own AND s.models_generation = 0)
      OR EXISTS (SELECT FROM jobd.model m WHERE m.supervisor_id = own AND m.model IN (wanted_model, '*'))
$$;

-- The job that the worker of a CO's lane runs, Canceled ones that have not stopped yet among them; no
-- row: none. What an earlier worker with the same PID left has another time or another actor.
CREATE FUNCTION jobd.lane_job(wanted_co integer, OUT job_id integer) RETURNS SETOF integer
LANGUAGE sql STABLE AS $$
  SELECT r.id::integer
    FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
    JOIN public.jobs r ON r.assigned_host = s.host AND r.assigned_pid = l.worker_pid
   WHERE l.co_id = wanted_co AND r.co_id IS NOT DISTINCT FROM l.co_id
     AND (jobd.utc(r.modified) >= pg_catalog.date_trunc('second', l.since AT TIME ZONE 'UTC')
          OR (r.status IN ('A', 'GO') AND r.actor_identifier = 'registry-jobd'))
     AND (r.job_id IS NULL) IS TRUE AND r.deleted IS NOT TRUE
     AND (r.status IN ('A', 'GO')
          OR (r.status = 'CX' AND r.start_time IS NOT NULL
              AND NOT EXISTS (SELECT FROM public.job_history_records h
                               WHERE h.job_id = r.id AND h.record_key = 'registry-jobd: stopped')))
   ORDER BY r.id DESC LIMIT 1
$$;

-- What has kept the workers of a supervisor from running jobs since `trouble_since`: a login that is
-- refused, a plugin that cannot be loaded, statements that fail; NULL: nothing. Whoever asks why a job
-- does not start is told, wherever he asks.
ALTER TABLE jobd.supervisor ADD COLUMN trouble text, ADD COLUMN trouble_since timestamptz;
