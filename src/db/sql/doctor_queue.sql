-- name: doctor_queue
-- jobd.queue against its definition, and the rows that nobody made ready in time. Reads all jobs.
-- params: none
-- result: 1 row: missing int8, superfluous int8, late int8
SELECT (SELECT count(*) FROM public.jobs j
         WHERE j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
           AND NOT EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id)),
       (SELECT count(*) FROM jobd.queue q
         WHERE NOT EXISTS (SELECT FROM public.jobs j
                            WHERE j.id = q.job_id AND j.co_id = q.co_id
                              AND j.start_after_time IS NOT DISTINCT FROM q.due
                              AND j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE)),
       (SELECT count(*) FROM jobd.queue q
         WHERE NOT q.ready AND q.due < clock_timestamp() AT TIME ZONE 'UTC' - interval '1 minute')
