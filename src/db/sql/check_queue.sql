-- name: check_queue
-- jobd.queue against its definition, and the rows that nobody made ready in time, which without a
-- daemon says nothing. Reads all jobs.
-- params: bool (a daemon is alive)
-- result: 1..n rows: level text, text text, remedy text
WITH found AS MATERIALIZED (
  SELECT c.level, c.n || c.text AS text, c.remedy
    FROM (
      SELECT 'error', count(*), ' queued jobs are not in jobd.queue: no daemon sees them',
             'SELECT jobd.resync(); a daemon does it whenever it connects'
        FROM public.jobs j
       WHERE j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
         AND NOT EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id)
       UNION ALL
      SELECT 'warning', count(*), ' rows of jobd.queue are not what their jobs say',
             'SELECT jobd.resync(); a daemon does it whenever it connects'
        FROM jobd.queue q
       WHERE NOT EXISTS (SELECT FROM public.jobs j
                          WHERE j.id = q.job_id AND j.co_id = q.co_id
                            AND j.start_after_time::timestamp(0) IS NOT DISTINCT FROM q.due
                            AND j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE)
       UNION ALL
      SELECT 'warning', count(*), ' jobs fell due more than a minute ago, and no daemon noticed',
             'look at the logs of the daemons: can they reach the database?'
        FROM jobd.queue q
       WHERE $1 AND NOT q.ready
         AND q.due < clock_timestamp()::timestamp - interval '1 minute'
    ) AS c (level, n, text, remedy)
   WHERE c.n > 0
)
SELECT level, text, remedy FROM found
UNION ALL
SELECT 'ok', 'jobd.queue is what the jobs say', NULL WHERE NOT EXISTS (SELECT FROM found)
