"""The log costs no job: whoever reads it may go, may read nothing, or may never have been there."""
import contextlib
import fcntl
import os
import pty
import resource
import select
import signal
import socket
import subprocess
import termios

import pytest
from conftest import COMMAND, DAEMON, DEFAULTS, SLOW, wait_for, write_config

F_SETPIPE_SZ = 1031
DROPPED = rb"lines of the log were dropped"


@pytest.fixture
def config(db, tmp_path):
    """config(**settings): a configuration file for both programs."""
    def write(**settings):
        return write_config(tmp_path / "log.conf", **{**DEFAULTS, "conninfo": db.conninfo,
                                                      "level": "debug", **settings})
    return write


@pytest.fixture
def start():
    """start(argv, **kwargs): a process of its own session; all are killed at the end."""
    started = []

    def begin(argv, **kwargs):
        process = subprocess.Popen([str(word) for word in argv], start_new_session=True,
                                   **{"stdin": subprocess.DEVNULL, **kwargs})
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(30)


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(30 * SLOW)


def is_serving(db):
    return db.value("SELECT count(*) FROM jobd.supervisor")


def add_jobs(add_job, n, cos=(2, 3), **params):
    return [add_job(co, "Example.CountJob", {"tag": str(i), **params})
            for i in range(n) for co in cos]


def all_complete(db, jobs, timeout=40):
    return {row["status"] for row in db.wait_final(*jobs, timeout=timeout)} == {"OK"}


# ---- the reader goes ----

def test_drain_whose_reader_goes(empty_queue, add_job, config, start):
    """registry-job -r 2>&1 | head -2."""
    jobs = add_jobs(add_job, 20)
    drain = start([COMMAND, "--config", config(), "-r", "-c", "all"],
                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    drain.stdout.readline()
    drain.stdout.close()
    assert drain.wait(40 * SLOW) == 0
    assert all_complete(empty_queue, jobs)


def test_daemon_whose_reader_goes(empty_queue, add_job, config, start):
    """The same behind a pipe, for ever; and workers that die are still replaced and settled."""
    db = empty_queue
    daemon = start([DAEMON, "--config", config()], stderr=subprocess.PIPE)
    daemon.stderr.readline()
    daemon.stderr.close()
    assert all_complete(db, add_jobs(add_job, 10))
    job = add_job(2, "Example.CountJob", {"sleep_ms": 600000})
    os.kill(db.wait_status(job, "GO")["assigned_pid"], signal.SIGKILL)
    assert db.wait_final(job)[0]["status"] == "X"
    assert all_complete(db, add_jobs(add_job, 2))
    assert stop(daemon) == 0


def test_foreground_whose_reader_goes(empty_queue, config, start):
    """registry-job -s, whose words nobody hears from its first one on."""
    run = start([COMMAND, "--config", config(), "-v", "-c", 2, "-j", "Example.CountJob", "-s",
                 "records=50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stderr.close()
    assert int(run.stdout.readline())
    assert run.wait(30 * SLOW) == 0
    assert [row["status"] for row in empty_queue.live()] == ["OK"]


def test_plugin_that_writes_itself(empty_queue, add_job, config, start):
    """A library of a plugin may write to standard error, too."""
    db = empty_queue
    daemon = start([DAEMON, "--config", config(load="Chaos Example")],
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    daemon.stderr.readline()
    daemon.stderr.close()
    daemon.stdout.close()
    job = add_job(2, "Chaos.ChaosJob", {"act": "write_standard", "value": 3})
    assert all_complete(db, [job])
    assert stop(daemon) == 0


def test_programs_are_told_as_usual(empty_queue, add_job, tmp_path, daemon):
    """SIGPIPE ends what a job starts, as everywhere: yes | head would go on for ever."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nyes 2>/dev/null | head -n 1 >/dev/null\n"
                       "sed -n 's/^SigIgn:/ignored/p' /proc/self/status >&2\n")
    program.chmod(0o755)
    running = daemon(exec_models={"Program.Job": {"command": program}})
    assert all_complete(empty_queue, [add_job(2, "Program.Job")])
    running.wait_log(r"ignored\s+0{16}")


def test_file_that_is_full(empty_queue, add_job, config, start, tmp_path):
    """ulimit -f: the log ends at its limit, nothing else does."""
    size = 1 << 26  # of shared memory, too, which is a file for the kernel

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    with open(tmp_path / "log", "ab") as log:
        log.truncate(size - 1000)
        daemon = start([DAEMON, "--config", config()], stderr=log, preexec_fn=limit)
    assert all_complete(empty_queue, add_jobs(add_job, 20))
    assert (tmp_path / "log").stat().st_size == size
    assert stop(daemon) == 0


# ---- nobody is there ----

CLOSED = ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"]


def closing(redirections, *argv):
    return ["sh", "-c", f'exec "$@" {redirections}', "sh", *argv]


@pytest.mark.parametrize("closed", CLOSED)
def test_daemon_without_descriptors(empty_queue, add_job, config, start, closed):
    """Nothing that the daemon opens gets one of the three numbers."""
    db = empty_queue
    daemon = start(closing(closed, DAEMON, "--config", config()), stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    assert all_complete(db, add_jobs(add_job, 3))
    sessions = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name ~ 'supervisor'"
    before = db.value(sessions)
    job = add_job(2, "Example.CountJob", {"sleep_ms": 600000})
    worker = db.wait_status(job, "GO")["assigned_pid"]
    for pid in (daemon.pid, worker):
        for fd in range(3):
            where = os.readlink(f"/proc/{pid}/fd/{fd}")
            assert "socket" not in where and "registry" not in where, (pid, fd, where)
    db.cancel(job)
    db.wait_idle()
    assert db.value(sessions) == before
    assert stop(daemon) == 0


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_command_without_descriptors(empty_queue, add_job, config, start, closed):
    """The three ways in which the command has connections and children."""
    db = empty_queue
    jobs = add_jobs(add_job, 5)
    argv = closing(closed, COMMAND, "--config", config())
    kwargs = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    assert start([*argv, "-r", "-c", "all"], **kwargs).wait(40 * SLOW) == 0
    assert all_complete(db, jobs)
    here = start([*argv, "-c", "2", "-j", "Example.NoopJob", "-s"], **kwargs).wait(40 * SLOW)
    assert db.live()[-1]["status"] == "OK"
    listed = start([*argv, "list"], **kwargs).wait(40 * SLOW)
    # A result that nobody gets is an error, as it is for every program.
    assert (here, listed) == ((1, 1) if ">&- " in closed else (0, 0))


# ---- nobody reads ----

def small_pipe():
    read_fd, write_fd = os.pipe()
    fcntl.fcntl(write_fd, F_SETPIPE_SZ, 4096)
    return read_fd, write_fd


def stopped_terminal():
    """A terminal on which somebody has pressed Ctrl-S."""
    read_fd, write_fd = pty.openpty()
    termios.tcflow(write_fd, termios.TCOOFF)
    return read_fd, write_fd


def full_terminal():
    """A terminal whose other side reads nothing, as that of a frozen ssh."""
    read_fd, write_fd = pty.openpty()
    os.set_blocking(write_fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_fd, b"x" * 100)
    os.set_blocking(write_fd, True)
    return read_fd, write_fd


def small_socket():
    reader, writer = socket.socketpair()
    writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return reader.detach(), writer.detach()


READERS = [small_pipe, stopped_terminal, full_terminal, small_socket]


@pytest.fixture
def reader():
    """reader(make): (reading end, writing end) of one of READERS, closed at the end."""
    fds = []

    def make(kind):
        fds.extend(kind())
        return fds[-2:]

    yield make
    for fd in fds:
        os.close(fd)


def read_until(fd, words, timeout=20):
    """Reads until the words have come, and returns all that did."""
    text = bytearray()

    def have():
        if select.select([fd], [], [], 0)[0]:
            text.extend(os.read(fd, 65536))
        return words in text
    wait_for(have, timeout, words)
    return bytes(text)


@pytest.mark.limit(120)
@pytest.mark.parametrize("kind", READERS)
def test_daemon_that_nobody_reads(empty_queue, add_job, config, start, reader, kind):
    """Jobs go on, a death is settled; what was dropped is said when somebody reads."""
    db = empty_queue
    read_fd, write_fd = reader(kind)
    daemon = start([DAEMON, "--config", config(heartbeat="1s")], stderr=write_fd)
    assert all_complete(db, add_jobs(add_job, 100, records=3), timeout=60)
    job = add_job(2, "Example.CountJob", {"sleep_ms": 600000})
    os.kill(db.wait_status(job, "GO")["assigned_pid"], signal.SIGKILL)
    assert db.wait_final(job)[0]["status"] == "X"
    assert all_complete(db, add_jobs(add_job, 2))
    assert not fcntl.fcntl(write_fd, fcntl.F_GETFL) & os.O_NONBLOCK  # it is ours as well
    if kind is stopped_terminal:
        termios.tcflow(write_fd, termios.TCOON)
    read_until(read_fd, DROPPED)
    assert stop(daemon) == 0


def test_library_that_nobody_reads(empty_queue, add_job, config, start, reader):
    """What a plugin's library complains of waits for nobody, either."""
    db = empty_queue
    read_fd, write_fd = reader(small_pipe)
    daemon = start([DAEMON, "--config", config(load="Chaos Example", heartbeat="1s")],
                   stderr=write_fd)
    assert all_complete(db, [add_job(2, "Chaos.ChaosJob", {"act": "complain", "value": 1000})])
    read_until(read_fd, DROPPED)
    assert stop(daemon) == 0


@pytest.mark.parametrize("kind", [small_pipe, small_socket])
def test_settler_that_nobody_hears(empty_queue, add_job, config, start, reader, kind):
    """What a dead supervisor left is settled by the next one, whose log is full from the start."""
    db = empty_queue
    first = start([DAEMON, "--config", config()], stderr=subprocess.DEVNULL)
    job = add_job(2, "Example.CountJob", {"sleep_ms": 600000})
    db.wait_status(job, "GO")
    first.kill()
    first.wait(30)
    _, write_fd = reader(kind)
    os.set_blocking(write_fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_fd, b"x")
    os.set_blocking(write_fd, True)
    daemon = start([DAEMON, "--config", config()], stderr=write_fd)
    assert db.wait_final(job)[0]["status"] == "X"
    assert all_complete(db, add_jobs(add_job, 2))
    assert stop(daemon) == 0


@pytest.mark.parametrize("kind", READERS)
def test_foreground_that_nobody_reads(empty_queue, config, start, reader, kind):
    """registry-job -s with its bar and its words, on both descriptors."""
    _, write_fd = reader(kind)
    run = start([COMMAND, "--config", config(level="info"), "-v", "-c", 2, "-j",
                 "Example.CountJob", "-s", "count=300", "records=300"],
                stdout=write_fd, stderr=write_fd)
    row = wait_for(lambda: [row for row in empty_queue.live() if row["status"] == "OK"])
    assert len(row) == 1
    # It has words left, for which it waits a while: somebody may press Ctrl-Q.
    assert run.wait(20 * SLOW) in (0, 1)
    assert not is_serving(empty_queue)


def test_drain_that_nobody_reads(empty_queue, add_job, config, start, reader):
    """registry-job -r."""
    _, write_fd = reader(small_pipe)
    jobs = add_jobs(add_job, 60, records=3)
    drain = start([COMMAND, "--config", config(), "-r", "-c", "all"], stdout=write_fd,
                  stderr=write_fd)
    assert drain.wait(50 * SLOW) == 0
    assert all_complete(empty_queue, jobs)


def test_nothing_is_dropped_for_a_reader(empty_queue, add_job, daemon):
    """A reader that keeps up misses nothing."""
    running = daemon(level="debug")
    assert all_complete(empty_queue, add_jobs(add_job, 100, records=3), timeout=60)
    assert running.stop() == 0
    assert "dropped" not in running.log()
    assert running.count(r"^<6>job \d+: started") == 200
