-- 0006: peers are judged by what changes, and a command's job is known by its id
--
-- Others take a supervisor for dead when `renewals` has not changed for a lease of their own clocks:
-- the database's clock, which somebody may set, decides nothing. `seen` is for people to look at.
-- job_id is the job that `registry-job -s` runs, noted in the transaction that registers the job; 0
-- is none, and NULL a daemon or command of an earlier version, which notes nothing.
ALTER TABLE jobd.supervisor ADD COLUMN renewals bigint NOT NULL DEFAULT 0,
                            ADD COLUMN job_id integer;

-- Daemons of the version before write `seen` with each renewal, and do not count.
CREATE FUNCTION jobd.count_renewal() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.renewals := OLD.renewals % 4611686018427387904 + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER count_renewal BEFORE UPDATE OF seen ON jobd.supervisor FOR EACH ROW
  WHEN (NEW.renewals = OLD.renewals) EXECUTE FUNCTION jobd.count_renewal();
