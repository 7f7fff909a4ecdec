-- name: job_look
-- Live jobs by their ids, for whoever is about to change them.
-- params: int4[] (ids)
-- result: a row for each id: id int4, found bool, co_id int4, plugin, status, bytes of the parameters int4,
--         successor int4 (its newest retry or requeue)
SELECT w.id, j.id IS NOT NULL AS found, j.co_id, j.plugin, j.status, octet_length(j.parameters) AS bytes,
       (SELECT max(s.id) FROM public.jobs s
         WHERE s.requeued_from_job_id = j.id AND (s.job_id IS NULL) IS TRUE AND s.deleted IS NOT TRUE) AS successor
  FROM unnest($1::int4[]) w (id)
  LEFT JOIN LATERAL (SELECT i.* FROM public.jobs i
                      WHERE i.id = w.id AND (i.job_id IS NULL) IS TRUE AND i.deleted IS NOT TRUE
                     OFFSET 0) j ON true
