"""The schema jobd: the queue is what its definition says, whoever writes to public.jobs."""
import re
import subprocess
import time

import psycopg2
import pytest
from conftest import COMMAND, HOST, OWNER, SCHEMA, SLOW, run_command, wait_for, write_config

WRONG = """
WITH wanted AS (
  SELECT id AS job_id, co_id, start_after_time AS due FROM public.jobs
   WHERE status = 'Q' AND job_id IS NULL AND deleted IS NOT TRUE
), kept AS (SELECT job_id, co_id, due FROM jobd.queue)
(TABLE wanted EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE wanted)"""
# ready: never without being due; a due row becomes ready at the next look (promote).
WRONG_READY = """SELECT job_id FROM jobd.queue
                  WHERE ready AND due > now() AT TIME ZONE 'UTC' + interval '1 second'"""


class Writer:
    """Random statements against public.jobs, as all sorts of people would write them."""

    def __init__(self, db, rng):
        self.db, self.rng = db, rng

    def ids(self, n=1):
        rows = self.db.sql("SELECT id FROM public.jobs")
        return [row["id"] for row in self.rng.sample(rows, min(n, len(rows)))] or [0]

    def time(self):
        return self.rng.choice(["NULL", "now() - interval '1 hour'", "now() + interval '1 hour'",
                                "'infinity'", "'-infinity'", "'1999-01-01'"])

    def status(self):
        return self.rng.choice(["'Q'"] * 4 + ["'A'", "'GO'", "'OK'", "'X'", "'CX'", "NULL", "'ZZ'"])

    def insert(self):
        rows = ", ".join(
            f"({self.rng.randint(1, 6)}, {self.status()}, 'P.M', {self.time()},"
            f" {self.rng.choice(['NULL', 'NULL', str(self.ids()[0] or 'NULL')])},"
            f" {self.rng.choice(['true', 'false', 'NULL'])}, now())"
            for _ in range(self.rng.randint(1, 4)))
        return ("INSERT INTO public.jobs (co_id, status, plugin, start_after_time, job_id, deleted,"
                f" created) VALUES {rows}")

    def update(self):
        change = self.rng.choice([
            f"status = {self.status()}", f"status = {self.status()}",
            f"co_id = {self.rng.randint(1, 6)}", f"start_after_time = {self.time()}",
            f"job_id = {self.rng.choice(['NULL', str(self.ids()[0] or 'NULL')])}",
            f"deleted = {self.rng.choice(['NULL', 'true', 'false'])}", "percent_complete = 5",
            f"status = {self.status()}, co_id = 3, start_after_time = {self.time()}",
            "id = id + 100000"])
        if change.startswith("id"):
            free = self.db.sql("SELECT id FROM public.jobs j WHERE NOT EXISTS (SELECT FROM"
                               " public.jobs k WHERE k.job_id = j.id OR"
                               " k.requeued_from_job_id = j.id) AND NOT EXISTS (SELECT FROM"
                               " public.job_history_records r WHERE r.job_id = j.id)"
                               " AND id < 100000 ORDER BY 1 DESC LIMIT 2")
            ids = [row["id"] for row in free] or [0]
        else:
            ids = self.ids(self.rng.randint(1, 5))
        return f"UPDATE public.jobs SET {change} WHERE id IN ({', '.join(map(str, ids))})"

    def delete(self):
        return ("DELETE FROM public.jobs j WHERE id IN"
                f" ({', '.join(map(str, self.ids(3)))})"
                " AND NOT EXISTS (SELECT FROM public.jobs k WHERE k.job_id = j.id"
                " OR k.requeued_from_job_id = j.id) AND NOT EXISTS"
                " (SELECT FROM public.job_history_records r WHERE r.job_id = j.id)")

    def save(self):
        """As PHP saves: the old values as a copy, then the update, in one transaction."""
        job = self.ids()[0]
        return (f"BEGIN; INSERT INTO public.jobs (co_id, job_id, plugin, status, start_after_time,"
                f" deleted, revision, created) SELECT co_id, id, plugin, status, start_after_time,"
                f" deleted, revision, created FROM public.jobs WHERE id = {job};"
                f" UPDATE public.jobs SET status = {self.status()}, revision = revision + 1"
                f" WHERE id = {job}; {self.rng.choice(['COMMIT', 'COMMIT', 'ROLLBACK'])}")

    def upsert(self):
        return (f"INSERT INTO public.jobs (id, co_id, status, created) VALUES"
                f" ({self.ids()[0] or 1}, 2, 'Q', now())"
                f" ON CONFLICT (id) DO UPDATE SET status = {self.status()}")

    def subtransaction(self):
        return f"BEGIN; SAVEPOINT s; {self.update()}; ROLLBACK TO s; {self.insert()}; COMMIT"

    def truncate(self):
        return "TRUNCATE public.jobs CASCADE"

    def next(self):
        kinds = ([self.insert] * 6 + [self.update] * 8 + [self.delete] * 2 + [self.save] * 4 +
                 [self.upsert, self.subtransaction])
        return self.rng.choice(kinds)() if self.rng.random() > 0.01 else self.truncate()


@pytest.mark.parametrize("clean", [False, True], ids=["shipped", "empty"])
def test_queue_follows_every_statement(request, db, rng, clean):
    """After each of 300 random statements the queue is what its definition says."""
    if clean:
        request.getfixturevalue("empty_queue")
    writer = Writer(db, rng)
    for i in range(300):
        statement = writer.next()
        db.sql(statement + "; SELECT 1")
        assert not db.sql(WRONG), f"statement {i}: {statement}"
        assert not db.sql(WRONG_READY), f"statement {i}: {statement}"
    assert db.value("SELECT jobd.resync()") == 0


def test_install_fills_the_queue(db):
    """What was Queued before the installation is in the queue after it."""
    assert db.value("SELECT count(*) FROM jobd.queue") == 50
    assert not db.sql(WRONG)


def test_resync_repairs(db, rng):
    """A restore with the triggers disabled, and rows that nobody can explain."""
    db.sql("ALTER TABLE public.jobs DISABLE TRIGGER USER")
    writer = Writer(db, rng)
    for _ in range(30):
        db.sql(writer.insert())
        db.sql(writer.update())
    db.sql("ALTER TABLE public.jobs ENABLE TRIGGER USER")
    db.sql("INSERT INTO jobd.queue VALUES (2000000000, 2, NULL, true)")
    wrong = db.sql(WRONG)
    assert wrong and db.value("SELECT jobd.resync()") >= 1
    assert not db.sql(WRONG) and db.value("SELECT jobd.resync()") == 0


def test_daemon_repairs_at_start(db, daemon):
    """Rows that were restored with triggers disabled are run."""
    db.sql("ALTER TABLE public.jobs DISABLE TRIGGER USER")
    job = db.value("INSERT INTO public.jobs (co_id, plugin, status, created) VALUES"
                   " (2, 'Example.NoopJob', 'Q', now()) RETURNING id")
    db.sql("ALTER TABLE public.jobs ENABLE TRIGGER USER")
    daemon(unknown_models="fail")
    assert db.wait_final(job)[0]["status"] == "OK"


def test_drain_runs_what_it_repaired(empty_queue, command, add_job):
    """A job that was written with the triggers disabled is not left behind."""
    db = empty_queue
    db.sql("ALTER TABLE public.jobs DISABLE TRIGGER USER")
    job = add_job(2)
    db.sql("ALTER TABLE public.jobs ENABLE TRIGGER USER")
    assert db.value("SELECT count(*) FROM jobd.queue") == 0
    done = command("-r", "-c", "all")
    assert done.returncode == 0 and db.status(job) == "OK", done.stderr


def test_one_notification_per_co_and_transaction(empty_queue):
    """LESSONS 15: a transaction that queues 500 jobs of two COs sends two notifications."""
    db = empty_queue
    listener = db.connect()
    listener.cursor().execute("LISTEN registry_jobd")
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 2 + i % 2, 'P.M', 'Q',"
           " now() FROM generate_series(1, 500) i")
    listener.cursor().execute("SELECT 1")
    listener.poll()
    assert sorted(n.payload for n in listener.notifies) == ["queued 2", "queued 3"]
    listener.close()


def test_silent_writes(empty_queue, add_job):
    """No notification that nobody needs: copies, progress, final statuses, cancel of Queued."""
    db = empty_queue
    job = add_job(2, status="GO")
    far = add_job(2, delay=86400)
    listener = db.connect()
    listener.cursor().execute("LISTEN registry_jobd")
    add_job(2, job_id=job)
    db.sql("UPDATE public.jobs SET percent_complete = 5, revision = 7 WHERE id = %s", job)
    db.sql("UPDATE public.jobs SET status = 'OK' WHERE id = %s", job)
    db.cancel(far)
    db.sql("DELETE FROM public.jobs")
    listener.cursor().execute("SELECT 1")
    listener.poll()
    assert not listener.notifies
    listener.close()


def config_of(plain_db, tmp_path):
    return write_config(tmp_path / "schema.conf", conninfo=plain_db.owners)


def test_two_installs_at_once(plain_db, tmp_path):
    """Eight at once: all succeed, the schema is there once."""
    config = config_of(plain_db, tmp_path)
    running = [subprocess.Popen([str(COMMAND), "--config", str(config), "schema", "install"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE) for _ in range(8)]
    for process in running:
        _, errors = process.communicate(timeout=50)
        assert process.returncode == 0, errors
    versions = plain_db.sql("SELECT version FROM jobd.schema_version ORDER BY 1")
    files = sorted(SCHEMA.glob("[0-9]*.sql"))
    assert [row["version"] for row in versions] == list(range(1, len(files) + 1))
    assert not plain_db.sql(WRONG)


def test_installation_waits_for_so_long(plain_db, tmp_path):
    """For another installation, and for whoever uses the Registry's table; it says so."""
    config = config_of(plain_db, tmp_path)
    began = time.monotonic()
    with plain_db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("LOCK TABLE public.jobs IN ROW EXCLUSIVE MODE")
        done = run_command(config, "schema", "install")
        assert done.returncode == 1 and "public.jobs" in done.stderr and "within 15 s" in done.stderr
    conn.close()
    assert time.monotonic() - began < 25 * SLOW
    assert plain_db.value("SELECT to_regnamespace('jobd')") is None
    assert run_command(config, "schema", "install").returncode == 0
    with plain_db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("LOCK TABLE jobd.schema_version IN SHARE ROW EXCLUSIVE MODE")
        done = run_command(config, "schema", "upgrade")
        assert done.returncode == 1 and "another installation" in done.stderr, done.stderr
        assert "doctor" in done.stderr
    conn.close()
    assert run_command(config, "schema", "upgrade").returncode == 0


def test_upgrade_waits_for_so_long(db, tmp_path):
    """Behind whoever uses the Registry's table others queue up: not for as long as for another
    installation."""
    config = config_of(db, tmp_path)
    db.sql("DELETE FROM jobd.schema_version WHERE version >= 9")  # that one makes triggers
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("LOCK TABLE public.jobs IN ROW EXCLUSIVE MODE")
        began = time.monotonic()
        done = run_command(config, "schema", "upgrade")
        took = time.monotonic() - began
    conn.close()
    assert done.returncode == 1 and "within 10 s" in done.stderr, done.stderr
    assert 9 < took < 13 * SLOW


def test_install_check_remove(plain_db, tmp_path):
    """check says what is missing; removal leaves the Registry's tables as they were."""
    config = config_of(plain_db, tmp_path)
    shape = """SELECT md5(string_agg(x, E'\\n' ORDER BY x)) FROM (
        SELECT relname || attname || attnum AS x FROM pg_class c JOIN pg_attribute a
            ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT j::text FROM public.jobs j) s"""
    before = plain_db.value(shape)
    assert run_command(config, "schema", "check").returncode == 1
    assert run_command(config, "schema", "install").returncode == 0
    assert run_command(config, "schema", "check").returncode == 0
    assert run_command(config, "schema", "upgrade").returncode == 0
    assert run_command(config, "schema", "remove").returncode == 0
    assert plain_db.value(shape) == before
    assert plain_db.value("SELECT to_regnamespace('jobd')") is None
    assert run_command(config, "schema", "remove").returncode == 0
    assert run_command(config, "schema", "install").returncode == 0
    assert not plain_db.sql(WRONG)


def test_registry_upgrade_leaves_us_alone(db):
    """No columns or indexes of ours on the Registry's tables: its upgrade would drop them."""
    assert not db.sql("SELECT indexrelid::regclass FROM pg_index WHERE indrelid::regclass::text"
                      " IN ('jobs', 'job_history_records') AND indexrelid::regclass::text"
                      " LIKE '%%jobd%%'")
    assert not db.sql("SELECT conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
                      " WHERE t.relnamespace = 'jobd'::regnamespace AND contype = 'f'"
                      " AND confrelid IN (SELECT oid FROM pg_class WHERE relnamespace ="
                      " 'public'::regnamespace)")


def test_deleting_a_co(db, cos, add_job):
    """The Registry hard-deletes a CO with its jobs: nothing of ours is in the way."""
    co, = cos(1)
    add_job(co)
    db.sql("DELETE FROM public.jobs WHERE co_id = %s", co)
    db.sql("DELETE FROM public.cos WHERE id = %s", co)
    assert not db.sql("SELECT job_id FROM jobd.queue WHERE co_id = %s", co)


@pytest.fixture
def role(db):
    """A login with the rights of schema/roles.sql and no others."""
    with db.conn.cursor() as cursor:
        # Roles belong to the cluster: two tests may make it at once.
        cursor.execute("DO $$ BEGIN CREATE ROLE registry_jobd NOLOGIN; EXCEPTION WHEN"
                       " duplicate_object OR unique_violation THEN NULL; END $$")
        cursor.execute("DO $$ BEGIN CREATE ROLE jobd_login LOGIN; EXCEPTION WHEN"
                       " duplicate_object OR unique_violation THEN NULL; END $$")
        cursor.execute((SCHEMA / "roles.sql").read_text())
        cursor.execute("GRANT registry_jobd TO jobd_login")
    db.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    return "jobd_login"


def test_daemon_with_its_own_role(empty_queue, daemon, add_job, role, trace):
    """The daemon needs nothing but what schema/roles.sql grants."""
    db = empty_queue
    person = db.value("SELECT min(id) FROM public.people WHERE co_id = 2 AND person_id IS NULL"
                      " AND deleted IS NOT TRUE")
    running = daemon(conninfo=db.cluster.conninfo(db.name, role), sweep="1s", cancel_poll="1s",
                     unknown_models="fail")
    ok = add_job(2, "Example.CountJob", {"count": 3, "records": 3, "person_id": person},
                 requeue_interval=1)
    fail = add_job(2, "Example.CountJob", {"end": "fail"}, retry_interval=60)
    gone = add_job(2, "Example.CountJob", {"end": "kill", "records": 2}, retry_interval=60)
    none = add_job(2, "None.Job", {})
    delayed = add_job(2, delay=1)
    rows = db.wait_final(ok, fail, gone, none, delayed)
    assert [row["status"] for row in rows] == ["OK", "X", "X", "X", "OK"]
    assert len(db.history(ok)) == 9
    long = add_job(3, "Example.CountJob", {"sleep_ms": 60000, "trace": trace.path})
    db.wait_status(long, "GO")
    db.cancel(long)
    db.wait_final(add_job(3))
    assert db.status(long) == "CX"
    assert running.stop() == 0
    assert not running.count("permission denied")
    assert not db.value("SELECT count(*) FROM jobd.supervisor")


def test_registry_role_needs_no_rights(empty_queue):
    """The Registry's own role writes jobs without any right in our schema."""
    db = empty_queue
    db.sql("DO $$ BEGIN CREATE ROLE registry_app LOGIN; EXCEPTION WHEN duplicate_object"
           " OR unique_violation THEN NULL; END $$")
    db.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO registry_app")
    db.sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO registry_app")
    conn = db.connect("registry_app")
    cursor = conn.cursor()
    cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, created) VALUES"
                   " (2, 'P.M', 'Q', now()) RETURNING id")
    job = cursor.fetchone()["id"]
    assert not db.sql(WRONG) and db.value("SELECT count(*) FROM jobd.queue") == 1
    cursor.execute("UPDATE public.jobs SET status = 'GO'")
    cursor.execute("UPDATE public.jobs SET status = 'CX'")
    cursor.execute("DELETE FROM public.jobs WHERE id = %s", (job,))
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT * FROM jobd.queue")
    conn.close()
    assert not db.sql(WRONG)


def test_older_schema(empty_queue, daemon, command, add_job):
    """A program that needs a newer schema says so and runs nothing; when the schema is there, it
    begins by itself."""
    db = empty_queue
    last = db.value("SELECT max(version) FROM jobd.schema_version")
    name = db.value("SELECT name FROM jobd.schema_version WHERE version = %s", last)
    db.sql("DELETE FROM jobd.schema_version WHERE version = %s", last)
    job = add_job(2)
    running = daemon(ready=False, heartbeat="1s", lease="3s")
    running.wait_log(f"the schema jobd has version {last - 1}, and this program needs {last}")
    running.wait_log("schema install")
    done = command("-c", 2, "-j", "Example.NoopJob", "-s")
    assert done.returncode == 1 and f"this program needs {last}" in done.stderr
    assert not db.value("SELECT count(*) FROM jobd.supervisor")
    assert db.status(job) == "Q" and db.value("SELECT count(*) FROM jobs") == 1
    db.sql("INSERT INTO jobd.schema_version (version, name) VALUES (%s, %s)", last, name)
    running.wait_ready()
    db.wait_final(job)
    assert db.status(job) == "OK"


def test_nester_has_a_role_of_its_own(empty_queue, role, daemon, add_job):
    """The daemon's role cannot change who is in a group; the nester's can, and nothing else."""
    db = empty_queue
    conn = db.connect(role)
    for statement in ("INSERT INTO public.group_members (group_id) VALUES (1)",
                      "SELECT count(*) FROM public.group_nestings",
                      "UPDATE public.groups SET modified = NULL"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            conn.cursor().execute(statement)
    conn.close()
    assert not db.value("SELECT has_table_privilege('registry_jobd_nester', 'public.jobs', 'SELECT')")

    db.sql(f"GRANT registry_jobd_nester TO {role}")
    try:
        running = daemon(conninfo=db.cluster.conninfo(db.name, role), load="CoreJob")
        job = add_job(2, "CoreJob.NesterJob", {"group_id": 9, "target_group_id": 10})
        assert db.wait_final(job)[0]["status"] == "OK"
        assert not running.count("permission denied")
    finally:
        db.sql(f"REVOKE registry_jobd_nester FROM {role}")


def test_nester_after_an_upgrade(db, role):
    """A login that had the rights through registry_jobd has them through the other role."""
    db.sql("GRANT SELECT, INSERT ON public.group_members TO registry_jobd")  # as it was once
    assert not db.value("SELECT pg_has_role(%s, 'registry_jobd_nester', 'USAGE')", role)
    try:
        for _ in range(2):
            db.sql((SCHEMA / "roles.sql").read_text())
            assert db.value("SELECT pg_has_role(%s, 'registry_jobd_nester', 'USAGE')", role)
            assert not db.value(
                "SELECT has_table_privilege('registry_jobd', 'public.group_members', 'INSERT')")
    finally:
        db.sql(f"REVOKE registry_jobd_nester FROM {role}")


@pytest.fixture
def owner(db, command):
    """The command as the owner of the tables."""
    command.config.write_text(command.config.read_text().replace(db.conninfo, db.owners))
    return command


def test_remove_under_a_daemon(empty_queue, daemon, owner, add_job, trace):
    """Refused by name, and what runs ends as it should; with --force it is done and said."""
    db = empty_queue
    running = daemon(heartbeat="1s", lease="3s")
    job = add_job(2, "Example.CountJob", {"sleep_ms": 500, "count": 2, "trace": trace.path})
    wait_for(lambda: job in trace.begun())
    done = owner("schema", "remove")
    assert done.returncode == 1
    assert f"in use by the daemon on {HOST}, PID {running.pid}" in done.stderr
    assert "--force" in done.stderr and "removed" not in done.stderr
    db.wait_final(job)
    assert owner("schema", "check").returncode == 0
    done = owner("schema", "remove", "--force")
    assert done.returncode == 0
    assert re.search(r"removed the schema jobd \(version \d+: \d+ tables, \d\d functions\) and 5 triggers",
                     done.stderr), done.stderr
    assert db.value("SELECT to_regnamespace('jobd')") is None
    again = owner("schema", "remove")
    assert again.returncode == 0 and "nothing to remove" in again.stderr


@pytest.mark.parametrize("seen, code", [("0s", 1), ("-50s", 1), ("50s", 1), ("-61s", 0), ("61s", 0)])
def test_remove_beside_a_command(empty_queue, owner, add_job, seen, code):
    """A command that runs a job is as good as a daemon, until its lease is over; what it leaves is said."""
    db = empty_queue
    db.sql("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers,"
           " lease, seen) VALUES (1, 'command', 'far', 4711, 'b', 1, '0', 1, '1min',"
           " now() + %s::interval)", seen)
    add_job(2, status="GO", assigned_host="far", assigned_pid=4711)
    done = owner("schema", "remove")
    assert done.returncode == code
    assert ("the command on far, PID 4711" if code else "1 job stays assigned or in progress") in done.stderr


def test_remove_waits_for_locks(empty_queue, owner, add_job):
    """With a word, not for ever, and never so that the Registry waits behind it for long."""
    db = empty_queue
    other = db.connect(OWNER, autocommit=False)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid() AS pid FROM public.jobs")
        pid = db.value("SELECT pid FROM pg_stat_activity WHERE application_name = 'test' AND state ="
                       " 'idle in transaction' AND datname = current_database()")
    process = subprocess.Popen([*owner.argv, "schema", "remove"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    db.sql("SET statement_timeout = '5s'")
    while process.poll() is None:
        add_job(2)
    _, errors = process.communicate()
    other.close()
    assert process.returncode == 1
    assert "waiting for " in errors and f"PID {pid} (test, idle in transaction)" in errors
    assert "nothing was removed" in errors
    assert owner("schema", "check").returncode == 0
    assert owner("schema", "remove").returncode == 0


def test_remove_behind_an_exclusive_lock(empty_queue, owner):
    """Not even what it counts before waits for longer."""
    db = empty_queue
    lock = db.connect(OWNER, autocommit=False)
    lock.cursor().execute("LOCK TABLE public.jobs IN ACCESS EXCLUSIVE MODE")
    began = time.monotonic()
    done = owner("schema", "remove")
    assert done.returncode == 1 and "nothing was removed" in done.stderr, done.stderr
    assert time.monotonic() - began < 20 * SLOW
    lock.close()


def test_remove_by_hand(empty_queue):
    """schema/remove.sql asks as well, and is all or nothing."""
    db = empty_queue
    db.sql("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers,"
           " lease) VALUES (1, 'daemon', 'far', 4711, 'b', 1, '0', 1, '1min')")
    with pytest.raises(psycopg2.Error, match="in use by the daemon on far"):
        db.sql((SCHEMA / "remove.sql").read_text())
    assert db.value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'jobd%%'") == 5
    db.sql("SET jobd.force = on")
    db.sql((SCHEMA / "remove.sql").read_text())
    assert db.value("SELECT to_regnamespace('jobd')") is None
