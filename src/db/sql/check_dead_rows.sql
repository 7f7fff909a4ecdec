-- name: check_dead_rows
-- Dead rows of jobd.queue that nobody cleans up. Below 10,000 autovacuum has just not come yet.
-- params: none
-- result: 1 row: level text, text text, remedy text
SELECT CASE WHEN q.is_full THEN 'warning' ELSE 'ok' END,
       format('jobd.queue has %s dead rows and %s that count', q.dead, q.live),
       CASE WHEN q.is_full THEN 'end old transactions, then VACUUM jobd.queue' END
  FROM (SELECT COALESCE(max(t.n_dead_tup), 0) AS dead, COALESCE(max(t.n_live_tup), 0) AS live,
               COALESCE(max(t.n_dead_tup) >= 10000
                        AND max(t.n_dead_tup) > 5 * max(t.n_live_tup), false) AS is_full
          FROM pg_stat_all_tables t WHERE t.schemaname = 'jobd' AND t.relname = 'queue') q
