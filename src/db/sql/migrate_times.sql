-- name: migrate_times
-- When jobs are due is written in the zone of the Registry's APP_DEFAULT_TIMEZONE, which no column says.
-- Jobs that seem to be registered in the future show it; otherwise a person has to look. Reads the newest
-- rows of jobs.
-- params: none
-- result: 1 row: level text, text text, remedy text
WITH newest AS MATERIALIZED (
  SELECT max(j.created) AS created
    FROM (SELECT r.created::timestamp AS created FROM public.jobs r ORDER BY r.id DESC LIMIT 1000) j
   WHERE j.created BETWEEN '1970-01-01' AND '9999-01-01'
), ahead AS MATERIALIZED (
  SELECT n.created, extract(epoch FROM n.created) - extract(epoch FROM clock_timestamp()) AS seconds FROM newest n
)
SELECT CASE WHEN a.seconds > 300 THEN 'error' WHEN a.seconds IS NULL THEN 'ok' ELSE 'notice' END,
       CASE WHEN a.seconds > 300
            THEN format('the newest job was registered %s min in the future, if its time is UTC', LEAST(a.seconds / 60, 1e9)::int8)
            WHEN a.seconds IS NULL THEN 'there is no job yet'
            ELSE format('the newest job was registered on %s, if its time is UTC', to_char(a.created, 'YYYY-MM-DD HH24:MI:SS')) END,
       CASE WHEN a.seconds IS NOT NULL
            THEN 'if that is not so: timezone in [database] must be the Registry''s APP_DEFAULT_TIMEZONE' END
  FROM ahead a
