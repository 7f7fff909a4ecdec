-- name: job_list
-- A page of live jobs, newest first, that fit all filters. It looks at so many jobs at most, however few of
-- them fit: of the whole table, or of those that have a history record about a person. What it costs is
-- bounded by that; the next page goes on below `lowest`. Texts of parameters are looked into to their
-- 65536th character. The time of a job is when it ended, or, before, when it started or was registered.
-- params: int8 (ids below this), int4 (how many it looks at), int4 (how many it gives),
--         int4 (co_id or NULL), text[] (statuses or NULL), text (a part of the model or NULL),
--         int8 (time from, in seconds since 1970, or NULL), int8 (time before, or NULL),
--         text (a part of a summary or of parameters, or NULL), text (the same as JSON has it),
--         int4 (person or NULL), bool (only those that were not queued again)
-- result: 1..n rows: columns of a job (id NULL: none fits), then looked int8 (how many it looked at),
--         lowest int4 (the lowest id of those)
WITH page AS MATERIALIZED (
  (SELECT j.id FROM public.jobs j
    WHERE $11::int4 IS NULL AND j.id < $1::int8 ORDER BY j.id DESC LIMIT $2)
  UNION ALL
  (SELECT DISTINCT h.job_id FROM public.job_history_records h
    WHERE h.person_id = $11 AND h.job_id < $1::int8 AND (h.job_history_record_id IS NULL) IS TRUE
      AND h.deleted IS NOT TRUE
    ORDER BY h.job_id DESC LIMIT $2)
)
SELECT j.*, p.looked, p.lowest
  FROM (SELECT count(*) AS looked, min(id) AS lowest FROM page) p
  LEFT JOIN LATERAL (
    SELECT i.id, i.co_id, i.plugin, i.status, i.assigned_host, i.assigned_pid, i.percent_complete,
           jobd.utc(i.register_time) AS register_time,
           jobd.utc(i.start_after_time) AS start_after_time, jobd.utc(i.start_time) AS start_time,
           jobd.utc(i.finish_time) AS finish_time,
           COALESCE(i.finish_summary, i.start_summary, i.register_summary) AS summary
      FROM (
        SELECT f.* FROM page
         CROSS JOIN LATERAL (SELECT r.* FROM public.jobs r WHERE r.id = page.id OFFSET 0) f
         WHERE f.job_id IS NULL AND f.deleted IS NOT TRUE
           AND ($4::int4 IS NULL OR f.co_id = $4) AND ($5::text[] IS NULL OR f.status = ANY ($5))
           AND ($6::text IS NULL OR strpos(lower(f.plugin), lower($6)) > 0)
           AND ($7::int8 IS NULL OR jobd.utc(COALESCE(f.finish_time, f.start_time, f.register_time))
                                    >= to_timestamp($7) AT TIME ZONE 'UTC')
           AND ($8::int8 IS NULL OR jobd.utc(COALESCE(f.finish_time, f.start_time, f.register_time))
                                    < to_timestamp($8) AT TIME ZONE 'UTC')
           AND ($9::text IS NULL
                OR strpos(lower(concat_ws(E'\n', f.register_summary, f.start_summary, f.finish_summary,
                                          left(f.parameters, 65536))), lower($9)) > 0
                OR strpos(lower(left(f.parameters, 65536)), lower($10)) > 0)
           AND ($12::bool IS NOT TRUE OR NOT EXISTS (
                 SELECT FROM public.jobs s
                  WHERE s.requeued_from_job_id = f.id AND (s.job_id IS NULL) IS TRUE AND s.deleted IS NOT TRUE))
         ORDER BY f.id DESC LIMIT $3) i
     ORDER BY i.id DESC) j ON true
