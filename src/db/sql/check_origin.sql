-- name: check_origin
-- Whether this database is the one in which the schema was installed or adopted, or a copy of it.
-- params: none
-- result: 1 row: level text, text text, remedy text
SELECT CASE WHEN o.is_known THEN 'ok' ELSE 'error' END,
       CASE WHEN o.is_known THEN 'this database is the one that the schema was installed in'
            ELSE 'this database is a copy of the one that the schema was installed in: no daemon '
                 'runs its jobs' END,
       CASE WHEN NOT o.is_known
            THEN 'if it is to run them: as the owner of public.jobs, registry-job schema adopt' END
  FROM (SELECT EXISTS (SELECT FROM jobd.origin o, pg_control_system() s, pg_database d
                        WHERE o.system_identifier = s.system_identifier
                          AND o.database_oid = d.oid AND d.datname = current_database())
                 AS is_known) o
