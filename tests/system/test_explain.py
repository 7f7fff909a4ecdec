"""registry-job why, settle and status: what they say about what was staged, and what they do."""
import json
import os
import re
import signal
import subprocess

import pytest
from conftest import HOST, ROOT, wait_for

OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 3
COUNT = "Example.CountJob"
NOW = "date_trunc('second', now() AT TIME ZONE 'UTC')"


@pytest.fixture
def queue(empty_queue):
    return empty_queue


@pytest.fixture(params=["owner", "role"])
def as_anybody(request, db, command):
    """The command as the owner of the tables, and as the role of schema/roles.sql."""
    if request.param == "owner":
        command.config.write_text(command.config.read_text().replace(db.conninfo, db.owners))
    else:
        db.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    return command


def dead_pid():
    """The PID of a process that is gone, and that nobody has been given since."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def settle(command, job, *args):
    return command("settle", job, "--actor", "alice", *args)


# ---- settle ----

@pytest.mark.parametrize("status", ["A", "GO"])
def test_settle(queue, as_anybody, add_job, status):
    """A job of a lost runner becomes Failed, with a record, and its retry is queued."""
    job = add_job(2, COUNT, {"tag": "x"}, status=status, assigned_host="php-1.example.org",
                  assigned_pid=4711, retry_interval=60, max_retry=3)
    done = settle(as_anybody, job, "--json")
    assert done.returncode == OK, done.stderr
    row = queue.job(job)
    assert row["status"] == "X" and row["finish_time"] and row["actor_identifier"] == "alice"
    assert row["finish_summary"].startswith("settled by alice: ") and row["revision"] == 1
    assert "4711" in row["finish_summary"] and "php-1.example.org" in row["finish_summary"]
    record, = queue.history(job)
    assert record["status"] == "NT" and record["record_key"] == "registry-jobd: settled"
    assert "4711" in record["comment"] and record["actor_identifier"] == "alice"
    answer = json.loads(done.stdout)
    retry = queue.job(answer["successor"])
    assert answer["id"] == job and answer["was"] == status
    assert retry["requeued_from_job_id"] == job and retry["status"] == "Q"
    assert retry["retry_count"] == 1


def test_settle_shipped(db, command):
    """The two jobs that a killed runner of another host left in the shipped data."""
    stale = [row["id"] for row in db.live(status="A") + db.live(status="GO")]
    assert len(stale) == 2
    for job in stale:
        assert settle(command, job).returncode == OK
        assert db.status(job) == "X"


def test_settle_dead_process_here(queue, command, add_job):
    """On this host, and the process is gone: no --force is needed."""
    job = add_job(2, status="GO", assigned_host=HOST, assigned_pid=dead_pid())
    assert settle(command, job).returncode == OK
    assert "is gone" in queue.job(job)["finish_summary"]


def test_settle_without_a_process(queue, command, add_job):
    """Assigned to nobody: somebody wrote the row by hand."""
    job = add_job(2, status="A")
    assert settle(command, job).returncode == OK
    assert queue.status(job) == "X"


def test_settle_living_process(queue, command, add_job):
    """A process with that PID lives here: refused with its name, until --force."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        job = add_job(2, status="GO", assigned_host=HOST, assigned_pid=process.pid)
        done = settle(command, job)
        assert done.returncode == FAILED and queue.status(job) == "GO"
        assert "sleep" in done.stderr and str(process.pid) in done.stderr
        assert "--force" in done.stderr
        assert settle(command, job, "--force").returncode == OK
        assert queue.status(job) == "X" and "by force" in queue.job(job)["finish_summary"]
        assert process.poll() is None  # a settling kills nobody
    finally:
        process.kill()
        process.wait()


def test_settle_refuses_what_a_daemon_runs(queue, command, daemon, add_job, trace):
    """A living worker of ours: cancel it or kill it, --force or not."""
    daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_for(trace.begun)
    pid = queue.wait_status(job, "GO")["assigned_pid"]
    for args in ([], ["--force"]):
        done = settle(command, job, *args)
        assert done.returncode == FAILED and queue.status(job) == "GO"
        assert f"cancel {job}" in done.stderr and f"kill {pid}" in done.stderr


def test_settle_refuses_what_a_command_runs(queue, command, trace):
    """The same for registry-job -s, which holds no lane."""
    process = subprocess.Popen([*command.argv, "-c", "2", "-j", COUNT, "-s", "end=sleep",
                                f"trace={trace.path}"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        job = wait_for(trace.begun)[0]
        queue.wait_status(job, "GO")
        done = settle(command, job, "--force")
        assert done.returncode == FAILED and "registry-job -s" in done.stderr
        assert queue.status(job) == "GO"
        process.kill()
        process.wait()
        assert settle(command, job).returncode == OK  # and nobody is left to do it
    finally:
        process.kill()
        process.wait()


def test_settle_does_not_trust_the_clock(queue, command, fake, add_job):
    """A daemon of another host may live though the database's clock says that it was not seen for its
    lease: the clock may have been set. That takes --force, and a command's job as well."""
    fake(co=3, lapsed=True)
    job = add_job(3, status="GO", assigned_host="elsewhere", assigned_pid=77)
    theirs = add_job(2, status="GO", assigned_host="elsewhere", assigned_pid=9)
    queue.sql("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease,"
              " job_id, seen) VALUES (2, 'command', 'elsewhere', 9, 'b', 1, '', 1, '1 s', %s,"
              " clock_timestamp() - interval '9 s')", theirs)
    for one, who in ((job, "daemon on elsewhere"), (theirs, "registry-job -s on elsewhere")):
        done = settle(command, one)
        assert done.returncode == FAILED and who in done.stderr and "--force" in done.stderr
        assert queue.status(one) == "GO"
        assert settle(command, one, "--force").returncode == OK and queue.status(one) == "X"


@pytest.mark.parametrize("status", ["Q", "OK", "X", "CX"])
def test_settle_refuses_what_nobody_runs(queue, command, add_job, status):
    """Queued and final jobs: says what they are, and changes nothing."""
    job = add_job(2, status=status)
    before = queue.job(job)
    done = settle(command, job, "--force")
    assert done.returncode == FAILED and queue.job(job) == before
    assert {"Q": "queued", "OK": "complete", "X": "failed", "CX": "canceled"}[status] in done.stderr


@pytest.mark.parametrize("columns", [{"job_id": 1}, {"deleted": True}, None])
def test_settle_refuses_what_is_no_job(db, command, add_job, columns):
    """Archive copies, deleted rows and unknown ids."""
    job = add_job(2, status="GO", **columns) if columns else 999999
    before = db.job(job)
    assert settle(command, job, "--force").returncode == NOT_FOUND
    assert db.job(job) == before


def test_settle_guards(queue, add_job):
    """The statement changes only what the evidence was about."""
    text = (ROOT / "src/db/sql/settle_job.sql").read_text()
    queue.sql("PREPARE settle (int, text, text, int, text, text, text) AS " + text)
    job = add_job(2, status="GO", assigned_host="h", assigned_pid=7)
    for status, host, pid in (("A", "h", 7), ("GO", "i", 7), ("GO", "h", 8), ("GO", None, None)):
        assert not queue.sql("EXECUTE settle (%s, %s, %s, %s, 's', 'c', 'a')", job, status, host,
                             pid)
    assert queue.status(job) == "GO" and not queue.history(job)
    assert len(queue.sql("EXECUTE settle (%s, 'GO', 'h', 7, 's', 'c', 'a')", job)) == 1
    assert not queue.sql("EXECUTE settle (%s, 'X', 'h', 7, 's', 'c', 'a')", job)


def test_settle_hostile_host(queue, command, add_job):
    """Texts of the row fit the columns, and the Registry's rule about < and >."""
    job = add_job(2, status="GO", assigned_host="<b>ü\x1b" + "ö" * 59, assigned_pid=5)
    assert command("settle", job, "--actor", "<" + "ä" * 300).returncode == OK
    summary = queue.job(job)["finish_summary"]
    assert len(summary) <= 256 and not set("<>\x1b") & set(summary)


# ---- why ----

def why(command, job, reason, *words, code=OK):
    """Asks twice, for people and for programs; returns the object."""
    done = command("why", job, "--json")
    assert done.returncode == code, done.stderr
    answer = json.loads(done.stdout)
    assert answer["id"] == job and answer["reason"] == reason, answer
    for word in words:
        assert str(word) in answer["sentence"], answer
    text = command("why", job)
    assert text.returncode == code
    said = text.stdout if code == OK else text.stderr
    assert said.count("\n") == 1 and (str(job) in said)
    return answer


@pytest.fixture
def fake(db):
    """fake(**columns): the row of a daemon on another host that is alive, or lapsed, or holds a lane."""
    def add(co=None, lapsed=False, workers=4, pid=77):
        row = db.value(
            "INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version,"
            " workers, lease, seen) VALUES (1, 'daemon', 'elsewhere', 7, 'b', 1, '0', %s, '1min',"
            " clock_timestamp() - make_interval(secs => %s)) RETURNING id", workers,
            95 if lapsed else 0)
        if co:
            db.sql("INSERT INTO jobd.lane (co_id, supervisor_id, worker_pid, worker_ticks, token,"
                   " since) VALUES (%s, %s, %s, 1, %s, clock_timestamp() - interval '4min')", co,
                   row, pid, pid)
        return row
    return add


def test_why_shipped(db, command):
    """The shipped data: every job and every other row has an answer, without a daemon."""
    reasons = {}
    for row in db.sql("SELECT id, status, job_id FROM public.jobs ORDER BY id LIMIT 60"):
        answer = json.loads(command("why", row["id"], "--json").stdout)
        reasons.setdefault(answer["reason"], []).append(row["id"])
        assert row["job_id"] is None or answer["reason"] == "archive_copy"
    assert {"archive_copy", "complete", "no_daemon"} <= set(reasons), reasons


def test_why_no_job(db, command, add_job):
    """What is no job: exit code 3 only for an id that nothing has."""
    why(command, 999999, "no_such_job", "there is no job", code=NOT_FOUND)
    copy = db.sql("SELECT id, job_id FROM public.jobs WHERE job_id IS NOT NULL LIMIT 1")[0]
    why(command, copy["id"], "archive_copy", copy["job_id"])
    why(command, add_job(2, deleted=True), "deleted")
    why(command, add_job(2, status="??"), "unknown_status")
    assert command("why", "x").returncode == USAGE


def test_why_ended(queue, as_anybody, add_job, daemon):
    """How it ended, and what followed."""
    daemon()
    done = add_job(2, COUNT, {"summary": "all well"}, requeue_interval=3600)
    failed = add_job(2, COUNT, {"end": "fail"})
    queue.wait_final(done, failed)
    later = queue.value("SELECT id FROM public.jobs WHERE requeued_from_job_id = %s", done)
    answer = why(as_anybody, done, "complete", "all well", f"job {later}")
    assert answer["successor"] == later and answer["status"] == "OK"
    why(as_anybody, failed, "failed", queue.job(failed)["finish_summary"])
    waiting = add_job(2, delay=600)
    queue.cancel(waiting, "alice")
    why(as_anybody, waiting, "canceled", "by alice", "ago")


def test_why_not_due(queue, as_anybody, add_job, daemon):
    """When it starts; a reason that stands before all others that a queued job can have."""
    daemon()
    answer = why(as_anybody, add_job(2, delay=241), "not_due", "UTC (in ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["time"])
    why(as_anybody, add_job(2, start_after_time="infinity"), "not_due", "9999-12-31")


@pytest.mark.parametrize("change, reason", [
    ("status = 'S'", "co_suspended"), ("status = 'T'", "co_template"),
    ("status = 'GP'", "co_not_active"), ("deleted = true", "co_gone")])
def test_why_co(queue, command, add_job, cos, daemon, change, reason):
    """A CO that is not active, whatever else stands in the way."""
    daemon()
    co, = cos(1)
    queue.sql(f"UPDATE public.cos SET {change} WHERE id = %s", co)
    why(command, add_job(co), reason, f"CO {co}")


def test_why_no_daemon(queue, as_anybody, add_job):
    """Nobody is there, with the queue's length before it."""
    add_job(2)
    why(as_anybody, add_job(2), "no_daemon", "1 job of its CO waits before it")


def test_why_not_in_queue(queue, as_anybody, add_job, fake):
    """The trigger was off when it was registered."""
    fake()
    queue.sql("ALTER TABLE public.jobs DISABLE TRIGGER jobd_insert")
    job = add_job(2)
    why(as_anybody, job, "not_in_queue", "triggers", "doctor")
    queue.sql("ALTER TABLE public.jobs ENABLE TRIGGER jobd_insert")
    assert "triggers" not in why(as_anybody, job, "not_in_queue")["sentence"]


def test_why_running(queue, as_anybody, add_job, daemon, trace):
    """What runs, and who waits behind it or for a worker."""
    daemon(workers=1)
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep", "count": 1})
    next_one, third, other = add_job(2), add_job(2), add_job(3)
    wait_for(trace.begun)
    pid = queue.wait_status(job, "GO")["assigned_pid"]
    answer = why(as_anybody, job, "running", HOST, f"PID {pid}", "since", COUNT)
    assert (answer["host"], answer["pid"], answer["status"]) == (HOST, pid, "GO")
    assert why(as_anybody, next_one, "behind_running", f"job {job}", pid)["behind"] == job
    why(as_anybody, third, "behind_running", "1 job of its CO waits before it")
    why(as_anybody, other, "pool_full")
    queue.sql("UPDATE public.jobs SET percent_complete = 40 WHERE id = %s", job)
    why(as_anybody, job, "running", "at 40 %")
    queue.sql("UPDATE jobd.lane SET stalled_job = %s, stalled_since = now() - interval '11min'"
              " WHERE co_id = 2", job)
    why(as_anybody, job, "stalled", "no sign of life since", "(11 min)")
    queue.sql("UPDATE jobd.lane SET stalled_job = %s", next_one)  # of another job: means nothing
    why(as_anybody, job, "running")


def test_why_stopping(queue, command, add_job, daemon, trace):
    """Canceled, but the plugin has not looked yet; the next one waits for it."""
    daemon(cancel_grace="1h")
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep", "ignore_cancel": "1"})
    behind = add_job(2)
    wait_for(trace.begun)
    pid = queue.wait_status(job, "GO")["assigned_pid"]
    queue.cancel(job, "alice")
    why(command, job, "canceled_stopping", "by alice", "has not stopped yet", f"PID {pid}")
    why(command, behind, "behind_stopping", f"job {job}", pid)
    os.kill(pid, signal.SIGKILL)
    queue.wait_final(behind)
    why(command, job, "canceled", "by alice")


def test_why_stopped(queue, command, add_job, fake):
    """The record that its plugin has stopped: nothing of it is left, though the lane is held."""
    fake(co=2)
    job = add_job(2, status="CX", assigned_host="elsewhere", assigned_pid=77, start_time="now")
    why(command, job, "canceled_stopping")
    queue.sql("INSERT INTO public.job_history_records (job_id, record_key, created)"
              " VALUES (%s, 'registry-jobd: stopped', now())", job)
    why(command, job, "canceled")
    why(command, add_job(2), "lane_held")


def test_why_foreground(queue, command, trace):
    """registry-job -s runs it, outside the queue; and what it left when it was killed."""
    process = subprocess.Popen([*command.argv, "-c", "2", "-j", COUNT, "-s", "end=sleep",
                                f"trace={trace.path}"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        job = wait_for(trace.begun)[0]
        queue.wait_status(job, "GO")
        why(command, job, "running", "registry-job -s", f"PID {process.pid}")
    finally:
        process.kill()
        process.wait()
    why(command, job, "runner_lapsed", "whose supervisor is gone")


def test_why_killed_daemon(queue, command, add_job, daemon, trace):
    """Nobody is left who would settle it."""
    running = daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    waiting = add_job(2)
    wait_for(trace.begun)
    running.kill()
    why(command, job, "runner_lapsed", "gone", "as soon as a daemon is started")
    why(command, waiting, "no_daemon")


def test_why_foreign(db, command, add_job):
    """What a runner of somebody else left: see doctor and settle."""
    stale, = db.live(status="GO")
    answer = why(command, stale["id"], "foreign_runner", stale["assigned_host"],
                 f"registry-job settle {stale['id']}", "since 20")
    assert answer["pid"] == stale["assigned_pid"]
    why(command, add_job(2, status="A"), "foreign_runner", "unknown host")


def test_why_moments(queue, command, add_job, fake):
    """States that last for moments only, staged by hand."""
    row = fake()
    first, second = add_job(2), add_job(2)
    why(command, first, "ready")
    assert why(command, second, "behind_waiting", f"job {first}")["behind"] == first
    queue.sql("INSERT INTO jobd.lane (co_id, supervisor_id, worker_pid, worker_ticks, token, since)"
              " VALUES (2, %s, 78, 1, 5, now())", row)
    why(command, first, "lane_held", "elsewhere", "PID 78")
    queue.sql("UPDATE public.jobs SET status = 'A', assigned_host = 'elsewhere', assigned_pid = 78,"
              f" modified = {NOW} + interval '1s' WHERE id = %s", first)
    why(command, first, "starting", "PID 78")


def test_why_reused_pid(queue, command, add_job, fake):
    """An old row with the host and PID that a worker has now is not what that worker runs."""
    fake(co=2)
    old = add_job(2, status="GO", assigned_host="elsewhere", assigned_pid=77,
                  modified="2026-01-01 00:00:00")
    why(command, old, "foreign_runner")
    why(command, add_job(2), "lane_held")
    assert settle(command, old).returncode == OK


def test_why_lapsed_lane(queue, command, add_job, fake):
    """The holder was not seen for its lease; somebody is there to take over."""
    fake()
    fake(co=3, lapsed=True)
    running = add_job(3, status="GO", assigned_host="elsewhere", assigned_pid=77)
    why(command, add_job(3), "lane_lapsed", "last seen 9", " s ago", "next sweep")
    why(command, running, "runner_lapsed", "last seen 9", "next sweep")


@pytest.mark.parametrize("status", ["Q", "GO", "CX"])
def test_why_costs(queue, add_job, status):
    """Reads jobs by primary key, successor, or what one worker ran: never a whole table."""
    text = (ROOT / "src/db/sql/why_job.sql").read_text()
    settings = re.findall(r"SET (?:jit|enable_seqscan|plan_cache_mode) = \w+",
                          (ROOT / "src/db/db.c").read_text())
    for setting in settings:
        queue.sql(setting)
    job = add_job(2, status=status)
    queue.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 2, 'P.M', 'OK', now()"
              " FROM generate_series(1, 5000)")
    queue.sql("PREPARE why (int) AS " + text)
    for _ in range(2):
        plan = queue.value("EXPLAIN (FORMAT JSON) EXECUTE why (%s)", job)
        found = re.findall(r"'Index Name': '(jobs_\w+)'", str(plan))
        assert set(found) <= {"jobs_pkey", "jobs_i3", "jobs_i4"} and len(found) >= 3, found
        assert "'Seq Scan', 'Parallel Aware': False, 'Async Capable': False, 'Relation Name':" \
            " 'jobs'" not in str(plan)
        queue.sql("ANALYZE public.jobs")


# ---- status ----

def test_status_lapsed_and_stalled(queue, command, fake, add_job):
    """Who has not been seen for its lease, and which job shows no sign of life."""
    fake(co=2)
    fake(co=3, lapsed=True, pid=78)
    job = add_job(2, status="GO", assigned_host="elsewhere", assigned_pid=77)
    queue.sql("UPDATE jobd.lane SET stalled_job = %s, stalled_since = '2026-01-02 03:04:05+00'",
              job)
    status = json.loads(command("status", "--json").stdout)
    assert [row["lapsed"] for row in status["supervisors"]] == [False, True]
    assert [row["stalled_since"] for row in status["workers"]] == ["2026-01-02T03:04:05Z", None]
    text = command("status").stdout
    assert text.count("LAPSED") == 1 and text.count("held") == 1
    assert text.count("2026-01-02 03:04:05") == 1 and "STALLED" in text
    queue.sql("UPDATE public.jobs SET status = 'OK' WHERE id = %s", job)
    assert "2026-01-02" not in command("status").stdout


def test_log(queue, as_anybody, add_job, daemon):
    """All that is known: the row, the history, copies that others made; secret values of no job."""
    daemon()
    job = add_job(2, COUNT, {"end": "fail", "records": 2})
    row, = queue.wait_final(job)
    queue.sql("INSERT INTO jobs (co_id, plugin, status, job_id, revision, created, modified, deleted,"
              " actor_identifier) VALUES (2, %s, 'Q', %s, 0, now(), now(), false, 'ada')", COUNT, job)
    text = as_anybody("log", job).stdout
    assert row["finish_summary"] in text and text.count("step ") == 2
    assert re.search(r"^Archive copies:\nCOPY .*\n\d+ .*queued +ada", text, re.MULTILINE)
    assert f"Journal of this host, instance {as_anybody.config.stem}:" in text
    assert "ran on" not in text
    found = json.loads(as_anybody("log", job, "--json").stdout)
    assert found["job"]["id"] == job and len(found["history"]) == 2
    assert [copy["actor_identifier"] for copy in found["copies"]] == ["ada"]
    assert found["journal"] == [] and found["journal_elsewhere"] is None


def test_log_of_another_host(queue, as_anybody, add_job):
    """Where its journal is, and how to ask there; and what there is no job of."""
    job = add_job(2, COUNT)
    queue.sql("UPDATE jobs SET status = 'X', assigned_host = 'elsewhere', assigned_pid = 7 WHERE id = %s", job)
    assert f"The job ran on elsewhere: journalctl -t registry-jobd JOB_ID={job} there" \
        in as_anybody("log", job).stdout
    assert json.loads(as_anybody("log", job, "--json").stdout)["journal_elsewhere"] == "elsewhere"
    done = as_anybody("log", 99999)
    assert done.returncode == NOT_FOUND and "there is no job 99999" in done.stderr
    assert as_anybody("log", "x").returncode == USAGE
