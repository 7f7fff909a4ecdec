"""Control groups of workers, on a real hierarchy: names, what dies with a worker, and titles.

The kernel has the unified hierarchy nearly everywhere, its controllers of memory and tasks not:
what those do is tried by tests/systemd/vm.
"""
import contextlib
import itertools
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

import pytest
from conftest import DAEMON, DEFAULTS, PROCESSES, ROOT, wait_for, write_config

sys.path.insert(0, str(ROOT / "tests/faults"))
from chaos import CHAOS, LOAD, is_gone, marks  # noqa: E402

numbers = itertools.count(1)


def own_directory():
    """Where this process is in the unified hierarchy, or None."""
    own = re.search("^0::(/.*)$", pathlib.Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    mount = re.search("^(?:[^ ]+ ){3}/ ([^ ]+) .* - cgroup2 ",
                      pathlib.Path("/proc/self/mountinfo").read_text(), re.MULTILINE)
    return pathlib.Path(mount[1] + own[1].rstrip("/")) if own and mount else None


def may_have_groups():
    """Why there are none to be had, or ""."""
    directory = own_directory()
    if not directory:
        return "this machine has no unified hierarchy of control groups"
    name = directory / f"registry-jobd-probe-{os.getpid()}"
    try:
        name.mkdir()
        name.rmdir()
    except OSError as error:
        return f"this user may not make a control group: {error}"
    return ""


needs_groups = pytest.mark.skipif(bool(may_have_groups()), reason=may_have_groups())


class Group:
    """A control group below our own."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    def delegate(self, mark=b"1"):
        os.setxattr(self.path, "user.delegate", mark)
        return self

    @property
    def prefix(self):
        """Puts a program into the group, and starts it."""
        return ["sh", "-c", f'echo 0 >"{self.path}/cgroup.procs" && exec "$@"', "sh"]

    def names(self):
        return sorted(path.name for path in self.path.iterdir() if path.is_dir())

    def pids(self, name="."):
        with contextlib.suppress(OSError):
            text = (self.path / name / "cgroup.procs").read_text()
            return sorted(int(word) for word in text.split())
        return []

    def remove(self):
        for path in [*self.path.glob("*/"), self.path]:
            with contextlib.suppress(OSError):
                (path / "cgroup.kill").write_text("1")
        for path in [*self.path.glob("*/"), self.path]:
            wait_for(lambda path=path: "populated 0" in (path / "cgroup.events").read_text(),
                     what=f"{path} is empty")
            path.rmdir()


@pytest.fixture
def group(request):
    """A group for the daemon of this test; removed after it."""
    name = f"registry-jobd-test-{os.getpid()}-{next(numbers)}"
    made = Group(own_directory() / name)
    yield made
    for daemon in request.node.stash.get(PROCESSES, []):
        daemon.kill()
    made.remove()


def title(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().rstrip()
    return ""


def directory_of(pid):
    with contextlib.suppress(OSError):
        text = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        return re.search("^0::(.*)$", text, re.MULTILINE)[1]
    return ""


# ---- names ----

@needs_groups
def test_names(empty_queue, group, daemon, add_job):
    """Everybody is in a group of its own, the programs of a job in that of its worker."""
    db = empty_queue
    running = daemon(load=LOAD, prefix=group.delegate().prefix, workers=2)
    jobs = [add_job(co, CHAOS, {"act": "pause"}) for co in (2, 3)]
    workers = {db.wait_status(job, "GO")["assigned_pid"] for job in jobs}
    assert group.names() == ["supervisor", "worker-0", "worker-1"]
    assert group.pids("supervisor") == [running.pid]
    assert group.pids() == []
    assert {pid for i in (0, 1) for pid in group.pids(f"worker-{i}")} == workers
    assert running.count("each worker has a control group in ") == 1
    assert title(running.pid) == "registry-jobd: supervisor"
    assert running.stop() == 0
    assert group.names() == [] and not group.pids()
    print("checked: supervisor, worker-0 and worker-1; all gone after a stop")


@needs_groups
def test_children_of_a_job(empty_queue, group, daemon, add_job, tmp_path):
    """What a job starts is in the group of its worker, also in a session of its own."""
    db = empty_queue
    path = tmp_path / "marks"
    daemon(load=LOAD, prefix=group.delegate().prefix, workers=1, cancel_grace="100ms")
    tmp_path.chmod(0o1777)
    job = add_job(2, CHAOS, {"act": "fork_session", "value": 2, "path": str(path),
                             "then": "hang"})
    worker = db.wait_status(job, "GO")["assigned_pid"]
    wait_for(lambda: len(marks(path)) == 2)
    wait_for(lambda: set(group.pids("worker-0")) == {worker, *marks(path)},
             what="the worker and its two daemons, without those between them")
    db.cancel(job)
    wait_for(lambda: all(is_gone(pid) for pid in marks(path)))
    print("checked: two daemons in the group of their worker, ended with it")


# ---- what dies with a worker ----

@needs_groups
@pytest.mark.parametrize("is_delegated", [True, False])
def test_nothing_survives(empty_queue, group, daemon, add_job, tmp_path, is_delegated):
    """The first process of a container cannot tell whose orphans it has; a group can."""
    db = empty_queue
    path = tmp_path / "marks"
    tmp_path.chmod(0o1777)
    if is_delegated:
        group.delegate()
    running = daemon(load=LOAD, workers=1, prefix=[
        "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *group.prefix])
    job = add_job(2, CHAOS, {"act": "fork_session", "value": 5, "path": str(path),
                             "then": "kill"})
    witness = add_job(2, CHAOS, {"act": "witness", "path": str(path)})
    print("injected: a worker is killed that has five daemons, each in a session of its own")
    row, seen = db.wait_final(job, witness)
    assert row["finish_summary"] == "terminated unexpectedly (killed by SIGKILL)"
    assert len(marks(path)) == 5
    lives = int(seen["finish_summary"].split()[0])
    assert lives == (0 if is_delegated else 5), seen["finish_summary"]
    assert running.count("each worker has a control group in ") == is_delegated
    print("checked: when the next job of the CO ran,", seen["finish_summary"])


@needs_groups
def test_frozen_group(empty_queue, group, daemon, add_job):
    """A plugin may write to its own group, which outlives it: the next worker is well in it."""
    db = empty_queue
    running = daemon(load=LOAD, prefix=group.delegate().prefix, workers=1, cancel_grace="100ms")
    job = add_job(2, CHAOS, {"act": "pause"})
    worker = db.wait_status(job, "GO")["assigned_pid"]
    frozen = group.path / "worker-0"
    (frozen / "cgroup.freeze").write_text("1")
    wait_for(lambda: "frozen 1" in (frozen / "cgroup.events").read_text(), what="it is frozen")
    print("injected: the group of a worker is frozen")
    db.cancel(job)
    wait_for(lambda: is_gone(worker), what="the frozen worker is killed")
    after = add_job(2, CHAOS, {"act": "pause"})
    other = db.wait_status(after, "GO")["assigned_pid"]
    assert running.count("did not start in time") == 0
    assert directory_of(other).endswith("/worker-0")
    print("checked: a cancel ends a frozen worker, the next one runs in the same group")


@needs_groups
def test_frozen_supervisor_group(empty_queue, group, daemon, add_job):
    """The supervisor's own group may have been left frozen, too."""
    left = group.delegate().path / "supervisor"
    left.mkdir()
    (left / "cgroup.freeze").write_text("1")
    running = daemon(load=LOAD, prefix=group.prefix)
    assert empty_queue.wait_final(add_job(2))[0]["status"] == "OK"
    assert group.pids("supervisor") == [running.pid]
    print("checked: a daemon that moves to a frozen group goes on")


@needs_groups
def test_leftover_groups(empty_queue, group, daemon, add_job):
    """What an earlier supervisor left is ended before anything runs."""
    db = empty_queue
    group.delegate()
    sleepers = []
    for name in ("worker-0", "worker-7", "worker-99"):
        left = Group(group.path / name)
        sleepers += [subprocess.Popen([*left.prefix, "sleep", "600"], start_new_session=True)
                     for _ in range(2 if name == "worker-7" else name == "worker-0")]
    other = Group(group.path / "other")
    bystander = subprocess.Popen([*other.prefix, "sleep", "600"], start_new_session=True)
    wait_for(lambda: group.pids("worker-0") and len(group.pids("worker-7")) == 2)
    try:
        running = daemon(load=LOAD, prefix=group.prefix)
        assert running.count("killing what an earlier supervisor left in 2 control groups") == 1
        assert group.names() == ["other", "supervisor"]
        assert [sleeper.wait(10) for sleeper in sleepers] == [-signal.SIGKILL] * 3
        assert bystander.poll() is None
        job = add_job(2)
        assert db.wait_final(job)[0]["status"] == "OK"
        print("checked: three processes in two groups ended, a stranger's group left alone")
    finally:
        for process in (*sleepers, bystander):
            process.kill()
            process.wait()


@needs_groups
def test_supervisor_killed(empty_queue, group, daemon, add_job, tmp_path):
    """A daemon of a job whose supervisor and worker die is ended by the next supervisor."""
    db = empty_queue
    path = tmp_path / "marks"
    tmp_path.chmod(0o1777)
    group.delegate()
    first = daemon(load=LOAD, prefix=group.prefix, workers=1)
    job = add_job(2, CHAOS, {"act": "fork_session", "value": 1, "path": str(path),
                             "then": "hang"})
    db.wait_status(job, "GO")
    survivor, = wait_for(lambda: marks(path))
    first.kill()
    assert not is_gone(survivor)
    witness = add_job(2, CHAOS, {"act": "witness", "path": str(path)})
    second = daemon(load=LOAD, prefix=group.prefix, workers=1)
    row, seen = db.wait_final(job, witness)
    assert row["status"] == "X" and seen["finish_summary"] == "0 of 1 live"
    assert second.count("killing what an earlier supervisor left in 1 control group$") == 1
    print("checked:", seen["finish_summary"], "when the CO went on")


@needs_groups
def test_two_in_one_group(empty_queue, group, daemon, add_job):
    """A second supervisor does not touch the groups of the first one."""
    db = empty_queue
    group.delegate()
    first = daemon(load=LOAD, prefix=group.prefix, workers=1)
    job = add_job(2, CHAOS, {"act": "pause"})
    worker = db.wait_status(job, "GO")["assigned_pid"]
    second = daemon(load=LOAD, prefix=group.prefix, workers=1)
    assert second.count("no control groups for workers: another supervisor uses") == 1
    assert group.pids("worker-0") == [worker] and group.pids("supervisor") == [first.pid]
    other = add_job(3)
    assert db.wait_final(other)[0]["status"] == "OK"
    assert db.status(job) == "GO"
    print("checked: the second one works without groups, the first one's job runs on")


# ---- without ----

@needs_groups
@pytest.mark.parametrize("mark", [None, b"0", b"", b"11111111"])
def test_not_delegated(empty_queue, group, daemon, add_job, mark):
    """Root may write to every group: without the mark it is not ours."""
    db = empty_queue
    if mark is not None:
        group.delegate(mark)
    running = daemon(load=LOAD, prefix=group.prefix, level="debug",
                     limits={CHAOS: {"tasks": 9}, "Example": {"tasks": 3}, "": {"tasks": 0}})
    job = add_job(2)
    assert db.wait_final(job)[0]["status"] == "OK"
    if os.geteuid() == 0:
        assert group.names() == [] and running.pid in group.pids()
        assert running.count("no control groups for workers: none was delegated") == 1
    assert running.count(r'tasks of \[limits "Chaos.ChaosJob"\], \[limits "Example"\] is not '
                         "enforced") == 1
    running.reload(limits={"": {"tasks": 5}})
    running.wait_log(r"tasks of \[limits\] is not enforced")
    assert not running.count("<[0-3]>")
    print("checked: no group, told at start and at the reload, and jobs run")


@pytest.fixture
def open_path():
    """A directory that ordinary users can read, as tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="rj-", dir="/tmp") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


@needs_groups
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user is needed, and one that makes it")
@pytest.mark.parametrize("is_alone", [True, False])
def test_given_to_a_user(group, is_alone, open_path):
    """Without the mark, a group that belongs to the user counts, if nobody else is in it."""
    os.chown(group.path, 65534, 65534)
    os.chown(group.path / "cgroup.procs", 65534, 65534)
    config = write_config(open_path / "conf", **{
        **DEFAULTS, "conninfo": "host=/nowhere dbname=none", "level": "debug"})
    config.chmod(0o644)
    for path in DAEMON.parents:
        if not path.stat().st_mode & 0o005 == 0o005:
            pytest.skip(f"{path} is closed to ordinary users")
    neighbour = None if is_alone else subprocess.Popen([*group.prefix, "sleep", "600"])
    log = open_path / "log"
    if neighbour:
        wait_for(group.pids)
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [*group.prefix, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             str(DAEMON), "--config", str(config)], stdout=out, stderr=out)
    try:
        words = ("each worker has a control group" if is_alone
                 else "no control groups for workers: none was delegated")
        wait_for(lambda: words in log.read_text() or process.poll() is not None, what=words)
        assert words in log.read_text(), log.read_text()
        wait_for(lambda: group.names() == (["supervisor"] if is_alone else []))
    finally:
        process.kill()
        process.wait()
        if neighbour:
            neighbour.kill()
            neighbour.wait()
    print("checked:", words)


# ---- titles ----

def test_titles(empty_queue, daemon, add_job):
    """ps shows which job a process runs; a name from the table cannot write to the terminal."""
    db = empty_queue
    running = daemon(load=LOAD, workers=1, cancel_grace="100ms")
    job = add_job(2, CHAOS, {"act": "pause"})
    pid = db.wait_status(job, "GO")["assigned_pid"]
    assert title(running.pid) == "registry-jobd: supervisor"
    assert title(pid) == f"registry-jobd: job {job} of CO 2, {CHAOS}"
    db.cancel(job)
    after = add_job(2, CHAOS, {"act": "nothing"})
    db.wait_final(after)
    worker, = running.workers()
    wait_for(lambda: title(worker) == "registry-jobd: worker, idle")
    hostile = add_job(2, "Evil\x1b[2J\u009b\n.X")
    assert db.wait_final(hostile)[0]["status"] == "X"
    wait_for(lambda: title(worker) == "registry-jobd: worker, idle")
    print("checked: supervisor, idle, busy with job", job)
