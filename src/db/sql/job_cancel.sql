-- name: job_cancel
-- Canceled, at once when Queued; a running plugin hears of it through the trigger.
-- params: int4 (id), text (finish summary), text (actor)
-- result: 0..1 rows: the status before text, co_id int4, plugin text; no row when the job is final or not there
WITH old AS (
  SELECT j.id, j.status FROM public.jobs j
   WHERE j.id = $1 AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
     FOR UPDATE
)
UPDATE public.jobs j
   SET status = 'CX', finish_summary = $2, finish_time = jobd.utc_now(),
       modified = jobd.utc_now(), revision = COALESCE(j.revision, 0) + 1, actor_identifier = $3
  FROM old
 WHERE j.id = old.id AND old.status IN ('Q', 'A', 'GO') AND j.status = old.status
RETURNING old.status, j.co_id, j.plugin
