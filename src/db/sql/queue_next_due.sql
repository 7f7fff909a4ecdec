-- name: queue_next_due
-- Microseconds until a look at the queue finds more: the next delayed job is due, a refused claim may
-- be tried again, or a hold is over. NULL when that is more than a day away. A time long past, which may be infinite,
-- counts as yesterday: a difference of infinite times is an error.
-- params: none
-- result: 1 row: usec int8
SELECT (extract(epoch FROM LEAST(
          (SELECT GREATEST(q.due, clock.at::timestamp - interval '1 day') - clock.at::timestamp
             FROM jobd.queue q
            WHERE NOT q.ready AND q.due < clock.at::timestamp + interval '1 day'
            ORDER BY q.due LIMIT 1),
          (SELECT min(l.retry_at) - clock.at
             FROM jobd.lane l
            WHERE l.retry_at > clock.at AND l.retry_at < clock.at + interval '1 minute'),
          (SELECT min(h.until) - clock.at
             FROM jobd.hold h
            WHERE h.until > clock.at AND h.until < clock.at + interval '1 day')))
        * 1000000)::int8
  FROM (SELECT clock_timestamp() AS at) clock
