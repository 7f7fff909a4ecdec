"""The bad night: whatever keeps a job from running, `why` or `doctor` alone names cause and remedy."""
import json
import os
import re
import shutil
import signal

import pytest
from conftest import LOGIN, PLUGINS, wait_for
from test_explain import COUNT, as_anybody, fake, queue  # noqa: F401  # fixtures

NOOP = "Example.NoopJob"


def add_old(db, add_job, co, *args):
    """A job that has been ready for longer than it takes a daemon that is well."""
    return add_job(co, *args, delay=-60, register_time=db.value("SELECT now() AT TIME ZONE 'UTC' - interval '1 min'"))


def why(command, job):
    return json.loads(command("why", job, "--json").stdout)


def findings(command, check):
    report = json.loads(command("doctor", "--json").stdout)
    return [f for f in report["checks"] if f["check"] == check and f["result"] != "ok"]


def wait_why(command, job, reason, pattern=""):
    """The answer, once it has this reason and these words."""
    def has():
        answer = why(command, job)
        return answer if answer["reason"] == reason and re.search(pattern, answer["sentence"]) else None
    return wait_for(has, 30, f"job {job}: {reason}, {pattern!r}", interval=0.2)


# ---- workers that cannot start ----

@pytest.fixture
def no_login(db):
    """no_login(): from then on no session begins as the daemon's role."""
    def forbid():
        db.sql(f"ALTER ROLE {LOGIN} NOLOGIN")
    yield forbid
    db.sql(f"ALTER ROLE {LOGIN} LOGIN")


def test_login_of_new_workers(queue, daemon, command, add_job, no_login, db):
    """The supervisor has its session, and each new worker is refused one: as with a password that was
    changed."""
    running = daemon(heartbeat="1s")
    no_login()
    job = add_old(db, add_job, 2)
    command.config.write_text(command.config.read_text().replace(db.conninfo, db.owners))
    answer = wait_why(command, job, "stuck", "workers do not start: ")
    assert "is not permitted to log in" in answer["sentence"] and "its CO's lane is free" in answer["sentence"]
    found, = findings(command, "trouble")
    assert found["result"] == "warning" and "is not permitted to log in" in found["text"]
    found, = findings(command, "stuck")
    assert f"job {job} of CO 2 has been ready for" in found["text"] and f"why {job}" in found["remedy"]
    assert running.count(r"^<4>for \d+ s workers do not start: ") == 1
    db.sql(f"ALTER ROLE {LOGIN} LOGIN")
    assert queue.wait_final(job)[0]["status"] == "OK"
    running.wait_log(r"^<5>workers start again, after \d+ s")
    wait_for(lambda: not findings(command, "trouble") and not findings(command, "stuck"))


def test_plugin_that_cannot_be_loaded(queue, daemon, command, add_job, tmp_path, db):
    """Its file was replaced under a daemon that runs."""
    plugins = tmp_path / "plugins"
    shutil.copytree(PLUGINS, plugins, ignore=lambda _d, names: [n for n in names if n != "Example.so"])
    running = daemon(directory=plugins, heartbeat="1s")
    shutil.copy(plugins / "Example.so", plugins / "whole")
    (plugins / "Example.so").unlink()
    (plugins / "Example.so").write_bytes((plugins / "whole").read_bytes()[:4096])
    job = add_old(db, add_job, 2)
    wait_why(command, job, "stuck", r"workers do not start: (.*Example\.so|terminated .*SIGBUS)")
    (plugins / "whole").rename(plugins / "Example.so")
    assert queue.wait_final(job)[0]["status"] == "OK"
    running.wait_log("workers start again")


# ---- what the database does ----

def test_reason_that_changes(server, empty_queue, daemon, command, db):
    """A server that is away, then a login that it refuses, then neither: each is said when it comes."""
    role = f"night_{os.getpid()}"
    server.admin(f"CREATE ROLE {role} LOGIN IN ROLE registry_jobd")
    try:
        running = daemon(heartbeat="1s", conninfo=server.conninfo(db.name, user=role))
        db.close()
        server.stop("immediate")
        running.wait_log("^<3>no connection to the database")
        server.start()
        running.wait_log("connected to the database again")
        server.admin(f"ALTER ROLE {role} NOLOGIN")
        db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", role)
        running.wait_log("^<3>no connection to the database", times=2)
        running.wait_log("^<3>the database refuses the connection .*is not permitted to log in")
        assert "/etc/credstore/registry-jobd.password" in running.log()
        command.config.write_text(command.config.read_text().replace(db.conninfo, server.conninfo(db.name, user=role)))
        done = command("list")
        assert done.returncode == 69 and "is not permitted to log in" in done.stderr and "pg_hba.conf" in done.stderr
        server.admin(f"ALTER ROLE {role} LOGIN")
        running.wait_log("connected to the database again", times=2)
        assert running.count("the database refuses the connection") == 1
    finally:
        running.kill()
        if not server.is_running():
            server.start()
        server.admin(f"DROP ROLE {role}")


@pytest.mark.parametrize("as_anybody", ["role"], indirect=True)
def test_row_level_security(queue, daemon, as_anybody, add_job, db):
    """No statement fails under it, and none finds a job. (The owner is not bound by it.)"""
    daemon()
    assert queue.wait_final(add_job(2))[0]["status"] == "OK"
    db.sql("ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY")
    job = add_job(2)
    found = wait_for(lambda: findings(as_anybody, "refused"), 20)
    assert f"job {job} of CO 2 cannot be assigned" in found[0]["text"] and "row level security" in found[0]["text"]
    found, = findings(as_anybody, "rights")
    assert f"row level security hides rows of public.jobs from {LOGIN}" in found["text"]
    assert found["remedy"].startswith(f"ALTER ROLE {LOGIN} BYPASSRLS")
    db.sql("ALTER TABLE public.jobs DISABLE ROW LEVEL SECURITY")
    assert queue.wait_final(job, timeout=40)[0]["status"] == "OK"


def test_somebody_has_the_row(queue, daemon, command, add_job, db):
    """An idle session in a transaction: the CO waits for it, and is told so."""
    job = add_old(db, add_job, 2)
    idle = db.connect(autocommit=False)
    idle.cursor().execute("SELECT * FROM public.jobs WHERE id = %s FOR UPDATE", (job,))
    daemon()
    wait_why(command, job, "refused", "lock timeout")
    assert queue.wait_final(add_job(3))[0]["status"] == "OK"
    idle.close()
    assert queue.wait_final(job)[0]["status"] == "OK"


def test_database_that_takes_no_lease(queue, daemon, command, add_job, db):
    """Statements of the supervisor fail: said once, with the server's words, and when it is over."""
    running = daemon(heartbeat="1s", lease="18s")
    db.sql("CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS"
           " $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;"
           " CREATE TRIGGER no_space BEFORE UPDATE ON jobd.supervisor FOR EACH ROW"
           " EXECUTE FUNCTION public.no_space()")
    running.wait_log(r"^<4>for \d+ s the database does not take the lease: no space")
    running.wait_log("the lease could not be renewed")
    job = add_job(2)
    answer = wait_why(command, job, "database_trouble")
    assert "waits for the database: no daemon could renew its lease for" in answer["sentence"]
    found = findings(command, "trouble")
    assert found and "could not renew its lease for" in found[0]["text"]
    db.sql("DROP FUNCTION public.no_space CASCADE")
    running.wait_log(r"^<5>the database takes the lease again, after \d+ s")
    assert queue.wait_final(job)[0]["status"] == "OK"


# ---- what has no name ----

def test_fault_without_a_name(queue, daemon, command, add_job, db):
    """A supervisor that stands still: nothing tells of it, but that nobody takes the job."""
    running = daemon(lease="1min")
    os.kill(running.pid, signal.SIGSTOP)
    job = add_old(db, add_job, 2)
    assert why(command, job)["reason"] == "stuck"
    found, = findings(command, "stuck")
    assert found["result"] == "warning" and f"job {job} of CO 2" in found["text"]
    behind = add_job(2)
    answer = why(command, behind)
    assert answer["reason"] == "behind_stuck" and answer["behind"] == job
    os.kill(running.pid, signal.SIGCONT)
    assert queue.wait_final(job)[0]["status"] == "OK"


def test_what_is_well_is_not_suspected(queue, daemon, command, add_job, db):
    """A CO that is always at work, with jobs that have waited for long."""
    daemon()
    jobs = [add_old(db, add_job, 2, COUNT, {"sleep_ms": 20}) for _ in range(150)]
    reasons = set()
    while queue.status(jobs[-1]) == "Q":
        reasons.add(why(command, jobs[-1])["reason"])
        assert not findings(command, "stuck")
    assert reasons <= {"behind_running", "behind_waiting", "lane_held", "ready", "running", "complete"}


def test_free_workers_of_another_daemon(queue, daemon, command, add_job, trace, db):
    """Two hosts with different models: workers that cannot run the job are no reason to worry."""
    daemon(workers=1)
    blocker = add_job(3, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_for(trace.begun)
    daemon(workers=2, load="CoreJob")
    job = add_old(db, add_job, 2, COUNT)
    answer = why(command, job)
    assert answer["reason"] == "pool_full" and "(1, of 1 daemon that provides its model)" in answer["sentence"]
    assert not findings(command, "stuck")
    os.kill(queue.job(blocker)["assigned_pid"], signal.SIGKILL)
    assert queue.wait_final(job)[0]["status"] == "OK"


def test_what_one_worker_cannot_write(queue, daemon, command, add_job, db):
    """Another one's success does not end it."""
    running = daemon(workers=2, heartbeat="1s")
    db.sql("CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS"
           " $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;"
           " CREATE TRIGGER no_space BEFORE UPDATE ON public.jobs FOR EACH ROW"
           " WHEN (NEW.co_id = 2 AND NEW.status = 'OK') EXECUTE FUNCTION public.no_space()")
    job = add_job(2)
    warning = r"^<4>for \d+ s the database does not take what workers write: no space"
    end = r"^<5>the database takes what workers write again"

    def succeed():
        """Jobs of the other worker, until the warning is there and others can read it."""
        assert queue.wait_final(add_job(3))[0]["status"] == "OK"
        return running.count(warning) and findings(command, "trouble")
    wait_for(succeed, 20)
    assert not running.count(end)
    db.sql("DROP FUNCTION public.no_space CASCADE")
    assert queue.wait_final(job, timeout=40)[0]["status"] == "OK"
    running.wait_log(end)
    assert running.count(warning) == 1


# ---- jobs ----

def test_canceled_job_that_does_not_stop(queue, daemon, command, add_job, trace, db):
    """It may, for as long as its plugin likes: who waits for it, and what ends it, is said."""
    daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 600000, "ignore_cancel": "true"})
    behind = add_job(2)
    wait_for(lambda: job in trace.begun())
    assert command("cancel", job).returncode == 0
    pid = queue.job(job)["assigned_pid"]
    assert why(command, behind)["reason"] == "behind_stopping"
    shown, = json.loads(command("status", "--json").stdout)["workers"]
    assert shown["job"] == job and shown["status"] == "CX" and shown["plugin"] == COUNT
    assert shown["canceled_since"]
    assert not findings(command, "stopping")  # it is given a minute
    db.sql("UPDATE public.jobs SET modified = modified - interval '2 minutes' WHERE id = %s", job)
    db.sql("UPDATE jobd.lane SET since = since - interval '3 minutes'")
    found, = findings(command, "stopping")
    assert f"job {job} of CO 2 was canceled 2 min ago" in found["text"] and COUNT in found["text"]
    assert found["remedy"].startswith(f"kill {pid} on ")
    os.kill(pid, signal.SIGTERM)
    assert queue.wait_final(behind)[0]["status"] == "OK"
    wait_for(lambda: not findings(command, "stopping"))


def test_failed_program(queue, daemon, command, add_job, tmp_path):
    """Its last words are in the summary; why names the next command, which has them all."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'no LDAP: timed out' >&2\nexit 3\n")
    program.chmod(0o755)
    daemon(exec_models={"Site.SyncJob": {"command": program}})
    job = add_job(2, "Site.SyncJob", {})
    queue.wait_final(job)
    sentence = why(command, job)["sentence"]
    assert "exited with code 3: no LDAP: timed out" in sentence and f"registry-job log {job}" in sentence
    assert f"registry-job retry {job}" in sentence
    assert re.search("standard error +no LDAP: timed out", command("log", job).stdout)
