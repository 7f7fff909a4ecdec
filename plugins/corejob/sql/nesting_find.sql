-- name: nesting_find
-- params: int4 (nested group), int4 (target group)
-- result: 0..1 rows: id int4
SELECT n.id
  FROM public.group_nestings n
 WHERE n.group_id = $1 AND n.target_group_id = $2
   AND n.group_nesting_id IS NULL AND n.deleted IS NOT TRUE
 ORDER BY n.id
 LIMIT 1
