-- name: supervisor_models
-- What a supervisor provides from now on: an array of objects, whose member "model" is the name, or '*'
-- for all names (plugin/listing.h); and why others are missing. What was there before keeps its generation.
-- params: int4 (supervisor), text (its models), int4 (their generation), text (the problem, or NULL)
-- result: none
WITH models AS MATERIALIZED (
  SELECT DISTINCT ON (m->>'model') m->>'model' AS model, m AS description
    FROM jsonb_array_elements($2::jsonb) m
), told AS (
  UPDATE jobd.supervisor s SET models_generation = $3, problem = $4
   WHERE s.id = $1 AND (s.models_generation <> $3 OR s.problem IS DISTINCT FROM $4)
), gone AS (
  DELETE FROM jobd.model o
   WHERE o.supervisor_id = $1 AND o.model NOT IN (SELECT n.model FROM models n)
)
INSERT INTO jobd.model AS o (supervisor_id, model, generation, description)
SELECT s.id, n.model, $3::int4, n.description
  FROM models n JOIN jobd.supervisor s ON s.id = $1
ON CONFLICT (supervisor_id, model) DO UPDATE SET description = EXCLUDED.description
