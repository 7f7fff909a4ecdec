-- name: job_foreign_ids
-- The ids of a parameter that do not belong to the CO.
-- params: text (table), int4 (co_id), int4[] (ids)
-- result: 0..n rows: id int4
SELECT jobd.foreign_ids($1, $2, $3)
