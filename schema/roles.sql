-- The role registry_jobd has exactly the rights that the daemon and the command use. Apply it as
-- the owner of the database, after `registry-job schema install`, and give the role to a login:
--   CREATE ROLE jobd LOGIN; GRANT registry_jobd TO jobd;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_jobd') THEN
    CREATE ROLE registry_jobd NOLOGIN;
  END IF;
END $$;

GRANT USAGE ON SCHEMA jobd TO registry_jobd;
GRANT SELECT ON jobd.schema_version TO registry_jobd;
GRANT SELECT, UPDATE (ready, co_id), DELETE ON jobd.queue TO registry_jobd;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobd.supervisor TO registry_jobd;
GRANT SELECT, INSERT, UPDATE ON jobd.lane TO registry_jobd;

GRANT USAGE ON SCHEMA public TO registry_jobd;
GRANT SELECT, INSERT ON public.jobs TO registry_jobd;
GRANT UPDATE (status, assigned_host, assigned_pid, start_summary, finish_summary, start_time,
              finish_time, percent_complete, modified, revision, actor_identifier)
   ON public.jobs TO registry_jobd;
GRANT USAGE ON SEQUENCE public.jobs_id_seq TO registry_jobd;
GRANT SELECT, INSERT ON public.job_history_records TO registry_jobd;
GRANT USAGE ON SEQUENCE public.job_history_records_id_seq TO registry_jobd;
GRANT SELECT ON public.cos, public.people, public.external_identities TO registry_jobd;

-- What the job models of plugins/corejob need: CoreJob.NesterJob. (PostgreSQL asks for UPDATE on
-- a column before it lets a row be locked; groups are not changed.)
GRANT SELECT, UPDATE (modified) ON public.groups TO registry_jobd;
GRANT SELECT, INSERT ON public.group_nestings, public.group_members TO registry_jobd;
GRANT UPDATE (deleted, modified, revision, actor_identifier) ON public.group_members
   TO registry_jobd;
GRANT USAGE ON SEQUENCE public.group_nestings_id_seq, public.group_members_id_seq
   TO registry_jobd;
