-- name: members_add
-- These people become members of the target, unless they are already or a negated nesting keeps
-- them out. Written so that only the index on person_id can serve ("+ 0", and OFFSET 0 against
-- joins): one that begins with group_id looks best while the statistics say that the target has
-- no members, and then reads all that this job has added, for each batch.
-- params: int4 (target group), int4 (nesting), int4[] (people)
-- result: one row per person who was not a member: person_id int4
INSERT INTO public.group_members
       (group_id, person_id, group_nesting_id, created, modified, revision, deleted,
        actor_identifier)
SELECT $1, p.id, $2, t.now, t.now, 0, false, 'registry-jobd'
  FROM unnest($3) p (id),
       (SELECT date_trunc('second', clock_timestamp()::timestamp)) t (now)
 WHERE NOT EXISTS (
       SELECT FROM public.group_members m
        WHERE m.person_id = p.id AND m.group_id + 0 = $1
          AND m.group_member_id IS NULL AND m.deleted IS NOT TRUE
          AND (m.valid_from IS NULL OR m.valid_from <= now()::timestamp)
          AND (m.valid_through IS NULL OR m.valid_through >= now()::timestamp)
       OFFSET 0)
   AND NOT EXISTS (
       SELECT FROM public.group_nestings n
         JOIN public.group_members m ON m.group_id + 0 = n.group_id
        WHERE n.target_group_id = $1 AND n.negate
          AND n.group_nesting_id IS NULL AND n.deleted IS NOT TRUE
          AND m.person_id = p.id
          AND m.group_member_id IS NULL AND m.deleted IS NOT TRUE
          AND (m.valid_from IS NULL OR m.valid_from <= now()::timestamp)
          AND (m.valid_through IS NULL OR m.valid_through >= now()::timestamp)
       OFFSET 0)
RETURNING person_id
