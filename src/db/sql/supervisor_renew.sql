-- name: supervisor_renew
-- The count of renewals tells others that this supervisor lives; it begins anew before it overflows.
-- params: int4 (id), int8 (token), int4 (workers), int4 (busy), text (counters as JSON, or NULL),
--         text (what is in the way of its workers, or NULL), int8 (for how many seconds)
-- result: 0..1 rows affected; none means that others gave this supervisor up for dead
UPDATE jobd.supervisor s
   SET seen = clock_timestamp(), renewals = s.renewals % 4611686018427387904 + 1,
       workers = $3, busy = $4, counters = COALESCE($5::text::jsonb, s.counters),
       trouble = $6::text,
       trouble_since = CASE WHEN $6::text IS NOT NULL
                            THEN COALESCE(s.trouble_since,
                                          clock_timestamp() - make_interval(secs => $7::int8)) END
 WHERE s.id = $1 AND s.token = $2
