-- name: hold_list
-- What is held: all of it, or what holds up a job of a CO and a model.
-- params: int4 (co_id, or NULL for all), text (model, or NULL)
-- result: 0..n rows
SELECT NULLIF(h.co_id, 0) AS co_id, c.name AS co, NULLIF(h.model, '') AS model,
       date_trunc('second', h.since AT TIME ZONE 'UTC') AS since,
       date_trunc('second', h.until AT TIME ZONE 'UTC') AS until, h.actor, h.reason
  FROM jobd.hold h LEFT JOIN public.cos c ON c.id = h.co_id
 WHERE (h.until IS NULL OR h.until > clock_timestamp())
   AND ($1::int4 IS NULL OR EXISTS (SELECT FROM jobd.holds_on($1, $2::text) o
                                     WHERE o.co_id = h.co_id AND o.model = h.model))
 ORDER BY h.co_id, h.model
