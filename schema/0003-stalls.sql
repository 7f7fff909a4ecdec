-- 0003: stalled work is visible to everybody
--
-- The supervisor notes here that a job of its lane shows no sign of life, and since when. The
-- note counts only while the lane's worker has that very job, so that nobody has to take it back
-- in a hurry.
ALTER TABLE jobd.lane ADD COLUMN stalled_job integer, ADD COLUMN stalled_since timestamptz;
