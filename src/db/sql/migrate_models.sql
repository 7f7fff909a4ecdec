-- name: migrate_models
-- The models of jobs that wait, and whether this host's configuration provides them. Reads all jobs.
-- params: text[] (models of this host's configuration)
-- result: 1..n rows: level text, text text, remedy text
WITH queued AS MATERIALIZED (
  SELECT left(j.plugin, 80) AS model, count(*) AS n, min(j.id) AS first,
         COALESCE(j.plugin COLLATE "C" ~ '^[A-Za-z][A-Za-z0-9_]*\.[A-Za-z][A-Za-z0-9_]*$', false) AS is_name
    FROM public.jobs j
   WHERE j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
   GROUP BY 1, 4 ORDER BY 2 DESC, 1 LIMIT 50
)
SELECT CASE WHEN NOT q.is_name THEN 'warning' WHEN q.model = ANY ($1::text[]) THEN 'ok' ELSE 'error' END,
       format('%s job%s wait%s for %s%s', q.n, CASE WHEN q.n <> 1 THEN 's' END, CASE WHEN q.n = 1 THEN 's' END,
              COALESCE(q.model, 'no model'),
              CASE WHEN NOT q.is_name THEN ', which is no name of a model: Failed at once'
                   WHEN q.model = ANY ($1::text[]) THEN ', which this host would provide'
                   ELSE format(', which nobody would provide, and hold%s up what comes behind in the CO; the first is job %s',
                               CASE WHEN q.n = 1 THEN 's' END, q.first) END),
       CASE WHEN NOT q.is_name OR q.model = ANY ($1::text[]) THEN NULL
            ELSE 'app in [registry] for the Registry''s own models, load in [plugins], or a section [exec]; or cancel the jobs' END
  FROM queued q
UNION ALL
SELECT 'ok', 'no job waits', NULL WHERE NOT EXISTS (SELECT FROM queued)
