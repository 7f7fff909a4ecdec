"""registry-job doctor: every check, with what it looks at broken on purpose."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import pytest
from conftest import HOST, SCHEMA, wait_for
from test_explain import as_anybody, fake, login, queue  # noqa: F401  # fixtures

OK, FAILED = 0, 1
COUNT = "Example.CountJob"
ROLE_ONLY = pytest.mark.parametrize("as_anybody", ["role"], indirect=True)

def doctor(command, check, result, *words):
    """The findings of one check; one of them has this result and these words, as text as well."""
    done = command("doctor", "--json")
    report = json.loads(done.stdout)
    found = [f for f in report["checks"] if f["check"] == check]
    assert any(f["result"] == result and all(str(word) in f["text"] for word in words)
               for f in found), (found, words)
    assert all(f["remedy"] for f in found if f["result"] != "ok"), found
    worst = max((f["result"] for f in report["checks"]),
                key=["ok", "notice", "warning", "error"].index)
    assert report["result"] == worst and not done.stderr
    if done.returncode != 69:
        assert done.returncode == (FAILED if worst in ("warning", "error") else OK)
    text = command("doctor")
    assert text.returncode == done.returncode
    assert any(line.split()[0] == result and all(str(word) in line for word in words)
               for line in text.stdout.splitlines()), text.stdout
    return found


@pytest.fixture
def well(queue, fake):
    """A database where all is well."""
    fake()
    return queue


def test_doctor_well(well, as_anybody):
    """Nothing to say: exit code 0, and no line with --quiet."""
    done = as_anybody("doctor")
    assert done.returncode == OK, done.stdout
    assert not re.search(r"^(warning|error)", done.stdout, re.MULTILINE)
    for check in ("connection", "pooler", "schema", "triggers", "rights", "queue", "daemons",
                  "supervisors", "lanes", "holders", "stalled", "clock", "transactions",
                  "dead rows", "notifications", "settings", "connections"):
        assert re.search(rf"^(ok|notice) +{check} ", done.stdout, re.MULTILINE), check
    assert "ok " not in as_anybody("doctor", "-q").stdout


def test_doctor_with_a_daemon(queue, command, daemon, add_job, trace):
    """A real one, at work."""
    daemon()
    add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_for(trace.begun)
    doctor(command, "daemons", "ok", "1 with 4 workers")
    doctor(command, "lanes", "ok", "1 held")
    assert command("doctor").returncode == OK


def test_doctor_shipped(db, as_anybody):
    """What a killed runner of another host left, with the evidence."""
    for job in db.live(status="A") + db.live(status="GO"):
        found = doctor(as_anybody, "holders", "warning", f"job {job['id']} ", f"CO {job['co_id']}",
                       job["assigned_host"], job["assigned_pid"], "since",
                       "no daemon of ours is known on that host")
        assert any(f"settle {job['id']}" in f["remedy"] for f in found)
    doctor(as_anybody, "daemons", "warning", "no daemon")


def test_doctor_holders_here(well, command, add_job):
    """On this host it says whether the process is there, and what it is."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        job = add_job(2, status="GO", assigned_host=HOST, assigned_pid=process.pid)
        doctor(command, "holders", "warning", f"job {job} ", "that PID is 'sleep' now")
    finally:
        process.kill()
        process.wait()
    doctor(command, "holders", "warning", f"job {job} ", "no such process")
    add_job(2, status="A", assigned_host="elsewhere", assigned_pid=5)
    doctor(command, "holders", "warning", "a daemon of ours is known on that host")
    for _ in range(60):
        add_job(2, status="GO")
    doctor(command, "holders", "warning", "12 jobs more")


@pytest.mark.parametrize("name", ["insert", "update", "cancel", "delete", "truncate"])
def test_doctor_trigger(well, command, name):
    """Disabled, and dropped."""
    well.sql(f"ALTER TABLE public.jobs DISABLE TRIGGER jobd_{name}")
    doctor(command, "triggers", "error", f"jobd_{name}", "disabled")
    well.sql(f"DROP TRIGGER jobd_{name} ON public.jobs")
    doctor(command, "triggers", "error", f"jobd_{name}", "missing")


def test_doctor_schema(well, plain_db, command):
    """Too old, too new, and not there at all."""
    newest = well.value("SELECT max(version) FROM jobd.schema_version")
    well.sql("UPDATE jobd.schema_version SET version = 99 WHERE version = %s", newest)
    doctor(command, "schema", "error", "version 99")
    well.sql("DELETE FROM jobd.schema_version WHERE version = 99")
    doctor(command, "schema", "error", f"version {newest - 1}")
    command.config.write_text(command.config.read_text().replace(well.name, plain_db.name))
    doctor(command, "schema", "error", "not installed")


def grants():
    """(right, object) of every GRANT in schema/roles.sql."""
    text = re.sub(r"--.*", "", (SCHEMA / "roles.sql").read_text().split("$$;", 1)[1])
    for what, on in re.findall(r"GRANT (.*?) ON (.*?)\s+TO registry_jobd", text, re.DOTALL):
        for right in re.findall(r"(\w+ *(?:\([^)]*\))?)", what):
            kind = ""
            for thing in on.split(","):
                word, _, name = thing.strip().rpartition(" ")
                kind = word or kind
                yield " ".join(right.split()), kind, name


@ROLE_ONLY
def test_doctor_rights(well, as_anybody):
    """Every single right of schema/roles.sql, taken away, is missed by name."""
    wanted = list(grants())
    assert len(wanted) > 20
    for right, kind, name in wanted:
        if kind == "SCHEMA" and name == "public":
            continue  # without it the server's own tables are all that is left
        well.sql(f"REVOKE {right} ON {kind or 'TABLE'} {name} FROM registry_jobd")
    done = as_anybody("doctor", "--json")
    said = [f["text"] for f in json.loads(done.stdout)["checks"] if f["check"] == "rights"]
    for right, kind, name in wanted:
        word = right.split()[0]
        if (kind, name) == ("SCHEMA", "public"):
            continue
        assert any(word in text and name in text and all(c in text for c in
                   re.findall(r"\w+", right.partition("(")[2])) for text in said), (right, name)
    assert done.returncode == FAILED and not done.stderr


@ROLE_ONLY
def test_doctor_one_right(well, as_anybody, login):
    """One column is named; what only a plugin needs is a notice."""
    well.sql("REVOKE UPDATE (percent_complete) ON public.jobs FROM registry_jobd")
    well.sql("REVOKE INSERT ON public.group_members FROM registry_jobd")
    doctor(as_anybody, "rights", "error", login, "UPDATE (percent_complete) on public.jobs")
    doctor(as_anybody, "rights", "notice", "INSERT on public.group_members", "NesterJob")
    well.sql("REVOKE EXECUTE ON FUNCTION jobd.follow FROM PUBLIC")
    doctor(as_anybody, "rights", "error", "jobd.follow")


def test_doctor_queue(well, command, add_job):
    """Rows that are missing, that should not be there, and that nobody made ready."""
    for _ in range(3):
        job = add_job(2)
    well.sql("DELETE FROM jobd.queue WHERE job_id = %s", job)
    doctor(command, "queue", "error", "1 queued jobs are not in jobd.queue")
    well.sql("INSERT INTO jobd.queue VALUES (2000000000, 2, NULL, true)")
    doctor(command, "queue", "warning", "1 rows")
    well.sql("SELECT jobd.resync()")
    late = add_job(2, delay=3600)
    doctor(command, "queue", "ok")
    well.sql("UPDATE jobd.queue SET due = due - interval '2 h' WHERE job_id = %s", late)
    doctor(command, "queue", "warning", "1 jobs fell due")


def test_doctor_supervisors(queue, command, fake):
    """One that lapsed, with a lane; nobody there to settle it, and somebody."""
    fake(co=2, lapsed=True)
    found = doctor(command, "supervisors", "warning", "elsewhere", " s ago", "holds 1 lane,")
    assert "start a daemon" in found[0]["remedy"]
    fake()
    found = doctor(command, "supervisors", "warning", "elsewhere")
    assert "a daemon settles it" in found[0]["remedy"]


def test_doctor_killed_daemon(queue, command, daemon):
    """Killed on this host: noticed before its lease lapses."""
    daemon().kill()
    doctor(command, "supervisors", "warning", HOST, "is gone")


def test_doctor_lanes(well, command, fake, add_job):
    """Held for minutes without a job; then a stalled one."""
    fake(co=2)
    doctor(command, "lanes", "warning", "CO 2", "PID 77", "4 min")
    job = add_job(2, status="GO", assigned_host="elsewhere", assigned_pid=77)
    doctor(command, "lanes", "ok", "1 held")
    well.sql("UPDATE jobd.lane SET stalled_job = %s, stalled_since = now() - interval '11min'", job)
    found = doctor(command, "stalled", "warning", f"job {job} ", "PID 77", "11 min")
    assert f"cancel {job}" in found[0]["remedy"]


def test_doctor_settings(well, as_anybody):
    """Settings of the database or the role that hurt."""
    well.sql(f"ALTER DATABASE {well.name} SET synchronous_commit = off")
    doctor(as_anybody, "settings", "warning", "synchronous_commit is off")


def test_doctor_autovacuum(well, command):
    """Off for the whole server."""
    try:
        well.sql("ALTER SYSTEM SET autovacuum = off")
        well.sql("SELECT pg_reload_conf()")
        wait_for(lambda: well.value("SHOW autovacuum") == "off")
        doctor(command, "settings", "warning", "autovacuum")
    finally:
        well.sql("ALTER SYSTEM RESET autovacuum")
        well.sql("SELECT pg_reload_conf()")
        wait_for(lambda: well.value("SHOW autovacuum") == "on")


@pytest.mark.parametrize("how", ["read-only", "away"])
def test_doctor_cannot_connect(well, command, how):
    """A finding like the others, with exit code 69."""
    if how == "away":
        command.config.write_text(command.config.read_text().replace("host=/", "host=/none/"))
    else:
        well.sql(f"ALTER DATABASE {well.name} SET default_transaction_read_only = on")
    doctor(command, "connection", "error")
    assert command("doctor").returncode == 69


def test_doctor_transactions(well, as_anybody, request):
    """The oldest one by name; a role that may not see it says that it does not."""
    conn = well.connect(autocommit=False)
    conn.cursor().execute("SELECT 1")
    if "owner" in request.node.name:
        doctor(as_anybody, "transactions", "ok", f"PID {conn.info.backend_pid}", "idle in trans")
    else:
        doctor(as_anybody, "transactions", "notice", "sessions do not show")
    conn.close()


def test_doctor_connections(well, command):
    """Hardly any is left."""
    room = well.value("SELECT current_setting('max_connections')::int"
                      " - current_setting('superuser_reserved_connections')::int"
                      " - count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'")
    conns = [well.connect() for _ in range(room - 5)]
    doctor(command, "connections", "warning", "are in use")
    for conn in conns:
        conn.close()


def test_doctor_dead_rows(well, command):
    """Held by an old snapshot."""
    old = well.connect(autocommit=False)
    old.set_session(isolation_level="REPEATABLE READ")
    old.cursor().execute("SELECT count(*) FROM jobd.queue")
    well.sql("INSERT INTO jobd.queue SELECT 1000000 + i, 2, NULL, true"
             " FROM generate_series(1, 12000) i")
    well.sql("DELETE FROM jobd.queue")
    well.sql("SELECT pg_stat_force_next_flush()")
    wait_for(lambda: well.value("SELECT n_dead_tup FROM pg_stat_all_tables WHERE schemaname = 'jobd'"
                                " AND relname = 'queue'") >= 12000)
    doctor(command, "dead rows", "warning", "dead rows and")
    old.close()


def test_doctor_does_not_wait(well, command):
    """Somebody has locked the table: those checks are left out, the others are not."""
    lock = well.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.jobs")
    began = time.monotonic()
    report = json.loads(command("doctor", "--json").stdout)
    assert time.monotonic() - began < 15
    lock.close()
    late = [f["check"] for f in report["checks"] if "took too long" in f["text"]]
    assert {"queue", "holders"} <= set(late)
    assert {f["check"] for f in report["checks"]} >= {"supervisors", "rights", "clock"}


@pytest.fixture
def pooler(db):
    """pooler(mode): a pgbouncer before the test's database; returns its conninfo."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.access(program, os.X_OK):
        pytest.skip("pgbouncer is not installed")
    directory = pathlib.Path(tempfile.mkdtemp(dir=db.cluster.dir))  # of the server's user, too
    directory.chmod(0o777)
    running = []

    def start(mode):
        config = directory / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={db.cluster.dir} user=postgres\n[pgbouncer]\n"
            f"listen_port = 6432\nunix_socket_dir = {directory}\nauth_type = any\n"
            f"pool_mode = {mode}\nlogfile = {directory}/pgbouncer.log\n")
        running.append(subprocess.Popen([*db.cluster.as_postgres, program, str(config)], cwd="/",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL))
        wait_for((directory / ".s.PGSQL.6432").exists)
        return f"host={directory} port=6432 dbname={db.name} user=postgres"

    yield start
    for process in running:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("mode, result", [("transaction", "error"), ("session", "notice")])
def test_doctor_pooler(well, command, pooler, mode, result):
    """A pooler is noticed, and which of its modes it is in."""
    conninfo = pooler(mode)
    text = command.config.read_text()
    command.config.write_text(re.sub(r"conninfo = .*", "conninfo = " + conninfo, text))
    doctor(command, "pooler", result, f"in {mode} mode")


def test_no_false_alarm(queue, command, daemon, add_job):
    """While a daemon is busy, nothing that is in the making is taken for wrong."""
    daemon()
    ids = [add_job(2 + i % 3, COUNT, {"sleep_ms": 4, "count": 2, "records": 1})
           for i in range(400)]
    looks, reasons = 0, set()
    while queue.value("SELECT count(*) FROM jobd.queue"):
        report = json.loads(command("doctor", "--json").stdout)
        assert report["result"] in ("ok", "notice"), report
        for job in queue.sql("SELECT id FROM public.jobs WHERE status IN ('A', 'GO')"):
            reasons.add(json.loads(command("why", job["id"], "--json").stdout)["reason"])
        looks += 1
    queue.wait_final(*ids)
    assert looks and reasons <= {"running", "starting", "complete"}, reasons
