-- name: history_list
-- The history of one job, oldest first.
-- params: int4 (job id), int4 (ids above this), int4 (how many)
-- result: 0..n rows
SELECT h.id, jobd.utc(h.created) AS created, h.status, h.record_key, h.comment, h.person_id,
       h.external_identity_id
  FROM public.job_history_records h
 WHERE h.job_id = $1 AND h.job_history_record_id IS NULL AND h.deleted IS NOT TRUE AND h.id > $2
 ORDER BY h.id LIMIT $3
