-- name: job_status
-- What became of a job that was not as expected.
-- params: int4 (id)
-- result: 0..1 rows: status text
SELECT j.status FROM public.jobs j WHERE j.id = $1
