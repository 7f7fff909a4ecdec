-- name: doctor_triggers
-- Triggers of ours that are missing or do not fire.
-- params: none
-- result: 0..n rows: name text, is there bool
SELECT w.name, t.tgname IS NOT NULL
  FROM (VALUES ('jobd_insert'), ('jobd_update'), ('jobd_cancel'), ('jobd_delete'),
               ('jobd_truncate')) AS w (name)
  LEFT JOIN (pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid AND c.relname = 'jobs'
                          JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public')
         ON t.tgname = w.name
 WHERE t.tgenabled IS NULL OR t.tgenabled NOT IN ('O', 'A')
