-- name: lane_stalled
-- Notes that the job of a lane has shown no sign of life, and since when; job 0 takes it back. A
-- lane that is just being settled is passed over: heartbeats must not wait behind that.
-- params: int4 (co_id), int4 (supervisor), int4 (job), int4 (for how many seconds)
-- result: 0..1 rows affected
UPDATE jobd.lane l
   SET stalled_job = NULLIF($3::int4, 0),
       stalled_since = CASE WHEN $3::int4 <> 0
                            THEN clock_timestamp() - make_interval(secs => $4::int4) END
 WHERE l.co_id = (SELECT o.co_id FROM jobd.lane o WHERE o.co_id = $1 FOR UPDATE SKIP LOCKED)
   AND l.supervisor_id = $2
