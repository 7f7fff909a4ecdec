-- name: model_names
-- The models that daemons have written down, for the completion of a shell.
-- params: int4 (how many)
-- result: 0..n rows: model text
SELECT DISTINCT m.model FROM jobd.model m WHERE m.model <> '*' ORDER BY m.model LIMIT $1
