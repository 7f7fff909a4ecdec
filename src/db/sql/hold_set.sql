-- name: hold_set
-- Holds a CO, a model or both, or changes what is held already; what has ended is forgotten. Daemons
-- look at the queue, and so know when it ends.
-- params: int4 (co_id, or 0 for every CO), text (Plugin.Model, Plugin, or '' for every model),
--         text (reason), text (actor), int8 (until, in seconds since 1970, or NULL), int8 (until, in
--         seconds from now, or NULL)
-- result: 1 row: was it held before bool, how many due jobs wait for it int8, until text, told; no row
--         where that time is over
WITH wanted AS MATERIALIZED (
  SELECT COALESCE(to_timestamp($5::int8), clock_timestamp() + make_interval(secs => $6::int8)) AS until
), ended AS (
  DELETE FROM jobd.hold h WHERE h.until <= clock_timestamp() AND (h.co_id, h.model) <> ($1::int4, $2::text)
), before AS MATERIALIZED (
  SELECT EXISTS (SELECT FROM jobd.hold h
                  WHERE h.co_id = $1 AND h.model = $2 AND (h.until IS NULL OR h.until > clock_timestamp())) AS was_held
), held AS (
  INSERT INTO jobd.hold AS h (co_id, model, reason, actor, since, until)
  SELECT $1::int4, $2::text, $3::text, $4::text, clock_timestamp(), u.until
    FROM before CROSS JOIN wanted u WHERE u.until IS NULL OR u.until > clock_timestamp()
  ON CONFLICT (co_id, model) DO UPDATE
     SET reason = EXCLUDED.reason, actor = EXCLUDED.actor, until = EXCLUDED.until,
         since = CASE WHEN h.until <= clock_timestamp() THEN EXCLUDED.since ELSE h.since END
  RETURNING h.until
)
SELECT b.was_held,
       (SELECT count(*) FROM jobd.queue q
         WHERE q.ready AND ($1 = 0 OR q.co_id = $1)
           AND ($2 = '' OR q.model = $2 OR split_part(q.model, '.', 1) = $2)) AS waiting,
       to_char(held.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS until,
       pg_notify('registry_jobd', 'delayed') AS told
  FROM before b CROSS JOIN held
