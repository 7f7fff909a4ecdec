-- name: nesting_above
-- The groups that gain the target's members, directly or through others. UNION ends the search
-- even where there is a loop already.
-- params: int4 (nested group), int4 (target group)
-- result: 1 row: how many int4, holds_nested int4
WITH RECURSIVE above (id) AS (
  SELECT n.target_group_id
    FROM public.group_nestings n
   WHERE n.group_id = $2 AND n.group_nesting_id IS NULL AND n.deleted IS NOT TRUE
   UNION
  SELECT n.target_group_id
    FROM above a
    JOIN public.group_nestings n ON n.group_id = a.id
   WHERE n.group_nesting_id IS NULL AND n.deleted IS NOT TRUE)
SELECT count(*)::integer, COALESCE(bool_or(a.id = $1), false)::integer
  FROM above a
