-- name: settle_job
-- An administrator ends a job that no daemon and no command runs: the job becomes Failed, its retry is
-- queued, and a history record says who did it. Status, host and PID must be as they were shown.
-- step: worker lost (A,GO -> X)
-- params: int4 (id), text (status), text (host), int4 (pid), text (finish summary),
--         text (comment of the record), text (actor)
-- result: 0..1 rows: id int4, successor int4, its start_after_time text, waiting int4, held text (NULL: what a
--         person ends is not counted)
WITH settled AS (
  UPDATE public.jobs j
     SET status = 'X',
         finish_summary = CASE WHEN j.requeue_interval > 0
                               THEN jobd.last_summary($5::text, j.id::int4, j.retry_interval, j.max_retry, j.retry_count)
                               ELSE $5::text END,
         finish_time = jobd.registry_now(),
         modified = jobd.registry_now(), revision = LEAST(COALESCE(j.revision, 0), 2147483646) + 1,
         actor_identifier = $7
   WHERE j.id = $1 AND j.status = $2 AND j.status IN ('A', 'GO')
     AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
     AND j.assigned_host IS NOT DISTINCT FROM $3 AND j.assigned_pid IS NOT DISTINCT FROM $4
  RETURNING j.id, j.retry_interval, j.requeue_interval
), noted AS (
  INSERT INTO public.job_history_records
         (job_id, record_key, comment, status, created, modified, revision, deleted,
          actor_identifier)
  SELECT s.id, 'registry-jobd: settled', $6, 'NT', jobd.registry_now(), jobd.registry_now(), 0, false, $7
    FROM settled s
)
SELECT s.id, n.successor, jobd.utc(n.start_after)::text, n.waiting, NULL::text
  FROM settled s LEFT JOIN LATERAL jobd.follow(s.id, 'X') n ON s.retry_interval > 0 OR s.requeue_interval > 0
