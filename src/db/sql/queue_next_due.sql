-- name: queue_next_due
-- Microseconds until the next delayed job falls due, NULL when that is more than a day away.
-- params: none
-- result: 1 row: usec int8
SELECT (extract(epoch FROM min(q.due) - clock_timestamp() AT TIME ZONE 'UTC') * 1000000)::int8
  FROM jobd.queue q
 WHERE NOT q.ready AND q.due < clock_timestamp() AT TIME ZONE 'UTC' + interval '1 day'
