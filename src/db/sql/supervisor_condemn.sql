-- name: supervisor_condemn
-- A supervisor whose lease has lapsed loses its token, so that it cannot come back while it is settled;
-- one that has renewed since it was looked at stays.
-- params: int4 (id), int8 (token), int8 (new token)
-- result: 0..1 rows affected
UPDATE jobd.supervisor s SET token = $3
 WHERE s.id = $1 AND s.token = $2 AND s.seen < clock_timestamp() - s.lease
