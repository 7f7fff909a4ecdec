-- Takes everything of registry-jobd out of the database again. The Registry's own tables
-- and their rows stay as they are; stop the daemons first.
SET client_min_messages = warning;
DROP TRIGGER IF EXISTS jobd_insert ON public.jobs;
DROP TRIGGER IF EXISTS jobd_update ON public.jobs;
DROP TRIGGER IF EXISTS jobd_cancel ON public.jobs;
DROP TRIGGER IF EXISTS jobd_delete ON public.jobs;
DROP TRIGGER IF EXISTS jobd_truncate ON public.jobs;
DROP SCHEMA IF EXISTS jobd CASCADE;
