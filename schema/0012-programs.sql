-- 0012: models whose program has to run before a job is claimed, and why models are not here
--
-- A job that is Assigned can only be run or failed. So a job whose program has to be started, and may
-- not start (a Registry that is being deployed, for example), is claimed only by a worker in which the
-- program runs. While it does not start, the supervisor withdraws its models and says why.

ALTER TABLE jobd.model ADD COLUMN starts_first boolean NOT NULL
  GENERATED ALWAYS AS (COALESCE(description -> 'starts_first' = 'true', false)) STORED;

-- Why models that its configuration names are not among those that it provides; NULL: they all are.
ALTER TABLE jobd.supervisor ADD COLUMN problem text;
