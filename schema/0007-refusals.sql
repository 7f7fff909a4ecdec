-- 0007: what the server refuses
--
-- A job that cannot be assigned (a trigger of the site raises, a constraint does not hold) is noted in
-- the lane of its CO: in the server's words, since when, and when it is tried again. Everybody who
-- reaches the database can quote the words, and every daemon waits. The note counts only while that
-- job is the first one of its CO, so that nobody has to take it back.
ALTER TABLE jobd.lane
  ADD COLUMN refused_job integer,
  ADD COLUMN refused_words text,
  ADD COLUMN refused_since timestamptz,
  ADD COLUMN refusals integer,
  ADD COLUMN retry_at timestamptz;
CREATE INDEX lane_retry ON jobd.lane (retry_at) WHERE retry_at IS NOT NULL;
