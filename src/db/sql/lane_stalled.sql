-- name: lane_stalled
-- Notes that the job of a lane has shown no sign of life, and since when; job 0 takes it back.
-- params: int4 (co_id), int4 (supervisor), int4 (job), int4 (for how many seconds)
-- result: 0..1 rows affected
UPDATE jobd.lane l
   SET stalled_job = NULLIF($3::int4, 0),
       stalled_since = CASE WHEN $3::int4 <> 0
                            THEN clock_timestamp() - make_interval(secs => $4::int4) END
 WHERE l.co_id = $1 AND l.supervisor_id = $2
