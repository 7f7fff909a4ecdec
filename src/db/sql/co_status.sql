-- name: co_status
-- params: int4 (co_id)
-- result: 0..1 rows: status text
SELECT c.status FROM public.cos c
 WHERE c.id = $1 AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
