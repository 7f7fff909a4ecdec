"""Whose code runs with whose rights, and in which database: the owner of public.jobs owns jobd, no
program works as a superuser, nobody's operators run in our statements, and a copy runs no jobs."""
import subprocess

import psycopg2
import pytest
from conftest import (ADOPT, DEFAULTS, LOGIN, OWNER, SCHEMA, Daemon, Database, run_command,
                      write_config)

CONFIG = 78
PARTS = """
SELECT 'schema' AS what, pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = 'jobd'
UNION ALL SELECT relname, pg_get_userbyid(relowner) FROM pg_class
           WHERE relnamespace = 'jobd'::regnamespace
UNION ALL SELECT proname, pg_get_userbyid(proowner) FROM pg_proc
           WHERE pronamespace = 'jobd'::regnamespace"""
# Who calls it leaves his name.
WITNESS = """
CREATE TABLE public.witness (who name);
GRANT INSERT ON public.witness TO PUBLIC;
CREATE FUNCTION public.bear_witness() RETURNS void LANGUAGE sql
  AS $$ INSERT INTO public.witness VALUES (current_user) $$"""


@pytest.fixture
def schema(tmp_path):
    """schema(database, user, action): registry-job schema."""
    def run(database, user, action):
        config = write_config(tmp_path / f"{user}.conf",
                              conninfo=database.cluster.conninfo(database.name, user))
        return run_command(config, "schema", action)
    return run


def owners(db):
    return {row["owner"] for row in db.sql(PARTS)}


def as_role(db, role, *statements):
    conn = db.connect(role)
    try:
        for statement in statements:
            conn.cursor().execute(statement)
    finally:
        conn.close()


@pytest.fixture
def mallory(cluster):
    """A role that may log in, and nothing else."""
    cluster.admin("DO $$ BEGIN CREATE ROLE mallory LOGIN; EXCEPTION WHEN duplicate_object THEN NULL;"
                  " END $$")
    return "mallory"


# ---- who owns what ----

@pytest.mark.parametrize("user", [OWNER, "postgres"])
def test_all_belongs_to_the_owner_of_jobs(plain_db, schema, user):
    """Whoever installs it; and nobody else may call a function in it."""
    db = plain_db
    done = schema(db, user, "install")
    assert done.returncode == 0, done.stderr
    assert owners(db) == {OWNER}
    assert not db.sql("SELECT p.proname FROM pg_proc p CROSS JOIN LATERAL "
                      " aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a"
                      " WHERE p.pronamespace = 'jobd'::regnamespace AND a.grantee = 0")
    assert schema(db, user, "check").returncode == 0
    # What a superuser does not read, the daemon puts into the queue as it starts.
    n = db.value("SELECT count(*) FROM jobd.queue")
    assert n == (50 if user == OWNER else 0)


def test_upgrade_gives_it_to_the_owner(db, schema):
    """An earlier version installed as a superuser left everything to it."""
    db.sql("ALTER SCHEMA jobd OWNER TO postgres")
    for row in db.sql("SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r'"
                      " AND relnamespace = 'jobd'::regnamespace"):
        db.sql(f"ALTER TABLE {row['name']} OWNER TO postgres")
    db.sql("ALTER FUNCTION jobd.foreign_ids OWNER TO postgres")
    db.sql("GRANT EXECUTE ON FUNCTION jobd.foreign_ids TO PUBLIC")
    done = schema(db, OWNER, "upgrade")
    assert done.returncode == 1 and "belongs to the superuser postgres; install once as postgres" in done.stderr
    assert schema(db, "postgres", "upgrade").returncode == 0
    assert owners(db) == {OWNER}
    assert not db.value("SELECT has_function_privilege('public', 'jobd.foreign_ids(text, int, int[])',"
                        " 'EXECUTE')")


def test_upgrade_gives_the_rights_of_what_is_new(db, schema, command):
    """To a role that had what the first schema needs: a daemon goes on before the roles are applied again."""
    first = ("schema_version", "queue", "supervisor", "lane")
    db.sql("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA jobd FROM registry_jobd")
    for row in db.sql("SELECT relname FROM pg_class WHERE relnamespace = 'jobd'::regnamespace AND relkind = 'r'"):
        if row["relname"] not in first:
            db.sql(f"REVOKE ALL ON jobd.{row['relname']} FROM registry_jobd")
    assert "lacks" in command("doctor").stdout
    assert schema(db, OWNER, "upgrade").returncode == 0
    assert "lacks" not in command("doctor").stdout


def test_a_stranger_does_not_install(plain_db, schema, mallory):
    db = plain_db
    db.sql(f"GRANT CREATE ON DATABASE {db.name} TO {mallory}")
    done = schema(db, mallory, "install")
    assert done.returncode == 1, done.stderr
    assert f"role {mallory} does not have the rights of {OWNER}, which owns public.jobs" in done.stderr
    assert f"connect as {OWNER}" in done.stderr
    assert db.value("SELECT to_regnamespace('jobd')") is None


def test_schema_of_a_stranger(plain_db, schema, mallory):
    """A schema jobd, or one table in it, that somebody made beforehand."""
    db = plain_db
    db.sql(f"GRANT CREATE ON DATABASE {db.name} TO {mallory}")
    as_role(db, mallory, "CREATE SCHEMA jobd")
    for user in (OWNER, "postgres"):
        done = schema(db, user, "install")
        assert done.returncode == 1 and f"the schema jobd belongs to {mallory}" in done.stderr
    db.sql(f"ALTER SCHEMA jobd OWNER TO {OWNER}")
    db.sql(f"GRANT CREATE, USAGE ON SCHEMA jobd TO {mallory}")
    as_role(db, mallory, "CREATE TABLE jobd.schema_version (version int, name text, applied timestamptz)")
    done = schema(db, "postgres", "install")
    assert done.returncode == 1 and f"jobd.schema_version belongs to {mallory}" in done.stderr
    assert "DROP SCHEMA jobd CASCADE" in done.stderr
    assert db.value("SELECT count(*) FROM jobd.schema_version") == 0


TRAPS = {
    "trigger": """CREATE FUNCTION jobd.trap() RETURNS trigger LANGUAGE plpgsql
                    AS $$ BEGIN PERFORM public.bear_witness(); RETURN NEW; END $$;
                  CREATE TRIGGER trap BEFORE INSERT ON jobd.schema_version FOR EACH ROW
                    EXECUTE FUNCTION jobd.trap()""",
    "deferred trigger": """CREATE FUNCTION jobd.trap() RETURNS trigger LANGUAGE plpgsql
                    AS $$ BEGIN PERFORM public.bear_witness(); RETURN NEW; END $$;
                  CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON jobd.schema_version
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION jobd.trap()""",
    "rule": """CREATE RULE trap AS ON INSERT TO jobd.schema_version
                 DO ALSO SELECT public.bear_witness()""",
    "check": """CREATE FUNCTION jobd.trap(int) RETURNS boolean LANGUAGE plpgsql
                  AS $$ BEGIN PERFORM public.bear_witness(); RETURN true; END $$;
                ALTER TABLE jobd.schema_version ADD CHECK (jobd.trap(version)) NOT VALID""",
    "domain": """CREATE FUNCTION jobd.trap(text) RETURNS boolean LANGUAGE plpgsql
                   AS $$ BEGIN PERFORM public.bear_witness(); RETURN true; END $$;
                 CREATE DOMAIN jobd.word AS text;
                 ALTER TABLE jobd.schema_version ALTER COLUMN name TYPE jobd.word;
                 ALTER DOMAIN jobd.word ADD CHECK (jobd.trap(VALUE)) NOT VALID""",
    "index": """CREATE FUNCTION jobd.trap(text) RETURNS int LANGUAGE plpgsql IMMUTABLE
                  AS $$ BEGIN PERFORM public.bear_witness(); RETURN 1; END $$;
                CREATE INDEX ON jobd.schema_version (jobd.trap(name)) WHERE version > 4""",
    "policy": """CREATE FUNCTION jobd.trap(int) RETURNS boolean LANGUAGE plpgsql
                  AS $$ BEGIN PERFORM public.bear_witness(); RETURN true; END $$;
                 CREATE POLICY trap ON jobd.schema_version USING (jobd.trap(version));
                 ALTER TABLE jobd.schema_version FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY""",
    "type": """CREATE TYPE jobd.evil AS (version int);
               CREATE FUNCTION jobd.trap(jobd.evil) RETURNS int LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM public.bear_witness(); RETURN 4; END $$;
               CREATE CAST (jobd.evil AS int) WITH FUNCTION jobd.trap(jobd.evil) AS IMPLICIT;
               ALTER TABLE jobd.schema_version RENAME TO old;
               CREATE TABLE jobd.schema_version (version jobd.evil, name text, applied timestamptz);
               INSERT INTO jobd.schema_version VALUES (ROW(4), 'x', now())""",
    "child": """CREATE TABLE jobd.child () INHERITS (jobd.schema_version)""",
    "view": """ALTER TABLE jobd.schema_version RENAME TO old;
               CREATE FUNCTION jobd.trap() RETURNS int LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM public.bear_witness(); RETURN 4; END $$;
               CREATE VIEW jobd.schema_version AS SELECT jobd.trap() AS version""",
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_superuser_runs_no_code_of_the_owner(db, schema, trap):
    """The owner of the tables has laid a trap in the schema; a superuser checks and upgrades it."""
    as_role(db, OWNER, WITNESS, "DELETE FROM jobd.schema_version WHERE version > 4", TRAPS[trap],
            "TRUNCATE public.witness")
    done = schema(db, "postgres", "check")
    assert done.returncode == 1, done.stdout
    done = schema(db, "postgres", "upgrade")
    assert done.returncode == 1
    assert "is not as this program makes it" in done.stderr or "is not installed" in done.stderr, done.stderr
    assert not db.sql("SELECT who FROM public.witness WHERE who = 'postgres'")


def test_a_superuser_removes_without_code_of_the_owner(db, schema):
    """Casts of the columns that are read, of the Registry's table and of ours."""
    as_role(db, OWNER, WITNESS, "CREATE TYPE public.evil AS (b boolean)",
            "CREATE FUNCTION public.trap(public.evil) RETURNS boolean LANGUAGE plpgsql"
            " AS $$ BEGIN PERFORM public.bear_witness(); RETURN false; END $$",
            "CREATE CAST (public.evil AS boolean) WITH FUNCTION public.trap(public.evil) AS ASSIGNMENT",
            "ALTER TABLE public.jobs ALTER deleted DROP DEFAULT",
            "ALTER TABLE public.jobs ALTER deleted TYPE public.evil USING ROW(deleted)::public.evil")
    assert schema(db, "postgres", "remove").returncode == 0
    assert not db.sql("SELECT who FROM public.witness WHERE who = 'postgres'")


def test_roles_run_no_function_of_others(db):
    """schema/roles.sql is applied by a superuser, and begins with a path that has no public in it."""
    as_role(db, OWNER, WITNESS, "CREATE FUNCTION public.has_table_privilege(text, text, text)"
            " RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.bear_witness(); RETURN true; END $$",
            "CREATE FUNCTION public.format(text, name) RETURNS text LANGUAGE plpgsql"
            " AS $$ BEGIN PERFORM public.bear_witness(); RETURN 'SELECT 1'; END $$")
    db.cluster.load(db.name, SCHEMA / "roles.sql", "postgres")
    assert not db.sql("SELECT who FROM public.witness")


def test_a_superuser_reads_no_row_of_public(plain_db, schema):
    """Not even of the table jobs, which its owner made a view of."""
    db = plain_db
    as_role(db, OWNER, WITNESS, "ALTER TABLE public.jobs RENAME TO real_jobs",
            "CREATE FUNCTION public.trap() RETURNS boolean LANGUAGE plpgsql"
            " AS $$ BEGIN PERFORM public.bear_witness(); RETURN true; END $$",
            "CREATE VIEW public.jobs AS SELECT * FROM public.real_jobs WHERE public.trap()")
    done = schema(db, "postgres", "install")
    assert done.returncode == 1 and "there is no table public.jobs" in done.stderr
    as_role(db, OWNER, "DROP VIEW public.jobs", "ALTER TABLE public.real_jobs RENAME TO jobs",
            "CREATE FUNCTION public.trap_row() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN PERFORM public.bear_witness(); RETURN NEW; END $$",
            "CREATE TRIGGER trap BEFORE INSERT OR UPDATE ON public.jobs FOR EACH ROW"
            " EXECUTE FUNCTION public.trap_row()")
    assert schema(db, "postgres", "install").returncode == 0
    assert not db.sql("SELECT who FROM public.witness")


def test_parameters_run_no_code_of_others(empty_queue, tmp_path, mallory):
    """Ids of a parameter are looked up with the rights of the owner of jobd, in his tables only: not
    in views, not in tables of others, and not for everybody."""
    db = empty_queue
    evil = ("CREATE FUNCTION public.trap() RETURNS boolean LANGUAGE plpgsql"
            " AS $$ BEGIN PERFORM public.bear_witness(); RETURN true; END $$")
    as_role(db, OWNER, WITNESS, "ALTER TABLE public.groups RENAME TO real_groups", evil,
            "CREATE VIEW public.groups AS SELECT id, co_id, public.trap() AS deleted"
            " FROM public.real_groups")
    config = write_config(tmp_path / "fk.conf", {"Any.Model": {"command": "/bin/true",
                                                               "parameter.group_id": "fk"}},
                          **{**DEFAULTS, "conninfo": db.conninfo})
    done = run_command(config, "-c", "2", "-j", "Any.Model", "group_id=9")
    assert done.returncode != 0 and 'the Registry has no table "groups"' in done.stderr, done.stderr
    assert not db.sql("SELECT who FROM public.witness")
    db.sql(f"GRANT CREATE ON SCHEMA public TO {mallory}")
    as_role(db, mallory, "CREATE TABLE public.widgets (id int, co_id int)")
    with pytest.raises(psycopg2.errors.UndefinedTable):
        as_role(db, LOGIN, "SELECT jobd.foreign_ids('widgets', 2, '{1}')")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        as_role(db, mallory, "SELECT jobd.foreign_ids('people', 2, '{1}')")


# ---- no superuser ----

@pytest.mark.parametrize("user, disguise", [("postgres", ""), ("postgres", " options='-c role=jobd'"),
                                            ("friend", "")])
def test_no_program_works_as_a_superuser(empty_queue, daemon, tmp_path, add_job, user, disguise):
    """Not behind another role, either, nor as a friend of one: RESET ROLE or SET ROLE in a function
    of anybody's ends that."""
    db = empty_queue
    job = add_job(2)
    db.cluster.admin("DO $$ BEGIN CREATE ROLE friend LOGIN IN ROLE registry_jobd, postgres;"
                     " EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    conninfo = db.cluster.conninfo(db.name, user) + disguise
    running = daemon(ready=False, conninfo=conninfo)
    running.wait_log(f"role {user} is a superuser, or may become one")
    running.wait_log("schema roles")
    config = write_config(tmp_path / "super.conf", **{**DEFAULTS, "conninfo": conninfo})
    for verb in (["list"], ["doctor"], ["status"], ["cancel", str(job)], ["-r", "-c", "all"],
                 ["-c", "2", "-j", "Example.NoopJob", "-s"], ["-c", "2", "-j", "Example.NoopJob"]):
        done = run_command(config, *verb)
        said = done.stderr + done.stdout
        assert done.returncode not in (0, 2) and "is a superuser" in said and "schema roles" in said, verb
    assert db.status(job) == "Q" and db.value("SELECT count(*) FROM public.jobs") == 1
    assert not db.value("SELECT count(*) FROM jobd.supervisor")


# ---- nobody's operators ----

OPERATORS = [("=", "varchar", "varchar"), ("=", "varchar", "text"), ("=", "text", "varchar"),
             ("=", "int4", "int4"), ("<>", "varchar", "varchar"), (">", "timestamp", "timestamptz")]


def test_no_operator_of_a_stranger_runs(empty_queue, daemon, command, schema, add_job, mallory):
    """One in the schema public that fits better than PostgreSQL's: neither daemon nor command, nor a
    superuser who installs, ever calls it."""
    db = empty_queue
    db.sql(f"GRANT CREATE ON SCHEMA public TO {mallory}")
    db.sql(WITNESS)
    for i, (name, left, right) in enumerate(OPERATORS):
        as_role(db, mallory, f"CREATE FUNCTION public.trap{i}({left}, {right}) RETURNS boolean LANGUAGE"
                " plpgsql AS $$ BEGIN PERFORM public.bear_witness(); RETURN false; END $$",
                f"CREATE OPERATOR public.{name} (LEFTARG = {left}, RIGHTARG = {right},"
                f" FUNCTION = public.trap{i})")
    # The kind: with public in the path it does run.
    as_role(db, LOGIN, "SET search_path = pg_catalog, public",
            "SELECT count(*) FROM public.cos WHERE status = 'A'")
    assert db.sql("SELECT who FROM public.witness")
    db.sql("TRUNCATE public.witness")
    daemon(sweep="1s", cancel_poll="1s")
    jobs = [add_job(2, "Example.CountJob", {"records": 2}, requeue_interval=3600),
            add_job(2, "Example.CountJob", {"end": "kill"}, retry_interval=3600)]
    assert [row["status"] for row in db.wait_final(*jobs)] == ["OK", "X"]
    for words in (["doctor"], ["queue"], ["status"], ["list"], ["why", jobs[0]], ["show", jobs[1]],
                  ["metrics"], ["-c", 2, "-j", "Example.NoopJob"]):
        command(*words)
    for action in ("check", "upgrade"):
        assert schema(db, "postgres", action).returncode == 0
    assert not db.sql("SELECT who FROM public.witness")


def test_doctor_says_who_may_create_in_public(empty_queue, command, mallory):
    db = empty_queue
    assert "nobody but its owner" in command("doctor").stdout
    for grantee, name in ((mallory, mallory), ("PUBLIC", "PUBLIC")):
        db.sql(f"GRANT CREATE ON SCHEMA public TO {grantee}")
        done = command("doctor")
        assert f"{name} may create functions and operators" in done.stdout
        assert f"REVOKE CREATE ON SCHEMA public FROM {name}" in done.stdout


# ---- which database ----

@pytest.fixture
def encoded(cluster):
    """encoded(encoding): a database of that encoding, with the Registry's tables."""
    made = []

    def make(encoding):
        name = f"in_{encoding.lower()}"
        cluster.admin(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 ENCODING '{encoding}'"
                      " LC_COLLATE 'C' LC_CTYPE 'C'")
        made.append(name)
        with psycopg2.connect(cluster.conninfo(name, OWNER)) as conn:
            conn.cursor().execute("CREATE TABLE public.jobs (id int)")
        conn.close()
        return name

    yield make
    for name in made:
        cluster.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_only_utf8(cluster, encoded, tmp_path, encoding):
    """Refused by the installation, by the daemon's start and by doctor, with what to do."""
    name = encoded(encoding)
    for user, words in ((OWNER, ["schema", "install"]), (LOGIN, ["doctor"]), (LOGIN, ["-r", "-c", "all"])):
        config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": cluster.conninfo(name, user)})
        done = run_command(config, *words)
        said = done.stderr + done.stdout
        assert done.returncode != 0 and f"database {name} has the encoding {encoding}" in said, words
        assert "create it again with ENCODING 'UTF8'" in said
    running = Daemon("encoded", config, tmp_path / "log")
    try:
        running.wait_log(f"has the encoding {encoding}")
    finally:
        running.kill()


@pytest.fixture
def copy(cluster, db):
    """A dump of the test's database, restored into another one on the same server."""
    name = f"{db.name}_copy"

    def make():
        cluster.admin(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0")
        dump = subprocess.run([cluster.bin / "pg_dump", "-d", cluster.conninfo(db.name, "postgres")],
                              capture_output=True, timeout=50, check=True)
        subprocess.run([cluster.bin / "psql", "-qXd", cluster.conninfo(name, "postgres"), "-v",
                        "ON_ERROR_STOP=1"], input=dump.stdout, stdout=subprocess.DEVNULL, timeout=50,
                       check=True)
        return Database(cluster, name)
    yield make
    cluster.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_a_copy_runs_no_jobs_unasked(empty_queue, copy, daemon, add_job, schema, tmp_path):
    """A staging copy: the daemon ends with 78 and says how to adopt it; adopted, it runs them."""
    db = empty_queue
    job = add_job(2)
    staging = copy()
    config = write_config(tmp_path / "staging.conf", **{**DEFAULTS, "conninfo": staging.conninfo})
    refused = daemon(ready=False, conninfo=staging.conninfo)
    assert refused.wait(20) == CONFIG
    assert refused.count("this database is a copy of the one") == 1 and refused.count("schema adopt")
    done = run_command(config, "-r", "-c", "all")
    assert done.returncode and "schema adopt" in done.stderr
    done = run_command(config, "doctor")
    assert "origin" in done.stdout and "schema adopt" in done.stdout
    assert staging.status(job) == "Q" and db.status(job) == "Q"
    done = schema(staging, "postgres", "adopt")
    assert done.returncode == 1 and f"connect as {OWNER}" in done.stderr
    assert schema(staging, OWNER, "adopt").returncode == 0
    assert run_command(config, "-r", "-c", "all").returncode == 0
    assert staging.status(job) == "OK" and db.status(job) == "Q"
    staging.close()


def test_another_server_is_a_copy_too(empty_queue, command, add_job):
    """The same number of the database on another server, as after pg_upgrade."""
    db = empty_queue
    job = add_job(2)
    db.sql("UPDATE jobd.origin SET system_identifier = system_identifier + 1")
    done = command("-r", "-c", "all")
    assert done.returncode and "is a copy" in done.stderr and db.status(job) == "Q"
    done = command("-c", 2, "-j", "Example.NoopJob", "-s")
    assert done.returncode == 1 and "is a copy" in done.stderr
    db.sql(ADOPT.replace("SET ", "SET system_identifier = system_identifier - 1, "))
    assert command("-r", "-c", "all").returncode == 0 and db.status(job) == "OK"
