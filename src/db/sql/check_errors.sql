-- name: check_errors
-- Statements on public.jobs whose trigger met an error.
-- params: none
-- result: 1 row: level text, text text, remedy text
WITH noted AS (
  SELECT count(*) AS n, count(*) FILTER (WHERE e.repaired IS NULL) AS open,
         (array_agg(format('%s, at %s UTC: %s', e.place,
                           to_char(e.happened AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                           e.message) ORDER BY e.id DESC))[1] AS last
    FROM jobd.trigger_error e
   WHERE e.repaired IS NULL OR e.happened > clock_timestamp() - interval '1 week'
)
SELECT CASE WHEN n.open > 0 THEN 'warning' WHEN n.n > 0 THEN 'notice' ELSE 'ok' END,
       CASE WHEN n.n = 0 THEN 'no trigger of ours met one'
            ELSE format('%s statements on public.jobs could not be followed; the last one: %s', n.n,
                        n.last) END,
       CASE WHEN n.open > 0
            THEN 'put right what it says; a daemon repairs the queue with its next sweep'
            WHEN n.n > 0
            THEN 'the queue was repaired; if it comes again, put right what it says' END
  FROM noted n
