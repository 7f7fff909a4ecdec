-- name: supervisor_dead
-- Every supervisor, with what tells one look whether it is dead: its lease has lapsed by the database's
-- clock, or its process is gone from the host and boot that asks. Epochs, because a difference of odd
-- times is an error.
-- params: text (host), text (boot)
-- result: 0..n rows: id int4, is a daemon bool, lapsed bool, PID to look for here int4 or NULL,
--         its start ticks int8
SELECT s.id, s.kind = 'daemon',
       extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen)
         > extract(epoch FROM s.lease),
       CASE WHEN s.host = $1 AND s.boot = $2 THEN s.pid END, s.start_ticks
  FROM jobd.supervisor s ORDER BY s.id
