-- name: metrics_models
-- What became of the jobs of each model, in all COs.
-- params: int4 (limit: models with most jobs come first)
-- result: 0..n rows: model text, complete, failed, canceled int8, last_complete float8 (in seconds since
--         1970, NULL: none yet), in_a_row int4 (failures, in the active CO with most; NULL: nobody
--         provides the model any more)
SELECT r.model, sum(r.complete)::int8 AS complete, sum(r.failed)::int8 AS failed,
       sum(r.canceled)::int8 AS canceled, extract(epoch FROM max(r.last_complete))::float8 AS last_complete,
       max(r.in_a_row) FILTER (WHERE EXISTS (SELECT FROM jobd.model m WHERE m.model = r.model)
                                 AND EXISTS (SELECT FROM public.cos c
                                              WHERE c.id = r.co_id AND c.status = 'A' AND c.deleted IS NOT TRUE)) AS in_a_row
  FROM jobd.model_result r GROUP BY r.model
 ORDER BY sum(r.complete + r.failed + r.canceled) DESC, r.model LIMIT $1
