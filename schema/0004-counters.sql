-- 0004: what each supervisor has counted
--
-- Written with its renewals, so that everybody who reaches the database can watch all hosts without
-- asking them. The counts begin with the process; NULL until they were first written. The names in
-- it are those of src/core/counters.h.
ALTER TABLE jobd.supervisor ADD COLUMN counters jsonb;
