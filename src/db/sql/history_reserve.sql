-- name: history_reserve
-- Ids for records to come. With its id in hand a record can be written again without harm,
-- whoever was killed in between.
-- params: int4 (how many)
-- result: n rows: id int8
SELECT nextval('public.job_history_records_id_seq') FROM generate_series(1, $1)
