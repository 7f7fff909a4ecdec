-- name: history_add
-- Adds records in the order given, each at most once: a record that was given its id before
-- (by history_reserve) and is in the table already is left alone. A link to a person or an
-- external identity that is not of the job's CO is left out; the record itself stays. OFFSET 0
-- keeps each look-up one by primary key, whatever the statistics say.
-- params: jsonb (array of objects: id, job_id, person_id, external_identity_id, record_key,
--         comment, status)
-- result: n rows affected
INSERT INTO public.job_history_records
       (id, job_id, person_id, external_identity_id, record_key, comment, status,
        created, modified, revision, deleted, actor_identifier)
SELECT COALESCE(r.id, nextval('public.job_history_records_id_seq')), j.id, p.id, e.id,
       r.record_key, r.comment, r.status,
       jobd.utc_now(), jobd.utc_now(), 0, false, 'registry-jobd'
  FROM (SELECT * FROM ROWS FROM (jsonb_to_recordset($1)
          AS (id int4, job_id int4, person_id int4, external_identity_id int4,
              record_key text, comment text, status text)) WITH ORDINALITY
         ORDER BY ordinality) r
 CROSS JOIN LATERAL (SELECT j.id, j.co_id FROM public.jobs j WHERE j.id = r.job_id OFFSET 0) j
  LEFT JOIN LATERAL (SELECT p.id, p.co_id FROM public.people p
                      WHERE p.id = r.person_id OFFSET 0) p ON p.co_id = j.co_id
  LEFT JOIN LATERAL (SELECT e.id, o.co_id FROM public.external_identities e
                       JOIN public.people o ON o.id = e.person_id
                      WHERE e.id = r.external_identity_id OFFSET 0) e ON e.co_id = j.co_id
ON CONFLICT (id) DO NOTHING
