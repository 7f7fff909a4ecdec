-- name: members_find
-- The people who are members of a group now, directly or through nestings. All at once: in slices,
-- a planner with old statistics reads the whole group for each of them.
-- params: int4 (group)
-- result: one row per person, in order: int4
SELECT DISTINCT m.person_id
  FROM public.group_members m
 WHERE m.group_id = $1 AND m.person_id IS NOT NULL
   AND m.group_member_id IS NULL AND m.deleted IS NOT TRUE
   AND (m.valid_from IS NULL OR m.valid_from <= now()::timestamp)
   AND (m.valid_through IS NULL OR m.valid_through >= now()::timestamp)
 ORDER BY m.person_id
