-- name: check_settings
-- How the server is set for this role and database. What every connection of ours sets for itself
-- is not asked.
-- params: none
-- result: 1..n rows: level text, text text, remedy text
WITH found AS MATERIALIZED (
  SELECT f.level, f.text, f.remedy
    FROM (VALUES
      (current_setting('default_transaction_read_only') = 'on', 'error',
       'default_transaction_read_only is on: nothing can be changed',
       'set it to off for the role and the database'),
      (current_setting('synchronous_commit') = 'off', 'warning',
       'synchronous_commit is off: when the server crashes, jobs that had ended are taken for '
       'lost, and are tried again',
       format('ALTER ROLE %I SET synchronous_commit = on', current_user)),
      (current_setting('autovacuum') = 'off' OR current_setting('track_counts') = 'off', 'warning',
       'autovacuum is off: jobd.queue fills with dead rows',
       'turn autovacuum and track_counts on in postgresql.conf')
    ) AS f (is_so, level, text, remedy)
   WHERE f.is_so
)
SELECT level, text, remedy FROM found
UNION ALL SELECT 'ok', 'none that hurts', NULL WHERE NOT EXISTS (SELECT FROM found)
