-- name: hold_release
-- Ends a hold; daemons look at the queue.
-- params: int4 (co_id, or 0 for every CO), text (Plugin.Model, Plugin, or '' for every model)
-- result: 0..1 rows: who held it text, since when text, told (nothing)
WITH released AS (
  DELETE FROM jobd.hold h WHERE h.co_id = $1 AND h.model = $2 RETURNING h.actor, h.since, h.until
)
SELECT r.actor, to_char(r.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since,
       pg_notify('registry_jobd', 'delayed') AS told
  FROM released r WHERE r.until IS NULL OR r.until > clock_timestamp()
