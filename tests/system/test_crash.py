"""Laws 3, 4 and 10: whatever dies, nothing is stuck, run twice or forgotten."""
import contextlib
import os
import signal

import pytest
from conftest import wait_for


def begun(db, add_job, trace, co=2, columns=(), **params):
    job = add_job(co, "Example.CountJob", {"trace": trace.path, **params}, **dict(columns))
    wait_for(lambda: job in trace.begun())
    return job


def successors(db, job):
    return db.sql("SELECT * FROM public.jobs WHERE requeued_from_job_id = %s AND job_id IS NULL",
                  job)


def is_gone(pid):
    """Not there, or a zombie."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    return True


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV", "QUIT", "INT", "HUP", "USR1"])
def test_kill_running(empty_queue, daemon, add_job, trace, name):
    """`kill PID` of the assigned PID ends that job and nothing else, at once, with the reason."""
    db = empty_queue
    daemon()
    job = begun(db, add_job, trace, end="sleep", columns={"retry_interval": 60, "max_retry": 2})
    other = begun(db, add_job, trace, co=3, end="sleep")
    following = add_job(2)
    os.kill(db.job(job)["assigned_pid"], getattr(signal, "SIG" + name))
    row = db.wait_status(job, "X", timeout=5)
    assert row["finish_summary"].startswith("terminated unexpectedly (killed by SIG" + name)
    assert row["finish_time"] is not None
    assert db.wait_final(following, timeout=5)[0]["status"] == "OK"
    retry, = successors(db, job)
    assert retry["status"] == "Q" and retry["retry_count"] == 1
    assert db.status(other) == "GO"
    assert trace.begun() == [job, other]


@pytest.mark.parametrize("name", ["TERM", "KILL"])
def test_kill_assigned(empty_queue, daemon, add_job, trace, name):
    """Killed between assign and start: the job is X although it never started (upstream: A)."""
    db = empty_queue
    daemon()
    lock = db.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.people IN ACCESS EXCLUSIVE MODE")
    job = add_job(2, "Example.CountJob", {"person_id": 1, "trace": trace.path})
    pid = db.wait_status(job, "A")["assigned_pid"]
    # Give it the time to reach the check of its parameters, which waits for the lock.
    wait_for(lambda: db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                              " AND application_name = 'registry-jobd worker'"))
    os.kill(pid, getattr(signal, "SIG" + name))
    row = db.wait_status(job, "X", timeout=5)
    lock.rollback()
    lock.close()
    assert "SIG" + name in row["finish_summary"] and row["start_time"] is None
    assert not trace.begun()
    following = add_job(2)
    assert db.wait_final(following)[0]["status"] == "OK"


@pytest.mark.parametrize("end, words", [
    ("exit", "exit code "), ("_exit", "exit code "), ("abort", "SIGABRT"), ("segv", "SIGSEGV"),
    ("kill", "SIGKILL")])
def test_plugin_ends_its_process(empty_queue, daemon, add_job, trace, end, words):
    """A plugin that takes the worker with it: X with the reason, its records kept, one retry."""
    db = empty_queue
    running = daemon()
    job = add_job(2, "Example.CountJob", {"end": end, "records": 3, "trace": trace.path},
                  retry_interval=60)
    following = add_job(2, "Example.CountJob", {"trace": trace.path})
    first, second = db.wait_final(job, following)
    assert first["status"] == "X" and second["status"] == "OK"
    assert "terminated unexpectedly" in first["finish_summary"]
    assert words in first["finish_summary"]
    records = wait_for(lambda: (found := db.history(job)) and len(found) == 4 and found)
    assert words in records[3]["comment"] and "peak memory" in records[3]["comment"]
    assert len(successors(db, job)) == 1
    assert trace.begun() == [job, following]
    assert running.stop() == 0


@pytest.mark.parametrize("records", [1, 7, 500, 3000])
def test_records_survive(empty_queue, daemon, add_job, records):
    """Law 10: killed in the next instruction, every record is there exactly once, in order."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {"records": records, "end": "kill"})
    assert db.wait_final(job)[0]["status"] == "X"
    keys = [record["record_key"] for record in db.history(job)
            if record["record_key"] != "registry-jobd: ended"]
    assert len(keys) == len(set(keys)) == records


def test_records_survive_a_kill_from_outside(empty_queue, daemon, add_job):
    """Killed at any moment: what is there is a prefix of what was handed over, without a gap."""
    db = empty_queue
    daemon()
    for _ in range(10):
        job = add_job(2, "Example.CountJob", {"count": 100000, "records": 10})
        row = db.wait_status(job, "GO")
        wait_for(lambda: db.value("SELECT count(*) FROM public.job_history_records"
                                  " WHERE job_id = %s", job) > 100)
        os.kill(row["assigned_pid"], signal.SIGKILL)
        db.wait_status(job, "X")
        comments = [record["record_key"] for record in db.history(job)]
        assert len(comments) == len(set(comments))
    following = add_job(2)
    db.wait_final(following)


def test_supervisor_killed(empty_queue, daemon, add_job, trace):
    """Workers die with their supervisor; the next start settles, then the CO goes on."""
    db = empty_queue
    first = daemon()
    jobs = [begun(db, add_job, trace, co=co, end="sleep", columns={"retry_interval": 3600})
            for co in (2, 3)]
    following = [add_job(co, "Example.CountJob", {"trace": trace.path}) for co in (2, 3)]
    pids = [db.job(job)["assigned_pid"] for job in jobs]
    first.kill()
    for pid in pids:
        wait_for(lambda pid=pid: is_gone(pid), 5)
    assert [db.status(job) for job in jobs] == ["GO", "GO"]
    daemon()
    rows = db.wait_final(*jobs, *following, timeout=10)
    assert [row["status"] for row in rows] == ["X", "X", "OK", "OK"]
    for row in rows[:2]:
        assert row["finish_summary"].startswith("terminated unexpectedly")
        assert len(successors(db, row["id"])) == 1
    assert trace.begun()[:2] == jobs and sorted(trace.begun()) == jobs + following
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor") == 1)


def test_supervisor_killed_beside_another(empty_queue, daemon, add_job, trace):
    """A second daemon that lives settles what the first left, at its next look."""
    db = empty_queue
    first = daemon()
    job = begun(db, add_job, trace, end="sleep")
    daemon(sweep="1s")
    first.kill()
    following = add_job(2)
    first_row, second_row = db.wait_final(job, following, timeout=10)
    assert first_row["status"] == "X" and second_row["status"] == "OK"


@pytest.mark.parametrize("where", ["running", "finishing"])
def test_supervisor_killed_again_and_again(empty_queue, daemon, add_job, trace, where):
    """Five starts, each killed under load: no job runs twice, none is lost."""
    db = empty_queue
    ids = [add_job(2 + i % 3, "Example.CountJob",
                   {"trace": trace.path, "sleep_ms": 20 if where == "running" else 0})
           for i in range(400)]
    seen = 0
    for _ in range(5):
        running = daemon(ready=False)
        wait_for(lambda: len(trace.begun()) > seen)
        running.kill()
        seen = len(trace.begun())
        if seen >= len(ids):
            break
    daemon()
    rows = db.wait_final(*ids, timeout=40)
    started = trace.begun()
    assert len(started) == len(set(started)), "a job ran twice"
    ended_ok = {e[1] for e in trace.events() if e[0] == "end"}
    for row in rows:
        if row["status"] == "OK":
            assert row["id"] in ended_ok
        else:
            assert row["status"] == "X" and "terminated" in row["finish_summary"]
    # With three COs at most three jobs per kill were running.
    assert sum(row["status"] == "X" for row in rows) <= 15


def test_idle_worker_killed(empty_queue, daemon, add_job):
    """An idle worker that dies leaves nothing behind but its slot."""
    db = empty_queue
    running = daemon(workers=1)
    db.wait_final(add_job(2))
    db.wait_idle()
    for _ in range(3):
        for pid in running.workers():
            os.kill(pid, signal.SIGKILL)
        assert db.wait_final(add_job(2))[0]["status"] == "OK"
        db.wait_idle()  # the worker is idle when it has given its lane back, not before


def test_worker_stopped_by_debugger(empty_queue, daemon, add_job, trace):
    """SIGSTOP of one worker holds up its CO only; SIGCONT and it goes on."""
    db = empty_queue
    daemon(workers=2)
    job = begun(db, add_job, trace, sleep_ms=200)
    pid = db.job(job)["assigned_pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        others = [add_job(3) for _ in range(5)]
        db.wait_final(*others)
        assert db.status(job) == "GO"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert db.wait_final(job)[0]["status"] == "OK"


def test_frozen_supervisor_kills_its_workers(empty_queue, daemon, add_job, trace):
    """A supervisor that is frozen cannot renew: its workers end before the lease does, and
    another daemon takes over without meeting a living plugin."""
    db = empty_queue
    frozen = daemon(heartbeat="1s", lease="5s")
    job = begun(db, add_job, trace, ignore_cancel=True, end="sleep")
    pid = db.job(job)["assigned_pid"]
    os.kill(frozen.pid, signal.SIGSTOP)
    wait_for(lambda: is_gone(pid), 8)
    assert db.status(job) == "GO"
    daemon(sweep="1s", heartbeat="1s", lease="5s")
    following = add_job(2)
    rows = db.wait_final(job, following, timeout=15)
    assert [row["status"] for row in rows] == ["X", "OK"]
    os.kill(frozen.pid, signal.SIGCONT)
    # It finds that it was given up, and begins anew.
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor") == 2)
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert frozen.stop() == 0


def test_workers_killed_at_random(empty_queue, daemon, add_job, trace, rng):
    """Workers are killed all the time under load: no job runs twice, none is lost or stuck."""
    db = empty_queue
    running = daemon()
    ids = [add_job(2 + i % 3, "Example.CountJob", {"trace": trace.path, "records": 2})
           for i in range(500)]

    def kill_or_done():
        for pid in running.workers():
            if rng.random() < 0.3:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return db.value("SELECT count(*) FROM public.jobs WHERE status = 'Q'") < 100
    wait_for(kill_or_done, 40, interval=0.05)
    rows = db.wait_final(*ids, timeout=30)
    started = trace.begun()
    assert len(started) == len(set(started)), "a job ran twice"
    records = {row["job_id"]: row["n"] for row in db.sql(
        "SELECT job_id, count(*) AS n, count(DISTINCT record_key) AS keys"
        " FROM public.job_history_records GROUP BY 1 HAVING count(*) = count(DISTINCT record_key)")}
    for row in rows:
        if row["status"] == "OK":
            assert row["id"] in started and records[row["id"]] == 2
        else:
            assert row["status"] == "X"
            # The server may execute a claim whose worker is dead already: its job never began.
            belated = "assigned only after its worker had died" in row["finish_summary"]
            assert "SIGKILL" in row["finish_summary"] or (belated and row["id"] not in started), row
    assert not db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL"
                        " AND since < now() - interval '5 seconds'")


def test_canceled_then_supervisor_killed(empty_queue, daemon, add_job, trace):
    """A canceled job whose supervisor dies: the row stays CX, one record tells, the CO goes on."""
    db = empty_queue
    first = daemon()
    job = begun(db, add_job, trace, end="sleep", ignore_cancel=True)
    assert db.cancel(job) == 1
    first.kill()
    daemon()
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert db.status(job) == "CX"
    records = [r for r in db.history(job) if r["record_key"] == "registry-jobd: stopped"]
    assert len(records) == 1
    assert not successors(db, job)


def test_daemons_killed_in_turns(empty_queue, daemon, add_job, trace):
    """Two daemons, one of them killed and started again and again: law 1 and law 3 hold."""
    db = empty_queue
    daemon(workers=2, sweep="1s")
    ids = [add_job(1 + i % 4, "Example.CountJob", {"trace": trace.path, "sleep_ms": 10})
           for i in range(240)]
    for _ in range(4):
        other = daemon(workers=2, sweep="1s")
        seen = len(trace.begun())
        wait_for(lambda seen=seen: len(trace.begun()) > seen + 10 or len(trace.begun()) == 240)
        other.kill()
    rows = db.wait_final(*ids, timeout=40)
    started = trace.begun()
    assert len(started) == len(set(started)), "a job ran twice"
    assert all(row["status"] == "OK" or "terminated" in row["finish_summary"] for row in rows)
    # Begin and end alternate, but for those that were killed.
    killed = {row["id"] for row in rows if row["status"] == "X"}
    last = {}
    for what, job, co, *_ in trace.events():
        if what == "begin":
            assert last.get(co) is None or last[co] in killed, f"{job} beside {last[co]}"
            last[co] = job
        elif last.get(co) == job:
            last[co] = None
