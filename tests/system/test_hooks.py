"""[hooks] failed: a program is told of each job that failed for good, and costs no job anything."""
import json
import os
import re
import signal
import statistics
import time

import pytest
from conftest import DAEMON, HOST, PLUGINS, is_gone, run_command, wait_for, write_config

COUNT = "Example.CountJob"
FAIL = {"end": "fail"}
TITLE = "tells the hook of failed jobs"


class Hook:
    """A program that notes what it is told, and then does what a test wants of it."""

    def __init__(self, directory, name="hook"):
        directory.chmod(0o755)
        self.path = directory / name
        self.out = directory / f"{name}.out"
        self.gate = directory / f"{name}.gate"  # while it is there, the hook does not end
        self.write()

    def write(self, body="", mode=0o755):
        self.path.write_text(f"#!/bin/sh\ncat >> {self.out}\n"
                             f"while [ -e {self.gate} ]; do sleep 0.02; done\n{body}\n")
        self.path.chmod(mode)
        return self

    def lines(self):
        return self.out.read_text().splitlines() if self.out.exists() else []

    def told(self):
        return [json.loads(line) for line in self.lines()]

    def ids(self):
        return [event["id"] for event in self.told()]

    def wait(self, n, timeout=20):
        wait_for(lambda: len(self.lines()) >= n, timeout, f"{n} jobs told")
        return self.told()


@pytest.fixture
def hook(tmp_path):
    made = Hook(tmp_path)
    yield made
    made.gate.unlink(missing_ok=True)


def hook_child(daemon):
    """The PID of the daemon's child for the hook, or None."""
    for pid in daemon.workers():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if TITLE.encode() in file.read():
                    return pid
        except OSError:
            pass
    return None


# ---- which jobs ----

def test_exactly_those_that_failed_for_good(empty_queue, daemon, add_job, cos, hook):
    """However a job becomes Failed; of one with a retry only the last; no other."""
    db = empty_queue
    running = daemon(failed=hook.path, unknown_models="fail", heartbeat="1s")
    co = cos(10)
    retried = add_job(co[0], COUNT, FAIL, retry_interval=1, max_retry=1, retry_count=0)
    plugin = add_job(co[1], COUNT, FAIL)
    crashed = add_job(co[2], COUNT, {"end": "segv"})
    rejected = add_job(co[3], COUNT, {"no_such": 1})
    unknown = add_job(co[4], "No.SuchJob")
    periodic = add_job(co[5], COUNT, FAIL, requeue_interval=3600)
    endless = add_job(co[6], COUNT, FAIL, status="CX", requeue_interval=3600)
    db.sql("INSERT INTO jobd.requeue_always (job_id) VALUES (%s)", endless)
    db.undo("UPDATE public.jobs SET status = 'Q' WHERE id = %s", endless)
    complete = add_job(co[7], COUNT)
    canceled = add_job(co[8], COUNT, {"count": 1000, "sleep_ms": 20})
    waiting = add_job(co[9], delay=3600)
    db.wait_status(canceled, "GO")
    db.cancel(canceled)
    db.cancel(waiting)
    db.wait_final(retried, plugin, crashed, rejected, unknown, periodic, endless, complete)
    last = wait_for(lambda: db.value("SELECT id FROM jobs WHERE requeued_from_job_id = %s", retried))
    assert db.wait_final(last)[0]["status"] == "X"
    assert db.value("SELECT count(*) FROM jobs WHERE requeued_from_job_id = %s", endless) == 1
    expected = {plugin, crashed, rejected, unknown, periodic, endless, last}
    hook.wait(len(expected))
    assert running.stop() == 0
    assert sorted(hook.ids()) == sorted(expected)


def test_supervisor_that_died(empty_queue, daemon, add_job, hook):
    """Whoever settles what it left tells of it."""
    first = daemon(failed=hook.path)
    job = add_job(2, COUNT, {"count": 1000, "sleep_ms": 50})
    empty_queue.wait_status(job, "GO")
    first.kill()
    daemon(failed=hook.path, sweep="1s")
    assert hook.wait(1)[0]["id"] == job
    assert "terminated unexpectedly" in hook.told()[0]["finish_summary"]


def test_command(empty_queue, add_job, hook, tmp_path):
    """-r is a supervisor, and tells; with -s a person is there."""
    config = write_config(tmp_path / "command.conf", conninfo=empty_queue.conninfo, directory=PLUGINS,
                          load="Example", failed=hook.path)
    done = run_command(config, "-s", "-c", 2, "-j", COUNT, "end=fail")
    assert done.returncode and not hook.lines()
    job = add_job(2, COUNT, FAIL)
    done = run_command(config, "-r", "-c", 2)
    assert done.returncode == 0, done.stderr
    assert hook.ids() == [job]


# ---- what it is told ----

def test_object(empty_queue, daemon, add_job, hook):
    """The members, and no parameters."""
    running = daemon(failed=f'{hook.path} "an argument"')
    job = add_job(2, COUNT, {**FAIL, "tag": "hush", "summary": "no such target"}, retry_interval=5, max_retry=2,
                  retry_count=2)
    event, = hook.wait(1)
    row = empty_queue.job(job)
    times = {name: event.pop(name) for name in ("register_time", "start_time", "finish_time")}
    assert event == {"id": job, "co_id": 2, "co": empty_queue.value("SELECT name FROM cos WHERE id = 2"),
                     "plugin": COUNT, "finish_summary": "no such target", "assigned_host": HOST,
                     "assigned_pid": row["assigned_pid"], "retry_count": 2, "requeued_from_job_id": None,
                     "instance": "daemon-1"}
    for name, text in times.items():
        assert text == row[name].strftime("%Y-%m-%dT%H:%M:%SZ"), name
    assert "hush" not in hook.out.read_text()
    assert running.stop() == 0


def test_hostile_texts(empty_queue, daemon, add_job, hook, tmp_path):
    """Whatever a summary has in it, one line of ASCII is one job."""
    hook.write('read -r nothing; echo "$nothing"')
    daemon(failed=hook.path)
    bait = tmp_path / "bait"
    summary = f'a"b\\c\n\r\t\x1b[31m \u2028\u202e $(touch {bait}) `touch {bait}`; ü {"x" * 400}'
    add_job(2, COUNT, {**FAIL, "summary": summary})
    add_job(2, COUNT, {**FAIL, "summary": "second"})
    first, second = hook.wait(2)
    assert len(hook.lines()) == 2 and hook.out.read_text().isascii()
    assert first["finish_summary"].startswith('a"b\\c') and len(first["finish_summary"]) <= 256
    assert "\u2028" in first["finish_summary"] and second["finish_summary"] == "second"
    assert not bait.exists()


def test_environment(empty_queue, daemon, add_job, hook):
    """What programs of models have of the system's, nothing of the daemon's."""
    hook.write(f"env > {hook.out}.env; pwd >> {hook.out}.env; ls -l /proc/self/fd >> {hook.out}.env")
    running = daemon(failed=hook.path, env={"PGPASSWORD": "hush", "NOTIFY_SOCKET": "/run/none"})
    add_job(2, COUNT, FAIL)
    hook.wait(1)
    assert running.stop() == 0
    text = hook.out.with_suffix(".out.env").read_text()
    names = set(re.findall(r"^(\w+)=", text, re.MULTILINE)) - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert names <= {"PATH", "LANG", "HOME"} and "PATH" in names
    assert "\n/\n" in text and "socket:" not in text


# ---- what it does, and what that costs ----

def start_times(add_job, trace, co, n):
    """From the insert to the plugin, in seconds."""
    times = []
    for _ in range(n):
        began = time.time()
        job = add_job(co, COUNT, {"trace": trace.path})
        event = wait_for(lambda job=job: [e for e in trace.events() if e[0] == "begin" and e[1] == job])
        times.append(event[0][4] / 1e6 - began)
    return times


@pytest.mark.limit(120)
def test_hook_that_hangs_delays_no_job(empty_queue, daemon, add_job, trace, hook):
    """Jobs of its own CO and of another start as fast beside it as without it."""
    daemon(failed=hook.path, timeout="1min")
    quiet, beside = {2: [], 3: []}, {2: [], 3: []}
    start_times(add_job, trace, 2, 2)
    for n in range(6):
        for co in (2, 3):
            quiet[co] += start_times(add_job, trace, co, 5)
        hook.gate.touch()
        add_job(2, COUNT, FAIL)
        hook.wait(n + 1)
        for co in (2, 3):
            beside[co] += start_times(add_job, trace, co, 5)
        assert len(hook.lines()) == n + 1
        hook.gate.unlink()
    for co in (2, 3):
        without, with_it = statistics.median(quiet[co]), statistics.median(beside[co])
        print(f"CO {co}: {1000 * without:.1f} ms without a hook, {1000 * with_it:.1f} ms beside it (medians)")
        assert with_it - without < 0.010


def test_timeout(empty_queue, daemon, add_job, hook):
    """It is killed with its group, also where it does not hear SIGTERM; the next job is told."""
    hook.write(f"[ -e {hook.out}.once ] && exit 0\ntouch {hook.out}.once\ntrap '' TERM\nsleep 600 & echo $! $$ > {hook.out}.pids\n"
               "while :; do sleep 600; done")
    running = daemon(failed=hook.path, timeout="500ms")
    job, later = add_job(2, COUNT, FAIL), add_job(3, COUNT, FAIL)
    running.wait_log(rf"^<4>job \d+: the hook for failed jobs: '{hook.path}' did not end within its timeout of 500ms")
    hook.wait(2)
    assert set(hook.ids()) == {job, later}
    pids = hook.out.with_suffix(".out.pids").read_text().split()
    wait_for(lambda: all(is_gone(int(pid)) for pid in pids), what=f"{pids} gone")


def test_what_it_leaves(empty_queue, daemon, add_job, hook):
    """Also what has left its group: it is gone while the same child tells of the next job."""
    hold, pid = hook.out.with_suffix(".hold"), hook.out.with_suffix(".pid")
    hook.write(f"n=$(wc -l < {hook.out})\n[ $n != 2 ] || {{ setsid sleep 600 & echo $! > {pid}; sleep 0.2; }}\n"
               f"while [ $n = 3 ] && [ -e {hold} ]; do sleep 0.02; done")
    hook.gate.touch()
    hold.touch()
    running = daemon(failed=hook.path, timeout="1min")
    add_job(2, COUNT, FAIL)
    hook.wait(1)
    empty_queue.wait_final(add_job(2, COUNT, FAIL), add_job(2, COUNT, FAIL))
    running.wait_log(r"^<4>job \d+: failed", times=3)
    hook.gate.unlink()
    hook.wait(3)
    child = hook_child(running)
    wait_for(lambda: is_gone(int(pid.read_text())))
    assert hook_child(running) == child and not is_gone(child)
    hold.unlink()
    wait_for(lambda: not hook_child(running))


def test_flood(empty_queue, daemon, add_job, hook):
    """What it writes is lines of the log, a bounded number of them."""
    hook.write("yes 'all is lost'")
    running = daemon(failed=hook.path, timeout="500ms")
    job = add_job(2, COUNT, FAIL)
    running.wait_log("did not end within its timeout of 500ms")
    assert running.count(rf"^<5>job {job}: hook: all is lost$") == 100
    assert running.count(rf"^<5>job {job}: hook: the program wrote \d+ more lines") == 1


def test_exit_code(empty_queue, daemon, add_job, hook):
    """One warning with the job, and the hook's own last words."""
    hook.write("echo no route to host >&2; exit 3")
    running = daemon(failed=hook.path)
    job = add_job(2, COUNT, FAIL)
    running.wait_log(rf"^<4>job {job}: the hook for failed jobs: '{hook.path}' exited with code 3: no route to host")
    assert queue_goes_on(empty_queue, add_job)


def queue_goes_on(db, add_job):
    return db.wait_final(add_job(2))[0]["status"] == "OK"


# ---- the program ----

@pytest.mark.parametrize("case, words", [
    ("absent", "cannot be executed: No such file"), ("not executable", "cannot be executed: Permission denied"),
    ("everybody's", "is not executed: ")])
def test_program_that_may_not_run(empty_queue, daemon, hook, add_job, case, words):
    """As one of [exec]: a daemon starts without it, and says so; no reload takes it; gone later, it costs
    a warning."""
    def spoil():
        if case == "absent":
            hook.path.unlink()
        else:
            hook.path.chmod(0o644 if case == "not executable" else 0o757)
    spoil()
    first = daemon(failed=hook.path)
    assert first.count(rf"^<4>\[hooks\]: command '{hook.path}' {words}") == 1
    checked = run_command(first.config, "--check", program=DAEMON)
    assert checked.returncode == 78 and f"[hooks]: command '{hook.path}' {words}" in checked.stderr
    found = run_command(first.config, "doctor").stdout
    assert f"error    configuration [hooks]: command '{hook.path}' {words}" in found
    assert first.stop() == 0
    running = daemon()
    running.reload(failed=hook.path)
    running.wait_log("the configuration stays as it was")
    hook.write()
    running.reload(failed=hook.path)
    running.wait_log("reloaded the configuration")
    spoil()
    job = add_job(2, COUNT, FAIL)
    running.wait_log(rf"^<4>job {job}: the hook for failed jobs: '{hook.path}' {words}")
    assert queue_goes_on(empty_queue, add_job) and not hook.lines()


def test_check(db, hook, tmp_path):
    """--check shows it, as lines that can be read again."""
    config = write_config(tmp_path / "check.conf", conninfo=db.conninfo, directory=PLUGINS,
                          failed=f"{hook.path} 'x y'", timeout="3s")
    done = run_command(config, "--check", program=DAEMON)
    assert done.returncode == 0, done.stderr
    assert f"\n[hooks]\nfailed = {hook.path} 'x y'\ntimeout = 3s\n" in done.stdout
    assert not hook.lines()


def test_reload(empty_queue, daemon, add_job, hook, tmp_path):
    """Adds it, changes it and takes it away, also for a job that runs already."""
    other = Hook(tmp_path, "other")
    running = daemon()
    before = add_job(2, COUNT, FAIL)
    empty_queue.wait_final(before)
    slow = add_job(2, COUNT, {**FAIL, "count": 40, "sleep_ms": 50})
    empty_queue.wait_status(slow, "GO")
    running.reload(failed=hook.path)
    running.wait_log("reloaded the configuration")
    assert hook.wait(1)[0]["id"] == slow
    running.reload(failed=other.path)
    running.wait_log("reloaded the configuration", times=2)
    job = add_job(2, COUNT, FAIL)
    assert other.wait(1)[0]["id"] == job
    running.reload(failed=None)
    running.wait_log("reloaded the configuration", times=3)
    empty_queue.wait_final(add_job(2, COUNT, FAIL))
    assert running.stop() == 0
    assert hook.ids() == [slow] and other.ids() == [job]


# ---- bounds ----

@pytest.mark.limit(180)
def test_flood_of_failures(empty_queue, daemon, cos, hook):
    """A bounded number waits; of the others the log has the number; nobody is told twice."""
    db = empty_queue
    running = daemon(failed=hook.path, timeout="5min")
    hook.gate.touch()
    db.sql("""INSERT INTO public.jobs (co_id, plugin, parameters, status, register_time, start_after_time, created,
                                       modified, revision, deleted, actor_identifier)
              SELECT c.id, 'Example.NoopJob', '{"no_such": 1}', 'Q', t.now, t.now, t.now, t.now, 0, false, ''
                FROM unnest(%s) c (id), generate_series(1, 750) i,
                     LATERAL (SELECT date_trunc('second', now() AT TIME ZONE 'UTC') AS now) t""", cos(4))
    wait_for(lambda: db.value("SELECT count(*) FROM jobs WHERE status = 'X'") == 3000, 60)

    def dropped():
        return sum(map(int, re.findall(r"^<4>the hook for failed jobs was not told of (\d+) jobs", running.log(),
                                       re.MULTILINE)))
    wait_for(dropped)
    hook.gate.unlink()
    hook.wait(40, 60)  # more than one child is given
    assert running.stop() == 0
    ids = hook.ids()
    assert len(ids) == len(set(ids))
    assert 3000 <= len(ids) + dropped() <= 3001  # the last one may have been told and not done
    assert running.count("was not told of") <= 3


def test_stop_with_a_waiting_hook(empty_queue, daemon, add_job, hook):
    """It is given a moment, and then given up, with the number in the log."""
    hook.gate.touch()
    running = daemon(failed=hook.path, timeout="5min")
    jobs = [add_job(2, COUNT, FAIL) for _ in range(5)]
    empty_queue.wait_final(*jobs)
    hook.wait(1)
    child = hook_child(running)
    began = time.monotonic()
    assert running.stop(timeout=10) == 0
    assert 1.5 < time.monotonic() - began < 8
    assert running.count(r"^<4>the hook for failed jobs was not told of 5 jobs") == 1
    assert is_gone(child)
    assert empty_queue.value("SELECT count(*) FROM jobd.supervisor") == 0


def test_stop_tells_the_last(empty_queue, daemon, add_job, hook):
    """A job that failed just before, or because of the stop, is told."""
    running = daemon(failed=hook.path, stop_timeout="0")
    job = add_job(2, COUNT, {"count": 1000, "sleep_ms": 50})
    empty_queue.wait_status(job, "GO")
    assert running.stop() == 0
    assert empty_queue.status(job) == "X" and hook.ids() == [job]


def test_child_that_dies(empty_queue, daemon, add_job, hook):
    """What it had not done is dropped, and said; its program ends with it; the next job is told."""
    hook.write(f"echo $$ > {hook.out}.pid; sleep 600")
    running = daemon(failed=hook.path, timeout="5min")
    first = add_job(2, COUNT, FAIL)
    hook.wait(1)
    pid = wait_for(lambda: hook.out.with_suffix(".out.pid").exists()
                   and hook.out.with_suffix(".out.pid").read_text().strip())
    hook.write()
    os.kill(hook_child(running), signal.SIGKILL)
    wait_for(lambda: is_gone(int(pid)))
    running.wait_log(r"^<4>the process that tells the hook of failed jobs .*SIGKILL")
    running.wait_log(r"^<4>the hook for failed jobs was not told of 1 job\b")
    second = add_job(2, COUNT, FAIL)
    hook.wait(2)
    assert hook.ids() == [first, second]


@pytest.mark.limit(120)
def test_child_that_does_not_go_on(empty_queue, daemon, add_job, hook):
    """It is killed with its program; jobs run meanwhile, and the next one is told."""
    hook.write(f"echo $$ > {hook.out}.pid")
    hook.gate.touch()
    running = daemon(failed=hook.path, timeout="100ms")
    first = add_job(2, COUNT, FAIL)
    hook.wait(1)
    child = hook_child(running)
    os.kill(child, signal.SIGSTOP)
    assert queue_goes_on(empty_queue, add_job)
    running.wait_log(r"^<4>the process that tells the hook of failed jobs does not go on, killing it", 60)
    wait_for(lambda: is_gone(child))
    running.wait_log(r"^<4>the hook for failed jobs was not told of 1 job\b")
    hook.gate.unlink()
    second = add_job(2, COUNT, FAIL)
    hook.wait(2)
    assert hook.ids() == [first, second]


def test_rows_that_cannot_be_read(empty_queue, daemon, add_job, hook):
    """A lock holds up the child for a second, and no job."""
    db = empty_queue
    running = daemon(failed=hook.path)
    job = add_job(2, COUNT, {**FAIL, "count": 20, "sleep_ms": 50})
    db.wait_status(job, "GO")
    holder = db.connect(autocommit=False)
    holder.cursor().execute("LOCK public.cos IN ACCESS EXCLUSIVE MODE")
    running.wait_log(r"^<4>the hook for failed jobs: their rows cannot be read: .*lock timeout", 30)
    holder.close()
    running.wait_log(r"^<4>the hook for failed jobs was not told of 1 job\b")
    later = add_job(2, COUNT, FAIL)
    assert hook.wait(1)[0]["id"] == later
