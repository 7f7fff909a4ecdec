-- name: migrate_first
-- What would run at once if a daemon were started now: the first due job of each active CO, and how many
-- stand behind it. Times are taken as UTC, or in the zone of the configuration. Reads all jobs.
-- params: text[] (models of this host's configuration)
-- result: 1..n rows: level text, text text, remedy text
WITH due AS MATERIALIZED (
  SELECT j.id, j.co_id, left(j.plugin, 80) AS model, c.name, c.status = 'A' AS is_active
    FROM public.jobs j LEFT JOIN public.cos c ON c.id = j.co_id AND c.co_id IS NULL AND c.deleted IS NOT TRUE
   WHERE j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
     AND COALESCE(j.start_after_time::timestamp <= clock_timestamp()::timestamp, true)
), heads AS MATERIALIZED (
  SELECT DISTINCT ON (d.co_id) d.*, count(*) OVER (PARTITION BY d.co_id) - 1 AS behind
    FROM due d ORDER BY d.co_id, d.id
)
SELECT 'notice',
       format('CO %s%s: job %s, %s, %s; %s behind it', h.co_id, ' (' || left(h.name, 40) || ')', h.id, COALESCE(h.model, 'no model'),
              CASE WHEN h.is_active IS NOT TRUE THEN 'waits, because the CO is not active'
                   WHEN h.model = ANY ($1::text[]) THEN 'would run at once' ELSE 'would not run' END, h.behind),
       NULL
  FROM heads h
UNION ALL
SELECT 'ok', 'nothing is due', NULL WHERE NOT EXISTS (SELECT FROM heads)
