-- name: members_remove
-- These people lose the memberships of the target that they have through nestings; what somebody
-- gave them directly stays. No archive copies, as everywhere; "+ 0" as in members_add.
-- params: int4 (target group), int4 (nesting, not used), int4[] (people)
-- result: one row per person who had one: person_id int4
WITH removed AS (
  UPDATE public.group_members m
     SET deleted = true, modified = date_trunc('second', clock_timestamp()::timestamp),
         revision = LEAST(COALESCE(m.revision, 0), 2147483646) + 1,
         actor_identifier = 'registry-jobd'
   WHERE m.person_id = ANY ($3) AND m.group_id + 0 = $1 AND m.group_nesting_id IS NOT NULL
     AND m.group_member_id IS NULL AND m.deleted IS NOT TRUE
  RETURNING m.person_id)
SELECT DISTINCT r.person_id
  FROM removed r
 ORDER BY r.person_id
