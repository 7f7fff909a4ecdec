-- name: history_add
-- Adds records in the order given, each at most once: a record that was given its id before
-- (by history_reserve) and is in the table already is left alone. A link to a person or an
-- external identity that is not of the job's CO is left out; the record itself stays.
-- params: jsonb (array of objects: id, job_id, person_id, external_identity_id, record_key,
--         comment, status)
-- result: n rows affected
INSERT INTO public.job_history_records
       (id, job_id, person_id, external_identity_id, record_key, comment, status,
        created, modified, revision, deleted, actor_identifier)
SELECT COALESCE(r.id, nextval('public.job_history_records_id_seq')), r.job_id, p.id, e.id,
       r.record_key, r.comment, r.status,
       jobd.utc_now(), jobd.utc_now(), 0, false, 'registry-jobd'
  FROM (SELECT * FROM ROWS FROM (jsonb_to_recordset($1)
          AS (id int4, job_id int4, person_id int4, external_identity_id int4,
              record_key text, comment text, status text)) WITH ORDINALITY
         ORDER BY ordinality) r
  JOIN public.jobs j ON j.id = r.job_id
  LEFT JOIN public.people p ON p.id = r.person_id AND p.co_id = j.co_id
  LEFT JOIN (public.external_identities e JOIN public.people o ON o.id = e.person_id)
         ON e.id = r.external_identity_id AND o.co_id = j.co_id
ON CONFLICT (id) DO NOTHING
