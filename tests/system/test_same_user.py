"""What programs that run as the daemon's user can do to it, and that the daemon, as an ordinary user
whom nobody of his own can look into, works as ever."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from conftest import COMMAND, ROOT, wait_for, write_config

LOOK = ROOT / "tests" / "programs" / "look-into"
CHAOS = "Chaos.ChaosJob"
ALL = "descriptors, environment, pidfd_getfd, process_vm_readv, ptrace, read memory, write memory"

pytestmark = pytest.mark.skipif(
    os.path.exists("/proc/sys/kernel/yama/ptrace_scope") and
    pathlib.Path("/proc/sys/kernel/yama/ptrace_scope").read_text().strip() != "0",
    reason="the kernel forbids what the daemon is to forbid")


@pytest.fixture
def look(other_user):
    """The program as a model."""
    copy = shutil.copy(LOOK, other_user.dir / "look-into")
    return {"Look.IntoJob": {"command": copy, "parameters": "any"}}


def looked(db, job):
    row, = db.wait_final(job)
    assert row["status"] == "OK"
    return row["finish_summary"]


def test_programs_cannot_look_into_the_daemon(empty_queue, daemon, add_job, look):
    """Neither worker nor supervisor can be read, written, traced or robbed by a job's program."""
    daemon(exec_models=look)
    assert looked(empty_queue, add_job(2, "Look.IntoJob")) == "looked into 2: nothing"


def test_core_dumps_are_a_choice(empty_queue, daemon, add_job, look, other_user):
    """core_dumps = yes opens all of it, at a reload for the supervisor and for new workers; no
    closes it again. (So the test before this one sees what it says.)"""
    running = daemon(exec_models=look, core_dumps="yes", workers=1, max_jobs_per_worker=1,
                     idle_timeout="1s")
    assert looked(empty_queue, add_job(2, "Look.IntoJob")) == f"looked into 2: {ALL}"

    write_config(other_user.config, look, **{**running.settings, "core_dumps": "no"})
    running.signal(signal.SIGHUP)
    running.wait_log("reloaded the configuration")
    wait_for(lambda: not running.workers())
    assert looked(empty_queue, add_job(2, "Look.IntoJob")) == "looked into 2: nothing"


def test_from_the_beginning(daemon, other_user):
    """Before a plugin is loaded, let alone a job begun; the child that tries the plugins as well."""
    hang = other_user.dir / "hang"
    hang.touch()
    running = daemon(ready=False, load="Hang", env={"RJ_HANG_FILE": str(hang)})
    name = pathlib.Path(f"/proc/{running.pid}/comm")  # before the daemon a shell has children, too
    wait_for(lambda: name.read_text() == "registry-jobd\n" and running.workers())
    done = subprocess.run([*other_user.prefix, str(LOOK), str(running.pid),
                           *map(str, running.workers())], capture_output=True, text=True, check=True)
    hang.unlink()
    assert "looked into 2: nothing" in done.stdout, done.stderr
    running.wait_ready()


def test_the_command_cannot_be_looked_into(empty_queue, command, other_user):
    """registry-job -s has the password and the plugin as well: both of its processes."""
    db = empty_queue
    config = other_user.dir / "command.conf"
    shutil.copy(command.config, config)
    config.chmod(0o644)
    with subprocess.Popen([*other_user.prefix, str(COMMAND), "--config", str(config), "-s", "-c", "2",
                           "-j", "Example.CountJob", "sleep_ms=600000"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: db.value("SELECT count(*) FROM jobs WHERE status = 'GO'"))
            path = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
            pids = [str(process.pid), *path.read_text().split()]
            done = subprocess.run([*other_user.prefix, str(LOOK), *pids], capture_output=True,
                                  text=True, check=True)
        finally:
            process.kill()
    assert "looked into 2: nothing" in done.stdout, done.stderr


def test_an_ordinary_user(empty_queue, daemon, add_job, cos, other_user):
    """Jobs run, are canceled, measured and settled; what a plugin leaves is seen."""
    db = empty_queue
    running = daemon(load="Example Chaos", workers=2)
    co, = cos(1)
    job = add_job(co, CHAOS, {"act": "leak_descriptors", "value": 3})
    db.wait_final(job)
    running.wait_log(rf"job {job}: its plugin {CHAOS} left 3 open descriptors")

    job = add_job(co, "Example.CountJob", {"sleep_ms": 600000})
    following = add_job(co)
    db.wait_status(job, "GO")
    db.cancel(job)
    assert db.wait_final(following)[0]["status"] == "OK" and db.status(job) == "CX"

    job = add_job(co, "Example.CountJob", {"sleep_ms": 600000})
    following = add_job(co)
    os.kill(db.wait_status(job, "GO")["assigned_pid"], 9)
    assert db.wait_final(job, following)[0]["finish_summary"] == \
        "terminated unexpectedly (killed by SIGKILL)"
    assert db.status(following) == "OK"
    # What it used is written after the settlement.
    ended, = wait_for(lambda: [row["comment"] for row in db.history(job) if "CPU" in row["comment"]])
    assert re.search(r"[1-9][\d.]* MB", ended), ended


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a /proc")
def test_hidden_processes(empty_queue, daemon, add_job, cos, other_user):
    """With ProtectProc=invisible, as the unit has it, a supervisor does not even see its workers in
    /proc. They run, and what a killed one leaves is settled, all the same."""
    db = empty_queue
    hidden = ["unshare", "--mount", "sh", "-c",
              'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    if subprocess.run([*hidden, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no /proc of its own here")
    running = daemon(prefix=hidden, workers=2, sweep="1s", heartbeat="1s")
    co, = cos(1)
    long = add_job(3, "Example.CountJob", {"sleep_ms": 600000})
    job = add_job(co, "Example.CountJob", {"sleep_ms": 600000})
    following = add_job(co)
    db.wait_status(long, "GO")
    pid = db.wait_status(job, "GO")["assigned_pid"]
    seen = subprocess.run(["nsenter", "--target", str(running.pid), "--mount", *other_user.prefix,
                           "test", "-e", f"/proc/{pid}/stat"], check=False)
    assert seen.returncode, "the worker is not hidden"
    os.kill(pid, 9)
    db.wait_final(job, following)
    assert db.status(job) == "X" and db.status(following) == "OK"
    # Looking for lanes without a worker, it knows whose they are.
    for _ in range(3):
        before = db.value("SELECT max(seen) FROM jobd.supervisor")
        wait_for(lambda since=before: db.value("SELECT max(seen) FROM jobd.supervisor") > since)
    assert db.status(long) == "GO"
    db.cancel(long)
    db.wait_idle()

    # The same for a supervisor: its successor finds it gone, and settles.
    job = add_job(co, "Example.CountJob", {"sleep_ms": 600000})
    db.wait_status(job, "GO")
    running.kill()
    daemon(prefix=hidden, workers=2)
    assert "terminated unexpectedly" in db.wait_final(job)[0]["finish_summary"]
