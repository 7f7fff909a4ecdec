-- name: lanes_left
-- Lanes of others in which due jobs wait: what a drain leaves alone. One look knows only what the
-- database's clock says of the holder. Epochs, because a difference of odd times is an error.
-- params: int4 (own supervisor), int4 (the only CO, or NULL), int4 (limit)
-- result: 0..n rows: co_id int4, kind text, host text, supervisor's pid int4, seconds ago int8,
--         its lease has lapsed bool
SELECT l.co_id, s.kind, s.host, s.pid,
       LEAST(GREATEST(t.ago, 0), 1e12)::int8 AS seen_ago, t.ago > extract(epoch FROM s.lease)
  FROM jobd.lane l JOIN jobd.supervisor s ON s.id = l.supervisor_id
  JOIN public.cos c ON c.id = l.co_id
 CROSS JOIN LATERAL (
   SELECT extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen) AS ago) t
 WHERE s.id <> $1 AND ($2::int4 IS NULL OR l.co_id = $2)
   AND c.status = 'A' AND (c.co_id IS NULL) IS TRUE AND c.deleted IS NOT TRUE
   AND EXISTS (SELECT FROM jobd.queue q WHERE q.ready AND q.co_id = l.co_id)
 ORDER BY l.co_id LIMIT $3
