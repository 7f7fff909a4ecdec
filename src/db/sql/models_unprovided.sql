-- name: models_unprovided
-- The models that jobs wait for, and that neither a daemon nor this supervisor provides; those with
-- the most jobs first.
-- params: int4 (own supervisor, or 0), int4 (limit)
-- result: 0..n rows: model, jobs, due, cos, first_job
SELECT u.model, u.jobs, u.due, u.cos, u.first_job FROM jobd.unprovided($1::int4) u
 ORDER BY u.jobs DESC, u.model LIMIT $2::int4
