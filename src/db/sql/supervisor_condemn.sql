-- name: supervisor_condemn
-- A supervisor that has not renewed its row for a lease loses its token, so that it cannot come back
-- while it is settled. One that has renewed since it was looked at stays, whatever the clocks say.
-- params: int4 (id), int8 (token), int8 (renewals when looked at), int8 (new token)
-- result: 0..1 rows affected
UPDATE jobd.supervisor s SET token = $4
 WHERE s.id = $1 AND s.token = $2 AND s.renewals = $3
