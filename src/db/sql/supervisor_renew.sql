-- name: supervisor_renew
-- params: int4 (id), int8 (token), int4 (workers), int4 (busy), text (counters as JSON, or NULL)
-- result: 0..1 rows affected; none means that others gave this supervisor up for dead
UPDATE jobd.supervisor s
   SET seen = clock_timestamp(), workers = $3, busy = $4,
       counters = COALESCE($5::text::jsonb, s.counters)
 WHERE s.id = $1 AND s.token = $2
