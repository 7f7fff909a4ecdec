-- name: nesting_add
-- params: int4 (nested group), int4 (target group), int4 (negate)
-- result: 1 row: id int4
INSERT INTO public.group_nestings
       (group_id, target_group_id, negate, created, modified, revision, deleted, actor_identifier)
SELECT $1, $2, $3 <> 0, t.now, t.now, 0, false, 'registry-jobd'
  FROM (SELECT date_trunc('second', clock_timestamp()::timestamp)) t (now)
RETURNING id
