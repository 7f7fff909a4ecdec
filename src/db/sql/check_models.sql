-- name: check_models
-- Jobs of models that nobody provides, why a daemon does not provide what it is to, and, where daemons provide different ones, who provides what.
-- Without a daemon the models of this host's configuration count: what would be there after a start.
-- params: text[] (models of this host's configuration, where no daemon is alive)
-- result: 1..n rows: level text, text text, remedy text
WITH missing AS MATERIALIZED (
  SELECT u.* FROM jobd.unprovided(0) u
   WHERE u.model <> ALL ($1::text[])
   ORDER BY u.jobs DESC, u.model LIMIT 20
), provider AS MATERIALIZED (
  SELECT s.id, left(s.host, 64) || ' (PID ' || s.pid || ')' AS name,
         string_agg(m.model, ', ' ORDER BY m.model) AS models, count(*) AS n
    FROM jobd.supervisor s JOIN jobd.model m ON m.supervisor_id = s.id
   WHERE s.kind = 'daemon' GROUP BY s.id
)
SELECT 'error', format('%s (PID %s): %s', left(s.host, 64), s.pid, left(p.line, 600)),
       CASE WHEN p.line LIKE '[exec "%'
            THEN 'put the program there, or correct the section, and: systemctl reload registry-jobd'
            ELSE 'run registry-jobd --check there, which starts it: the daemon goes on by itself when it starts'
       END
  FROM jobd.supervisor s CROSS JOIN LATERAL unnest(string_to_array(s.problem, E'\n')) AS p (line)
 WHERE s.kind = 'daemon'
UNION ALL
SELECT 'error',
       format('%s job%s of %s CO%s wait%s for %s, which nobody provides; the first is job %s', m.jobs,
              CASE WHEN m.jobs <> 1 THEN 's' END, m.cos, CASE WHEN m.cos <> 1 THEN 's' END,
              CASE WHEN m.jobs = 1 THEN 's' END, left(m.model, 80), m.first_job),
       'load its plugin ([plugins] load), or configure its program ([exec]) or its Registry ([registry]), '
       'and reload; or cancel the jobs: registry-job cancel --status queued --model ' || left(m.model, 80)
  FROM missing m
UNION ALL
SELECT 'notice', format('%s provides %s', p.name, left(p.models, 500)), NULL
  FROM provider p WHERE (SELECT count(DISTINCT o.models) FROM provider o) > 1
UNION ALL
SELECT 'ok', 'no job waits for a model that nobody provides', NULL
 WHERE NOT EXISTS (SELECT FROM missing)
   AND NOT EXISTS (SELECT FROM jobd.supervisor s WHERE s.kind = 'daemon' AND s.problem IS NOT NULL)
