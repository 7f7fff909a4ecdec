-- The role registry_jobd has exactly the rights that the daemon and the command use; the role
-- registry_jobd_nester those that the jobs of CoreJob.NesterJob need beside them. Apply it as the
-- owner of public.jobs who may create roles, or as a superuser, after `registry-job schema install`,
-- and again after each upgrade of the schema; and give the roles to a login:
--   CREATE ROLE jobd LOGIN; GRANT registry_jobd TO jobd;
--   GRANT registry_jobd_nester TO jobd;  -- only where the daemon runs CoreJob.NesterJob
-- A superuser who applies it must not run functions that others have made in public.
SET search_path = pg_catalog;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_jobd') THEN
    CREATE ROLE registry_jobd NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry_jobd_nester') THEN
    CREATE ROLE registry_jobd_nester NOLOGIN;
  END IF;
END $$;

-- ---- registry_jobd: the daemon and the command ----

GRANT USAGE ON SCHEMA jobd TO registry_jobd;
GRANT SELECT ON jobd.schema_version, jobd.origin TO registry_jobd;
GRANT SELECT, UPDATE (ready, co_id), DELETE ON jobd.queue TO registry_jobd;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobd.supervisor TO registry_jobd;
GRANT SELECT, INSERT, UPDATE ON jobd.lane TO registry_jobd;
GRANT SELECT ON jobd.trigger_error TO registry_jobd;
-- A right to lock its rows; none is changed.
GRANT SELECT, INSERT, UPDATE (purpose) ON jobd.co_lock TO registry_jobd;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobd.model TO registry_jobd;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobd.hold TO registry_jobd;
GRANT SELECT, INSERT, DELETE ON jobd.registration, jobd.chain_end TO registry_jobd;
GRANT SELECT, INSERT, UPDATE ON jobd.requeue_always, jobd.model_result TO registry_jobd;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobd TO registry_jobd;

GRANT USAGE ON SCHEMA public TO registry_jobd;
GRANT SELECT, INSERT ON public.jobs TO registry_jobd;
GRANT UPDATE (status, assigned_host, assigned_pid, start_summary, finish_summary, start_time,
              finish_time, percent_complete, modified, revision, actor_identifier)
   ON public.jobs TO registry_jobd;
GRANT USAGE ON SEQUENCE public.jobs_id_seq TO registry_jobd;
GRANT SELECT, INSERT ON public.job_history_records TO registry_jobd;
GRANT USAGE ON SEQUENCE public.job_history_records_id_seq TO registry_jobd;
GRANT SELECT ON public.cos, public.people, public.external_identities TO registry_jobd;

-- ---- registry_jobd_nester: CoreJob.NesterJob, which makes people members of groups ----

-- The role registry_jobd had these rights once: its members keep them through the other one.
DO $$ DECLARE member name; BEGIN
  IF has_table_privilege('registry_jobd', 'public.group_members', 'INSERT') THEN
    FOR member IN SELECT pg_get_userbyid(m.member) FROM pg_auth_members m
                   WHERE m.roleid = 'registry_jobd'::regrole LOOP
      EXECUTE format('GRANT registry_jobd_nester TO %I', member);
    END LOOP;
  END IF;
END $$;
REVOKE ALL ON public.groups, public.group_nestings, public.group_members FROM registry_jobd;
REVOKE ALL ON SEQUENCE public.group_nestings_id_seq, public.group_members_id_seq
  FROM registry_jobd;

-- (PostgreSQL asks for UPDATE on a column before it lets a row be locked; groups are not changed.)
GRANT SELECT, UPDATE (modified) ON public.groups TO registry_jobd_nester;
GRANT SELECT, INSERT ON public.group_nestings, public.group_members TO registry_jobd_nester;
GRANT UPDATE (deleted, modified, revision, actor_identifier) ON public.group_members
   TO registry_jobd_nester;
GRANT USAGE ON SEQUENCE public.group_nestings_id_seq, public.group_members_id_seq
   TO registry_jobd_nester;
