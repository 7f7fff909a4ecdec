-- name: settle_job
-- A job that nobody of ours runs becomes Failed by an administrator's word, with the retry that it
-- may have and a history record. Status, host and PID are those of the evidence that was shown.
-- params: int4 (id), text (status), text (host), int4 (pid), text (finish summary),
--         text (comment of the record), text (actor)
-- result: 0..1 rows: id int4, successor int4, its start_after_time text, waiting int4
WITH settled AS (
  UPDATE public.jobs j
     SET status = 'X', finish_summary = $5, finish_time = jobd.utc_now(),
         modified = jobd.utc_now(), revision = COALESCE(j.revision, 0) + 1, actor_identifier = $7
   WHERE j.id = $1 AND j.status = $2 AND j.status IN ('A', 'GO')
     AND (j.job_id IS NULL) IS TRUE AND j.deleted IS NOT TRUE
     AND j.assigned_host IS NOT DISTINCT FROM $3 AND j.assigned_pid IS NOT DISTINCT FROM $4
  RETURNING j.id, j.retry_interval
), noted AS (
  INSERT INTO public.job_history_records
         (job_id, record_key, comment, status, created, modified, revision, deleted,
          actor_identifier)
  SELECT s.id, 'registry-jobd: settled', $6, 'NT', jobd.utc_now(), jobd.utc_now(), 0, false, $7
    FROM settled s
)
SELECT s.id, n.successor, n.start_after::text, n.waiting
  FROM settled s LEFT JOIN LATERAL jobd.follow(s.id, 'X') n ON s.retry_interval > 0
