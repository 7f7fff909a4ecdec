-- name: check_timezone
-- Whether the Registry seems to write its times in another zone than the one that is configured: east
-- of it jobs are registered in the future, west of it every job seems to start hours late. Reads the
-- newest rows of jobs.
-- params: none
-- result: 1..2 rows: level text, text text, remedy text
WITH recent AS MATERIALIZED (
  SELECT GREATEST(extract(epoch FROM r.created)
                  - extract(epoch FROM LEAST(r.started, clock_timestamp() AT TIME ZONE 'UTC')), 0)
           AS ahead,
         extract(epoch FROM r.started) - extract(epoch FROM GREATEST(r.due, r.created)) AS late,
         r.started > clock_timestamp() AT TIME ZONE 'UTC' - interval '1 day' AS is_of_today
    FROM (SELECT jobd.utc(j.created) AS created, jobd.utc(j.start_time) AS started,
                 jobd.utc(j.start_after_time) AS due
            FROM public.jobs j
           WHERE j.job_id IS NULL AND j.deleted IS NOT TRUE
           ORDER BY j.id DESC LIMIT 1000) r
   WHERE r.created BETWEEN '1970-01-01' AND '9999-01-01'
), suspected AS (
  SELECT format('%s of the newest %s jobs were registered in the future, by up to %s min',
                count(*) FILTER (WHERE r.ahead > 300), count(*),
                LEAST(max(r.ahead) / 60, 1e9)::int8) AS text
    FROM recent r HAVING max(r.ahead) > 300
   UNION ALL
  SELECT format('each of the %s jobs of the last day started more than %s min late', count(*),
                LEAST(min(r.late) / 60, 1e9)::int8)
    FROM recent r WHERE r.is_of_today HAVING count(*) >= 5 AND min(r.late) > 25 * 60
)
SELECT 'warning',
       format('%s: perhaps the Registry writes its times in another zone than %s', s.text,
              current_setting('TimeZone')),
       'timezone in [database] must be the Registry''s APP_DEFAULT_TIMEZONE; then, as the owner, '
       'registry-job schema install, and restart the daemons'
  FROM suspected s
UNION ALL
SELECT 'ok', format('the times of the Registry are in %s', current_setting('TimeZone')), NULL
 WHERE NOT EXISTS (SELECT FROM suspected)
