-- name: doctor_begin
-- For an administrator's look at everything: whole tables may be read, but not for long, and
-- nobody is waited for.
-- params: none
-- result: 1 row
SELECT set_config('enable_seqscan', 'on', false), set_config('plan_cache_mode', 'auto', false),
       set_config('statement_timeout', '20s', false), set_config('lock_timeout', '2s', false)
