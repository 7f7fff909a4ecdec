-- name: co_names
-- Active COs by name; those that are called as it is asked come first.
-- params: text (name), int4 (how many)
-- result: 0..n rows: id int4, name text
SELECT c.id, c.name FROM public.cos c
 WHERE c.status = 'A' AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
 ORDER BY c.name <> $1, c.name, c.id LIMIT $2
