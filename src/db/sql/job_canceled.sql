-- name: job_canceled
-- Which of these jobs were canceled: the poll behind the notifications.
-- params: int4[] (ids)
-- result: 0..n rows: id int4
SELECT j.id FROM public.jobs j WHERE j.id = ANY ($1::int4[]) AND j.status = 'CX'
