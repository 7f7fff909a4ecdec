-- 0014: registrations that are made once
--
-- A registration may have a key, such as the name of a schedule and its time. The key is stored with
-- the job, in one transaction: whoever registers with the same key later, on whichever host, gets that
-- job and no other. What the key of a schedule must outlive is the time until its next one; the
-- registration itself drops what is older (job_register.sql).
CREATE TABLE jobd.registration (
  key           text COLLATE "C" PRIMARY KEY,
  series        text COLLATE "C",      -- what stands before the last '@' of the key; NULL: no '@'
  job_id        integer     NOT NULL,  -- of public.jobs, where it may be gone
  registered_at timestamptz NOT NULL
);
CREATE INDEX registration_series ON jobd.registration (series, registered_at);
CREATE INDEX registration_age ON jobd.registration (registered_at);
