-- name: history_reserve
-- Reserves ids for records. A record with a reserved id can be written twice without harm, when
-- nobody knows whether the first attempt succeeded.
-- params: int4 (how many)
-- result: n rows: id int8
SELECT nextval('public.job_history_records_id_seq') FROM generate_series(1, $1)
