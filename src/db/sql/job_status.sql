-- name: job_status
-- What became of a job that was not as expected.
-- params: int4 (id)
-- result: 0..1 rows: status text, finish_summary text
SELECT j.status, j.finish_summary FROM public.jobs j WHERE j.id = $1
