-- name: lane_resume
-- A lane that is still held gets a new token. Waits for a batch that is under way with the old one;
-- one that comes later finds nothing to claim.
-- params: int4 (co_id), int8 (token), int8 (new token)
-- result: 0..1 rows affected
UPDATE jobd.lane l SET token = $3 WHERE l.token = $2 AND l.co_id = $1
