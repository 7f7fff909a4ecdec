-- name: top_totals
-- What a live view says first: of the queue, of what runs, and of those who take part. A supervisor that
-- was not seen for its lease takes part no more. Epochs, because a difference of odd times is an error.
-- params: int4 (co_id or NULL, for the queue and for what runs)
-- result: 1 row
WITH clock AS MATERIALIZED (
  SELECT clock_timestamp()::timestamp AS local
), waiting AS MATERIALIZED (
  SELECT q.co_id, count(*) AS waiting,
         count(*) FILTER (WHERE q.ready OR q.due <= clock.local) AS due,
         min(q.job_id) FILTER (WHERE q.ready OR q.due <= clock.local) AS head
    FROM jobd.queue q CROSS JOIN clock WHERE $1::int4 IS NULL OR q.co_id = $1 GROUP BY q.co_id
), taking_part AS MATERIALIZED (
  SELECT s.id, s.kind, s.workers, s.job_id,
         extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen) <= extract(epoch FROM s.lease) AS lives
    FROM jobd.supervisor s
)
SELECT COALESCE(sum(w.due), 0)::int8 AS due, COALESCE(sum(w.waiting - w.due), 0)::int8 AS later,
       count(*) AS cos,
       (SELECT count(*) FROM jobd.lane l CROSS JOIN LATERAL jobd.lane_job(l.co_id) t
         WHERE $1::int4 IS NULL OR l.co_id = $1) AS running,
       (SELECT count(*) FROM jobd.lane l JOIN taking_part s ON s.id = l.supervisor_id WHERE s.lives) AS busy,
       (SELECT COALESCE(sum(s.workers) FILTER (WHERE s.lives AND COALESCE(s.job_id, 0) = 0), 0)::int8
          FROM taking_part s) AS workers,
       (SELECT count(*) FROM taking_part s WHERE s.lives AND s.kind = 'daemon') AS daemons,
       (SELECT count(*) FROM taking_part s WHERE NOT s.lives AND s.kind = 'daemon') AS lapsed,
       (SELECT count(*) FROM jobd.hold h WHERE h.until IS NULL OR h.until > clock_timestamp()) AS holds,
       count(*) FILTER (WHERE EXISTS (SELECT FROM jobd.hold)
                          AND EXISTS (SELECT FROM jobd.queue q CROSS JOIN LATERAL jobd.holds_on(w.co_id, q.model)
                                       WHERE q.job_id = w.head)) AS held_cos
  FROM waiting w
