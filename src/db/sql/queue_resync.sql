-- name: queue_resync
-- Repairs jobd.queue after jobs were written while the triggers were disabled. Reads all jobs.
-- params: none
-- result: 1 row: int8, how many rows were wrong; int4, the highest id of jobs (0: there is none)
SELECT jobd.resync(),
       COALESCE((SELECT max(j.id) FROM public.jobs j WHERE j.id <= 2147483647), 0)
