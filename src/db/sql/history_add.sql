-- name: history_add
-- Adds records in the given order, each at most once: a record with a reserved id (history_reserve)
-- that the table has already is skipped. A link to a person or an external identity of another CO is
-- left out of its record, and counted. OFFSET 0 makes each look-up one by primary key, whatever the
-- statistics say.
-- params: jsonb (array of objects: id, job_id, person_id, external_identity_id, record_key,
--         comment, status)
-- result: 1 row: links that were left out int8
WITH given AS MATERIALIZED (
  SELECT r.*, j.id AS job, p.id AS person, e.id AS identity
    FROM ROWS FROM (jsonb_to_recordset($1)
           AS (id int4, job_id int4, person_id int4, external_identity_id int4,
               record_key text, comment text, status text)) WITH ORDINALITY r
   CROSS JOIN LATERAL (SELECT j.id, j.co_id FROM public.jobs j WHERE j.id = r.job_id OFFSET 0) j
    LEFT JOIN LATERAL (SELECT p.id, p.co_id FROM public.people p
                        WHERE p.id = r.person_id OFFSET 0) p ON p.co_id = j.co_id
    LEFT JOIN LATERAL (SELECT e.id, o.co_id FROM public.external_identities e
                         JOIN public.people o ON o.id = e.person_id
                        WHERE e.id = r.external_identity_id OFFSET 0) e ON e.co_id = j.co_id
), added AS (
  INSERT INTO public.job_history_records
         (id, job_id, person_id, external_identity_id, record_key, comment, status,
          created, modified, revision, deleted, actor_identifier)
  SELECT COALESCE(CASE WHEN g.id <= (SELECT pg_sequence_last_value('public.job_history_records_id_seq'))
                       THEN g.id END,
                  nextval('public.job_history_records_id_seq')), g.job, g.person, g.identity,
         g.record_key, g.comment, g.status,
         jobd.registry_now(), jobd.registry_now(), 0, false, 'registry-jobd'
    FROM (SELECT * FROM given ORDER BY ordinality) g
  ON CONFLICT (id) DO NOTHING
)
SELECT count(*) FILTER (WHERE g.person_id IS NOT NULL AND g.person IS NULL)
       + count(*) FILTER (WHERE g.external_identity_id IS NOT NULL AND g.identity IS NULL)
  FROM given g
