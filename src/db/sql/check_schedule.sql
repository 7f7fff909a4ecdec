-- name: check_schedule
-- What is known of the job of a schedule.
-- params: int4 (co_id), text (model)
-- result: 1 row: status of the CO text, or NULL without such a CO; the model is provided bool
SELECT (SELECT c.status FROM public.cos c
         WHERE c.id = $1 AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE),
       jobd.is_provided($2, NULL)
