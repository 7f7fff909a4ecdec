-- name: model_show
-- What is known of a model that a daemon provides which was seen within its lease.
-- params: text (model)
-- result: 0..1 rows: description text, an object of plugin/listing.h
SELECT m.description::text
  FROM jobd.model m JOIN jobd.supervisor s ON s.id = m.supervisor_id
 WHERE m.model = $1 AND m.model <> '*' AND s.kind = 'daemon'
   AND extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen) <= extract(epoch FROM s.lease)
 ORDER BY s.id DESC LIMIT 1
