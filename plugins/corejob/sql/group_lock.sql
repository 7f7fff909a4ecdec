-- name: group_lock
-- A group, which nobody changes or deletes before the end of the transaction. Its name is cut and
-- cleaned for summaries, which may not be long nor hold these characters.
-- params: int4 (group_id)
-- result: 0..1 rows: co_id int4, is_active int4, is_standard int4, needs_all int4, name text
SELECT g.co_id, (g.status IS NOT DISTINCT FROM 'A')::integer,
       (g.group_type IS NOT DISTINCT FROM 'S')::integer, (g.nesting_mode_all IS TRUE)::integer,
       pg_catalog.translate(pg_catalog."left"(g.name, 60), '<>', '()')
  FROM public.groups g
 WHERE g.id = $1 AND g.group_id IS NULL AND g.deleted IS NOT TRUE
   FOR SHARE
