-- name: supervisor_remove
-- A supervisor that holds nothing any more goes; one that does stays until that is settled.
-- params: int4 (id), int8 (token)
-- result: 0..1 rows affected
DELETE FROM jobd.supervisor s
 WHERE s.id = $1 AND s.token = $2
   AND NOT EXISTS (SELECT FROM jobd.lane l WHERE l.supervisor_id = s.id)
