-- name: check_sequences
-- How much is used of the numbers that the ids of jobs and of history records can have: the least of
-- what the sequence and the type of the column allow. When they are used up, no job can be
-- registered or queued again, or no history record stored.
-- params: none
-- result: 2 rows: level text, text text, remedy text
WITH used AS (
  SELECT w.name, w.loss, s.last_value,
         floor(s.last_value * 100.0
               / LEAST(s.max_value, CASE a.atttypid WHEN 'int2'::regtype THEN 32767
                                                    WHEN 'int4'::regtype THEN 2147483647
                                                    ELSE 9223372036854775807 END))::int4 AS percent
    FROM (VALUES ('jobs', 'no job can be registered or queued again'),
                 ('job_history_records', 'no history record can be stored')) AS w (name, loss)
    LEFT JOIN pg_sequences s ON s.schemaname = 'public' AND s.sequencename = w.name || '_id_seq'
    LEFT JOIN pg_attribute a ON a.attrelid = to_regclass('public.' || w.name) AND a.attname = 'id'
)
SELECT CASE WHEN u.percent >= 95 THEN 'error' WHEN u.percent >= 75 THEN 'warning' ELSE 'ok' END,
       CASE WHEN u.percent IS NULL THEN format('public.%s_id_seq was not used yet', u.name)
            ELSE format('%s %% of the ids of public.%s are used, up to %s%s', u.percent, u.name,
                        u.last_value, CASE WHEN u.percent >= 75
                                           THEN ': at 100 % ' || u.loss END) END,
       CASE WHEN u.percent >= 75
            THEN format('as the owner: delete old rows of public.%1$s, then ALTER SEQUENCE '
                        'public.%1$s_id_seq RESTART at a number with enough free ones behind it',
                        u.name) END
  FROM used u
