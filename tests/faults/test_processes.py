"""Workers that do not start, cannot be forked, are stopped or killed: slots are conserved."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest
from chaos import CHAOS, IS_SANITIZED, LOAD, Bystander, is_gone, marks, survivors
from conftest import COMMAND, DAEMON, DEFAULTS, SLOW, run_command, wait_for, write_config


def check_slots(db, add_job, cos, workers):
    """Exactly so many COs run at once: one more waits until one of them has ended."""
    jobs = [add_job(co, "Example.CountJob", {"sleep_ms": 600000}) for co in cos(workers + 1)]

    def running():
        return [job for job in jobs if db.status(job) == "GO"]

    wait_for(lambda: len(running()) == workers, what=f"{workers} jobs In Progress")
    waiting, = [job for job in jobs if job not in running()]
    db.cancel(running()[0])
    db.wait_status(waiting, "GO")
    assert len(running()) == workers
    for job in jobs:
        db.cancel(job)
    db.wait_idle()
    print(f"checked: {workers} COs run at once, and no more")


@pytest.fixture
def hang(tmp_path):
    """Loading the plugin Hang hangs from begin() to end(); .pids() says who did."""
    class Hang:
        file, path = tmp_path / "hang", tmp_path / "hanging"
        env = {"RJ_HANG_FILE": str(file), "RJ_HANG_PATH": str(path)}

        def begin(self):
            self.file.touch()

        def end(self):
            self.file.unlink()

        def pids(self):
            return marks(self.path)

    return Hang()


# ---- readiness ----

@pytest.mark.limit(120)
def test_worker_hangs_in_start_up(empty_queue, daemon, add_job, cos, hang):
    """A worker that is not ready in time is killed, and another one forked."""
    db = empty_queue
    running = daemon(load=LOAD + " Hang", env=hang.env, workers=3, start_timeout="3s")
    bystander = Bystander(db, add_job, (3, 3))
    hang.begin()
    print("injected: loading a plugin hangs in every new worker")
    jobs = [add_job(co, "Hang.HangJob") for co in (2, 4)]
    wait_for(lambda: len(hang.pids()) == 2)
    first = hang.pids()
    assert db.status(bystander.long) == "GO" and not any(map(is_gone, first))
    running.wait_log(r"<4>.*did not start in time", timeout=45)
    wait_for(lambda: all(map(is_gone, first)), what="the workers that hung are gone")
    hang.end()
    assert {row["status"] for row in db.wait_final(*jobs, timeout=40)} == {"OK"}
    assert db.status(bystander.long) == "GO"
    db.cancel(bystander.long)
    print("checked: killed after the deadline, replaced, their jobs ran")
    check_slots(db, add_job, cos, 3)


@pytest.mark.limit(120)
def test_daemon_hangs_in_start_up(daemon, hang):
    """A daemon whose plugins cannot be opened gives up with words, and leaves nobody behind."""
    hang.begin()
    print("injected: loading a plugin hangs when the daemon tries it")
    running = daemon(load=LOAD + " Hang", env=hang.env, ready=False, start_timeout="3s")
    assert running.wait(60) > 0
    assert running.count(r"<3>.*opening the plugins did not end within \d+ s") == 1
    assert hang.pids() and all(map(is_gone, hang.pids()))
    print("checked: exit code", running.process.returncode)


def test_killed_while_starting(empty_queue, daemon, add_job, cos, hang):
    """Workers that die before they are ready cost time, but neither a job nor a slot."""
    db = empty_queue
    running = daemon(load=LOAD + " Hang", env=hang.env, workers=2)
    hang.begin()
    job = add_job(2, "Hang.HangJob")
    for n in range(1, 5):
        wait_for(lambda n=n: len(hang.pids()) == n)
        os.kill(hang.pids()[-1], [signal.SIGKILL, signal.SIGTERM][n % 2])
    print("injected: four workers killed while they start")
    hang.end()
    assert db.wait_final(job)[0]["status"] == "OK"
    assert running.count("killed by SIG") == 4
    check_slots(db, add_job, cos, 2)


# ---- what the system has no more of ----

@contextlib.contextmanager
def lowered(pid, kind, soft, as_user=()):
    """The soft limit, for a while; changed by the process's own user, because root may not be
    allowed to."""
    def prlimit(*args):
        done = subprocess.run([*as_user, "prlimit", "--pid", str(pid), *args], check=True,
                              capture_output=True, text=True)
        return done.stdout.strip()

    before = prlimit(f"--{kind}", "--output", "SOFT", "--noheadings", "--raw")
    prlimit(f"--{kind}={soft}:")
    try:
        yield
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # it is gone
            prlimit(f"--{kind}={before}:")


def survive(running, db, add_job, kind, soft, as_user=()):
    """Jobs that come while nobody can be forked run afterwards. Returns the seconds of trouble."""
    began = time.monotonic()
    with lowered(running.pid, kind, soft, as_user):
        jobs = [add_job(co) for co in (2, 3, 4)]
        running.wait_log("could not fork a worker", times=4)
        assert {db.status(job) for job in jobs} == {"Q"}
        assert not running.workers()
        took = time.monotonic() - began
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}
    return took


def test_fork_fails(empty_queue, other_user, daemon, add_job, cos):
    """No more processes: tried again with growing pauses until there are some."""
    db = empty_queue
    running = daemon(load=LOAD, workers=3)
    print("injected: RLIMIT_NPROC of the daemon 1")
    took = survive(running, db, add_job, "nproc", 1, other_user.prefix)  # which does not bind root
    assert took > 0.75 * (0.1 + 0.2 + 0.4)
    assert running.count(r"could not fork a worker.*Resource temporarily unavailable") >= 4
    print(f"checked: 4 tries in {took:.1f} s, then all jobs ran")
    check_slots(db, add_job, cos, 3)


def test_no_descriptors(empty_queue, daemon, add_job, cos):
    """No more descriptors: the same."""
    db = empty_queue
    running = daemon(load=LOAD, workers=3)
    n = len(os.listdir(f"/proc/{running.pid}/fd"))
    print("injected: RLIMIT_NOFILE of the daemon as low as what it has open")
    took = survive(running, db, add_job, "nofile", n)
    assert took > 0.75 * (0.1 + 0.2 + 0.4)
    assert running.count(r"could not fork a worker.*Too many open files") >= 4
    print(f"checked: 4 tries in {took:.1f} s, then all jobs ran")
    check_slots(db, add_job, cos, 3)
    # The channel, both halves of the shared memory, and perhaps a control group.
    assert len(os.listdir(f"/proc/{running.pid}/fd")) <= n + 4 * 3


def test_no_descriptors_while_jobs_run(empty_queue, daemon, add_job, cos):
    """Jobs that run are not hurt without one descriptor to be had; a dead one is settled as soon as
    there are some, because its heir needs a connection."""
    db = empty_queue
    running = daemon(load=LOAD, workers=3)
    bystander = Bystander(db, add_job, (3, 3))
    job = add_job(2, CHAOS, {"act": "obey"}, retry_interval=3600)
    pid = db.wait_status(job, "GO")["assigned_pid"]
    with lowered(running.pid, "nofile", 3):
        os.kill(pid, signal.SIGKILL)
        print("injected: a worker killed while its supervisor can open nothing")
        wait_for(lambda: running.count("could not fork a worker"))
        assert db.status(bystander.long) == "GO"
    row, = db.wait_final(job)
    assert row["status"] == "X" and "SIGKILL" in row["finish_summary"]
    assert db.status(bystander.long) == "GO"
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    db.cancel(bystander.long)
    check_slots(db, add_job, cos, 3)


def test_a_peer_that_cannot_be_looked_at(empty_queue, daemon, add_job, trace):
    """A supervisor without descriptors does not take its neighbour for dead."""
    db = empty_queue
    daemon(workers=1)
    job = add_job(2, "Example.CountJob", {"trace": trace.path, "sleep_ms": 4000})
    wait_for(trace.begun)
    blind = daemon(workers=1, sweep="1s")
    with lowered(blind.pid, "nofile", 3):
        print("injected: RLIMIT_NOFILE 3 of a supervisor that looks at its neighbour each second")
        row, = db.wait_final(job)
    assert row["status"] == "OK" and trace.begun() == [job]
    assert not blind.count("settl")
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    print("checked: the neighbour's job ran to its end")


# ---- strangers ----

STRANGER = 'sleep 500 & echo $! > "$0"; exec "$@"'  # a child of what becomes the program


@contextlib.contextmanager
def stranger(path):
    """The PID in the file, when it is there; ended afterwards."""
    try:
        yield lambda: marks(path)[0]
    finally:
        for pid in marks(path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_children_that_were_there_before(empty_queue, daemon, add_job, tmp_path):
    """A child of the shell that became the daemon is none of its business."""
    db = empty_queue
    path, ours = tmp_path / "stranger", tmp_path / "pids"
    tmp_path.chmod(0o1777)
    with stranger(path) as pid:
        running = daemon(load=LOAD, prefix=["sh", "-c", STRANGER, str(path)])
        print("injected: the daemon has a child that it did not fork")
        for _ in range(2):
            job = add_job(2, CHAOS, {"act": "fork_session", "value": 3, "path": str(ours),
                                     "then": "hang"})
            wait_for(lambda: len(survivors(ours)) == 3)
            os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
            assert db.wait_final(job)[0]["status"] == "X"
            assert not survivors(ours) and not is_gone(pid())
        assert running.stop() == 0
        assert not is_gone(pid())
    print("checked: it lives on, and what plugins left does not")


def may_be_first():
    done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"],
                          capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not may_be_first(), reason="this user may not make a PID namespace")
def test_first_process_of_a_container(empty_queue, daemon, add_job, tmp_path):
    """PID 1 is given everybody's orphans: it reaps them, and kills only groups of its workers."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    ours, theirs = tmp_path / "pids", tmp_path / "orphan"
    running = daemon(load=LOAD, prefix=["unshare", "--pid", "--fork", "--kill-child",
                                        "--mount-proc"])
    first, = running.workers()

    def inside(script):
        subprocess.run(["nsenter", "--target", str(first), "--pid", "sh", "-c", script],
                       check=True, timeout=20)

    def lives(pid):
        with contextlib.suppress(FileNotFoundError):
            stat = pathlib.Path(f"/proc/{first}/root/proc/{pid}/stat").read_text()
            return stat.rpartition(")")[2].split()[0] not in "ZX"
        return False

    # Two that lead groups: the leader of the second one ends, the other member of it does not.
    inside(f"setsid sleep 500 & echo $! >> {theirs}")
    inside(f"setsid sh -c 'sleep 500 & echo $! >> {theirs}' &")
    wait_for(lambda: len(marks(theirs)) == 2)
    print("injected: the daemon is PID 1 and has been given two orphans of others")
    job = add_job(2, CHAOS, {"act": "fork_children", "value": 3, "path": str(ours),
                             "then": "hang"})
    wait_for(lambda: len(marks(ours)) == 3)
    worker = db.wait_status(job, "GO")["assigned_pid"]
    assert all(map(lives, marks(ours))) and lives(worker)
    inside(f"kill -9 {worker}")
    assert db.wait_final(job)[0]["status"] == "X"
    wait_for(lambda: not any(map(lives, marks(ours))))
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert all(map(lives, marks(theirs)))
    print("checked: the worker's group is gone, the orphans of others live")


@pytest.mark.parametrize("act", ["fork_children", "fork_orphans", "fork_session"])
def test_family_of_the_command(empty_queue, tmp_path, act):
    """registry-job -s: what the child leaves when it is killed ends before the command does, and
    nothing else does."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    path, other = tmp_path / "pids", tmp_path / "stranger"
    config = write_config(tmp_path / "s.conf", **{**DEFAULTS, "conninfo": db.conninfo,
                                                  "load": LOAD})
    with stranger(other) as pid:
        process = subprocess.Popen(
            ["sh", "-c", STRANGER, str(other), str(COMMAND), "--config", str(config), "-c", "2",
             "-j", CHAOS, "-s", f"act={act}", "value=3", f"path={path}", "then=hang"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: len(survivors(path)) == 3)
        text = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        child, = set(map(int, text.split())) - {pid()}
        os.kill(child, signal.SIGKILL)
        print(f"injected: SIGKILL to the child of registry-job -s with three processes ({act})")
        assert process.wait(30) == 1
        assert not survivors(path) and not is_gone(pid())
    row, = db.live(plugin=CHAOS)
    assert row["status"] == "X" and "SIGKILL" in row["finish_summary"]
    print("checked: all of them dead when the command ends:", row["finish_summary"])


def test_command_with_children_ignored(empty_queue, tmp_path):
    """SIGCHLD ignored by whoever started the command: it waits for its child all the same."""
    db = empty_queue
    config = write_config(tmp_path / "s.conf", **{**DEFAULTS, "conninfo": db.conninfo,
                                                  "load": LOAD})
    for then, code, words in (("ok", 0, ""), ("exit", 1, "exit code 7"), ("kill", 1, "SIGKILL")):
        done = run_command(config, "-c", 2, "-j", CHAOS, "-s", f"then={then}", f"tag={then}",
                           prefix=["env", "--ignore-signal=CHLD"])
        assert done.returncode == code and words in done.stdout + done.stderr, done
    print("checked: its end is known")


def test_daemon_with_children_ignored(empty_queue, daemon, add_job):
    """The same for the daemon."""
    db = empty_queue
    running = daemon(load=LOAD, prefix=["env", "--ignore-signal=CHLD"])
    row, = db.wait_final(add_job(2, CHAOS, {"then": "kill"}))
    assert "SIGKILL" in row["finish_summary"]
    assert running.stop() == 0


# ---- a host that was suspended ----

ASLEEP = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
        static int (*real)(clockid_t, struct timespec *);
        if (!real)
                real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
        int r = real(clock, time);
        if (clock == CLOCK_BOOTTIME && !access("%s", F_OK))
                time->tv_sec += 3600;
        return r;
}
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
@pytest.mark.skipif(IS_SANITIZED, reason="the sanitizers' runtime must be loaded first")
def test_host_was_suspended(empty_queue, daemon, add_job, tmp_path, trace):
    """After a suspend the lease is over, whatever the clock says that stood still: the plugin ends
    at once, also where the supervisor does not."""
    db = empty_queue
    slept, library = tmp_path / "slept", tmp_path / "asleep.so"
    source = tmp_path / "asleep.c"
    source.write_text(ASLEEP % slept)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    running = daemon(lease="10min", heartbeat="3min", env={"LD_PRELOAD": str(library)})
    job = add_job(2, "Example.CountJob", {"trace": trace.path, "end": "sleep",
                                          "ignore_cancel": True})
    wait_for(trace.begun)
    pid = db.job(job)["assigned_pid"]
    os.kill(running.pid, signal.SIGSTOP)
    slept.touch()
    print("injected: an hour that only the clock since boot has seen, under a frozen supervisor")
    wait_for(lambda: is_gone(pid), 15)
    assert db.status(job) == "GO"
    os.kill(running.pid, signal.SIGCONT)
    assert db.wait_final(job)[0]["status"] == "X"
    print("checked: its plugin is gone before the supervisor goes on")


# ---- stopped and killed ----

def test_all_workers_stopped(empty_queue, daemon, add_job, cos):
    """Every worker frozen: the supervisor works on, a cancel ends one, SIGCONT lets one go on."""
    db = empty_queue
    running = daemon(load=LOAD, workers=2, cancel_grace="200ms")
    jobs = [add_job(co, CHAOS, {"act": "progress", "value": 500}) for co in (2, 3)]
    pids = [db.wait_status(job, "GO")["assigned_pid"] for job in jobs]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    print("injected: SIGSTOP of every worker, each with a job")
    following = [add_job(co) for co in (2, 3)]
    db.cancel(jobs[0])
    assert db.wait_final(following[0], timeout=15)[0]["status"] == "OK"
    assert db.status(jobs[0]) == "CX"
    assert db.status(jobs[1]) == "GO" and db.status(following[1]) == "Q"
    os.kill(pids[1], signal.SIGCONT)
    assert [row["status"] for row in db.wait_final(jobs[1], following[1])] == ["OK", "OK"]
    assert running.process.poll() is None
    print("checked: canceled and replaced; continued and Complete; each CO in its order")
    check_slots(db, add_job, cos, 2)


def test_idle_workers_stopped(empty_queue, daemon, add_job, cos):
    """Idle workers frozen: what they are told they do when they go on."""
    db = empty_queue
    running = daemon(load=LOAD, workers=2)
    db.wait_final(*[add_job(co, "Example.CountJob", {"sleep_ms": 300}) for co in (2, 3)])
    db.wait_idle()
    pids = running.workers()
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    print("injected: SIGSTOP of every worker, all idle")
    jobs = [add_job(co) for co in (2, 3, 4)]
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}
    check_slots(db, add_job, cos, 2)


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV"])
@pytest.mark.parametrize("act", ["fork_children", "fork_orphans", "fork_session"])
def test_family_of_a_dead_worker(empty_queue, daemon, add_job, tmp_path, act, name):
    """A worker killed from outside: its process group and its orphans go before its lane does."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    path = tmp_path / "pids"
    daemon(load=LOAD)
    job = add_job(2, CHAOS, {"act": act, "value": 4, "path": str(path), "then": "hang"})
    wait_for(lambda: len(marks(path)) == 4)
    witness = add_job(2, CHAOS, {"act": "witness", "path": str(path)})
    assert len(survivors(path)) == 4
    os.kill(db.job(job)["assigned_pid"], getattr(signal, "SIG" + name))
    print(f"injected: SIG{name} to a worker with four processes ({act})")
    row, = db.wait_final(job)
    assert not survivors(path)
    assert f"SIG{name}" in row["finish_summary"]
    row, = db.wait_final(witness)
    assert row["status"] == "OK", row["finish_summary"]
    print("checked: all of them dead when the job is final, before the next one begins")


@pytest.mark.parametrize("end", ["by themselves", "never"])
def test_family_of_a_dead_supervisor(empty_queue, daemon, add_job, tmp_path, end):
    """Law 13: the supervisor killed as well: the next one kills nobody, because its rows may be another
    database's. It settles when the group is gone, or else after a lease."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    path = tmp_path / "pids"
    lease = round(5 * SLOW) if end == "never" else 3600
    first = daemon(load=LOAD, heartbeat="1s", lease=f"{lease}s")
    job = add_job(2, CHAOS, {"act": "fork_children", "value": 4, "path": str(path),
                             "then": "hang"})
    wait_for(lambda: len(marks(path)) == 4)
    first.kill()
    print("injected: SIGKILL of the supervisor, whose worker has four children")
    second = daemon(load=LOAD, sweep="1s", heartbeat="1s")
    second.wait_log("have to wait: a worker of it is still alive", times=1)
    assert db.status(job) == "GO" and len(survivors(path)) == 4
    try:
        if end == "by themselves":
            for pid in survivors(path):
                os.kill(pid, signal.SIGTERM)
        assert db.wait_final(job, timeout=5 + lease / SLOW if end == "never" else 10)[0]["status"] == "X"
        assert len(survivors(path)) == (4 if end == "never" else 0)
        assert db.wait_final(add_job(2))[0]["status"] == "OK"
    finally:
        for pid in survivors(path):
            os.kill(pid, signal.SIGKILL)
