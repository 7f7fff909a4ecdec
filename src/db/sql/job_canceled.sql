-- name: job_canceled
-- Those of the given jobs that were canceled. A poll, in case that a notification was lost.
-- params: int4[] (ids)
-- result: 0..n rows: id int4
SELECT j.id FROM public.jobs j WHERE j.id = ANY ($1::int4[]) AND j.status = 'CX'
