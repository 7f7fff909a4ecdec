"""Resident programs: started once by a worker, and given job after job."""
import os
import re
import signal
import statistics
import textwrap
import time

import pytest
from conftest import BUILD, DEFAULTS, is_gone, run_command, wait_for, write_config

ONE, TWO = "Resident.OneJob", "Resident.TwoJob"

PREAMBLE = '''#!/usr/bin/python3
import json, os, signal, subprocess, sys, time
open(HERE + "/starts", "a").write(f"{os.getpid()}\\n")
messages = os.fdopen(3, "w")
signals = []
signal.signal(signal.SIGUSR1, lambda *_: signals.append(time.monotonic()))


def say(**message):
    print(json.dumps(message), file=messages, flush=True)


def tell(**message):
    say(job=job, **message)


def record(comment, **more):
    tell(record={"comment": str(comment), "status": "OK", **more})


def await_signal():
    tell(start_summary="waiting")
    open(HERE + "/waiting", "a").write(f"{job}\\n")
    while not signals:
        time.sleep(0.001)

'''
SERVE = '''
for line in sys.stdin:
    task = json.loads(line)
    job, co, model, p = (task[key] for key in ("job", "co", "model", "parameters"))
    signals.clear()
    act = p.get("act", "record")
    if act == "record":
        record(os.getpid())
    if not run():
        tell(end=0)
open(HERE + "/left", "a").write("left\\n")
'''


class Program:
    """A resident program in a directory of its own; `run` is what it does for a job."""

    def __init__(self, directory):
        self.dir = directory
        self.path = directory / "resident"

    def write(self, run="pass", ready="say(ready=1)", head=""):
        body = "def run():\n" + textwrap.indent(textwrap.dedent(run), "    ") + "\n\n"
        self.path.write_text(PREAMBLE.replace("HERE", repr(str(self.dir))) + head + "\n" + body +
                             ready + "\n" + SERVE.replace("HERE", repr(str(self.dir))))
        self.path.chmod(0o755)
        return self

    def keys(self, **more):
        return {"command": self.path, "resident": "yes", "parameters": "any", **more}

    def lines(self, name):
        path = self.dir / name
        return path.read_text().split() if path.exists() else []

    @property
    def starts(self):
        """PIDs."""
        return [int(word) for word in self.lines("starts")]

    def await_waiting(self, job):
        wait_for(lambda: str(job) in self.lines("waiting"), what=f"job {job} waiting")


@pytest.fixture
def program(tmp_path):
    tmp_path.chmod(0o1777)
    return Program(tmp_path)


def comments(db, job):
    return [row["comment"] for row in db.history(job) if not row["record_key"]]


def expect(db, job, status, summary=""):
    row, = db.wait_final(job)
    assert row["status"] == status and summary in (row["finish_summary"] or ""), row["finish_summary"]
    return row


# ---- jobs ----

@pytest.mark.limit(120)
def test_a_thousand_jobs_and_one_start(empty_queue, daemon, add_job, program):
    """One process for all of them, and neither it nor its worker grows."""
    program.write(run='''
        if job % 100 == 0:
            sizes = [int(open(f"/proc/{pid}/statm").read().split()[1]) * 4
                     for pid in (os.getpid(), os.getppid())]
            record("kB %d %d" % tuple(sizes))
        ''')
    jobs = [add_job(2, ONE, {"n": n}) for n in range(1000)]
    running = daemon(exec_models={ONE: program.keys()}, workers=1)
    assert {row["status"] for row in empty_queue.wait_final(*jobs, timeout=100)} == {"OK"}
    assert len(program.starts) == 1
    assert empty_queue.value("SELECT count(*) FROM job_history_records WHERE comment = %s",
                             str(program.starts[0])) == 1000
    sizes = [[int(word) for word in row["comment"].split()[1:]] for row in empty_queue.sql(
        "SELECT comment FROM job_history_records WHERE comment LIKE 'kB %%' ORDER BY job_id")]
    # A sanitizer keeps what a worker has freed.
    for first, last in list(zip(sizes[1], sizes[-1]))[:1 if re.search("clang|asan", BUILD.name) else 2]:
        assert last < first + 1024, sizes
    assert running.count(r"left|dropped|warning") == 0


def test_what_a_job_is_given(empty_queue, daemon, add_job, program):
    """As a program for each job: parameters as they are stored, ids, all that it may say."""
    program.write(run='''
        record(json.dumps([co, model, p["x"], type(p["y"]).__name__]))
        record("linked", key="k", person_id=p["person"])
        tell(start_summary="about to", progress={"done": 1, "total": 4})
        print("words for the log")
        print("and more", file=sys.stderr, flush=True)
        sys.stdout.flush()
        tell(summary="all of it")
        ''')
    person = empty_queue.value("SELECT min(id) FROM people WHERE co_id = 3")
    running = daemon(exec_models={ONE: program.keys()})
    job = add_job(3, ONE, {"act": "", "x": "ü\n", "y": 17, "person": person})
    row = expect(empty_queue, job, "OK", "all of it")
    assert row["start_summary"] == "about to" and row["percent_complete"] == 100
    assert comments(empty_queue, job)[0] == '[3, "Resident.OneJob", "\\u00fc\\n", "int"]'
    assert empty_queue.value("SELECT person_id FROM job_history_records WHERE record_key = 'k'"
                             " AND job_id = %s", job) == person
    assert running.count(rf"job {job}: words for the log") == 1
    assert running.count(rf"job {job}: and more") == 1


def test_two_models_of_one_program(empty_queue, daemon, add_job, program):
    """They share the process, whichever CO their jobs are of; one that is started in another way
    has its own; and nothing runs before it is wanted."""
    program.write(ready='say(ready=1, models=[{"model": "Resident.OneJob"},'
                        ' {"model": "Resident.TwoJob"}, {"model": "Resident.Other"}])')
    daemon(exec_models={ONE: program.keys(), TWO: program.keys(timeout="1h", cancel_signal="USR1"),
                        "Resident.Other": program.keys(**{"environment.A": "b"}),
                        "Resident.Missing": program.keys()}, workers=1)
    noop = add_job(2, "Example.NoopJob", {})
    empty_queue.wait_final(noop)
    assert not program.starts
    jobs = [add_job(co, model, {}) for co in (2, 3, 4) for model in (ONE, TWO)]
    assert {row["status"] for row in empty_queue.wait_final(*jobs)} == {"OK"}
    assert {comments(empty_queue, job)[0] for job in jobs} == {str(program.starts[0])}
    other = add_job(2, "Resident.Other", {})
    expect(empty_queue, other, "OK")
    assert len(program.starts) == 2
    missing = add_job(2, "Resident.Missing", {})
    expect(empty_queue, missing, "X", "does not provide Resident.Missing, but Resident.OneJob and 2")
    again = add_job(2, ONE, {})
    expect(empty_queue, again, "OK")
    assert len(program.starts) == 2


def test_parameters_that_the_program_tells(empty_queue, daemon, add_job, program, tmp_path):
    """The worker checks them before the job starts; a section that declares its own wins."""
    told = [{"name": "kind", "type": "select", "choices": ["a", "b"], "required": True},
            {"name": "group_id", "type": "fk"},
            {"name": "pin", "type": "string", "secret": True}]
    program.write(ready=f"say(ready=1, models=[{{'model': '{ONE}', 'parameters': {told}}},"
                        f" {{'model': '{TWO}', 'parameters': {told}}}])")
    keys = program.keys()
    del keys["parameters"]
    models = {ONE: keys, TWO: {**keys, "parameter.n": "integer"}}
    daemon(exec_models=models)
    group = empty_queue.value("SELECT min(id) FROM groups WHERE co_id = 3")
    for parameters, words in (({"kind": "c"}, "must be one of a, b, not 'c'"),
                              ({}, "parameter 'kind' is required"),
                              ({"kind": "a", "x": 1}, "parameter 'x' is not known"),
                              ({"kind": "a", "group_id": group}, f"groups {group} is not in this")):
        job = add_job(2, ONE, parameters)
        row = expect(empty_queue, job, "X", words)
        assert row["start_time"] is None and not comments(empty_queue, job)
    expect(empty_queue, add_job(3, ONE, {"kind": "b", "group_id": str(group)}), "OK")
    expect(empty_queue, add_job(2, TWO, {"kind": "a"}), "X", "parameter 'kind' is not known")
    expect(empty_queue, add_job(2, TWO, {"n": 3}), "OK")
    # The command registers without the program, and checks what the section declares.
    config = write_config(tmp_path / "more.conf", models,
                          **{**DEFAULTS, "conninfo": empty_queue.conninfo})
    done = run_command(config, "-c", 2, "-j", ONE, "kind=c")
    assert done.returncode == 0, done.stderr
    expect(empty_queue, int(done.stdout), "X", "must be one of a, b")
    assert run_command(config, "-c", 2, "-j", TWO, "n=x").returncode == 1
    done = run_command(config, "-c", 2, "-j", ONE, "-s", "kind=a")
    assert done.returncode == 0 and "complete" in done.stderr, done.stderr
    job = add_job(2, ONE, {"kind": "a", "pin": "hunter2", "x": 1})
    assert "hunter2" not in expect(empty_queue, job, "X", "parameter 'x' is not known")["finish_summary"]
    for arguments in (["show", job], ["show", job, "--json"]):
        shown = run_command(config, *arguments)
        assert shown.returncode == 0 and "hunter2" not in shown.stdout


# ---- who speaks for a job ----

def test_a_process_that_a_job_left(empty_queue, daemon, add_job, program):
    """It says the end of its own job, of the next ones and of none, all the time: nobody listens.
    One whose parent has ended is ended with its job."""
    program.write(run='''
        if act == "leave":
            subprocess.Popen(["sh", p["path"], str(job)], pass_fds=[3], stdin=subprocess.DEVNULL)
        if act == "orphan":
            subprocess.run(["sh", "-c", "sleep 1000 & echo $! > " + p["path"]], close_fds=True,
                           stdin=subprocess.DEVNULL)
        tell(summary=f"of {job}")
        ''')
    running = daemon(exec_models={ONE: program.keys()}, workers=1)
    orphan = program.dir / "orphan"
    job = add_job(2, ONE, {"act": "orphan", "path": str(orphan)})
    expect(empty_queue, job, "OK", f"of {job}")
    wait_for(lambda: is_gone(int(orphan.read_text())))
    running.wait_log(rf"job {job}.*left 1 process, which were ended")
    noise = program.dir / "noise"
    noise.write_text("while :; do for job in $1 $(($1 - 1)); do\n"
                     "echo '{\"job\": '$job', \"summary\": \"not so\", \"end\": 1}'; done\n"
                     "echo '{\"end\": 0}'; done >&3\n")
    empty_queue.wait_final(add_job(2, ONE, {"act": "leave", "path": str(noise)}))

    def jobs_with_noise():
        job = add_job(2, ONE, {"act": ""})
        expect(empty_queue, job, "OK", f"of {job}")
        assert running.count(rf"job {job}: a line of no job, dropping it") <= 10
        return running.count(r"job \d+: \d+ lines of other jobs, or of none, dropped")
    wait_for(lambda: jobs_with_noise() >= 20, 40)  # a job may be over before the noise is on the processor
    assert len(program.starts) == 1


@pytest.mark.parametrize("line, words", [
    ('b"{" + b\'"job": %d, "summary": "\' % job + b"x" * 70000 + b\'"}\'', "more than 65536 bytes"),
    ('b\'{"job": %d, "x": "\\0"}\' % job', "a NUL byte"),
    ('b\'{"job": %d, "summary": "\\xff"}\' % job', "not UTF-8"),
    ('b\'{"job": %d, hello\' % job', "string or '}' expected"),
    ('b\'{"job": %d, "jbo": 1}\' % job', "unknown member 'jbo'"),
], ids=["long", "nul", "utf8", "json", "unknown"])
def test_lines_that_cannot_be_read(empty_queue, daemon, add_job, program, line, words):
    """One of the job itself might have been its end: the job is Failed, the program replaced."""
    program.write(run=f'''
        if act == "break":
            os.write(3, {line} + b"\\n")
            time.sleep(1000)
        ''')
    daemon(exec_models={ONE: program.keys()}, workers=1)
    expect(empty_queue, add_job(2, ONE, {"act": "break"}), "X", words)
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert len(program.starts) == 2 and is_gone(program.starts[0])


# ---- start and end ----

@pytest.mark.parametrize("ready, words", [
    ("time.sleep(1000)", "did not say that it is ready within 1s"),
    ("sys.exit(3)", "exited with code 3 before it was ready"),
    ("os.abort()", "was killed by SIGABRT"),
    ("os.write(3, b'hello\\n')", "did not say that it is ready: '[' or '{' expected near 'hello'"),
    ("say(ready=2)", "it speaks version 2, and this daemon version 1"),
    ("os.write(3, b'{' + b'x' * 5000000 + b'}\\n')", "more than 4194304 bytes"),
    ("say(ready=1, models=[{'model': f'A.M{i}'} for i in range(10001)])", "more than 10000 models"),
], ids=["hangs", "exits", "aborts", "text", "version", "long", "models"])
def test_start_that_fails(empty_queue, daemon, add_job, program, ready, words):
    """The job is Failed with the reason, its retry queued, and the next job tries again."""
    program.write(ready=ready)
    daemon(exec_models={ONE: program.keys(start_timeout="1s")}, workers=1)
    job = add_job(2, ONE, {}, retry_interval=600)
    expect(empty_queue, job, "X", words)
    assert empty_queue.value("SELECT count(*) FROM jobs WHERE requeued_from_job_id = %s", job) == 1
    assert all(is_gone(pid) for pid in program.starts)
    program.write()
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert len(program.starts) == 2


def test_program_that_others_can_change(empty_queue, daemon, add_job, program):
    """It is not started, also when that was found after the daemon had begun."""
    program.write()
    daemon(exec_models={ONE: program.keys()}, workers=1)
    program.path.chmod(0o757)
    expect(empty_queue, add_job(2, ONE, {}), "X", "is not executed: file")
    assert not program.starts


def test_stop_lets_the_program_leave(empty_queue, daemon, add_job, program):
    """The end of its standard input, and then the worker ends; one that stays is killed."""
    program.write()
    running = daemon(exec_models={ONE: program.keys()})
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert running.stop() == 0
    assert program.lines("left") == ["left"] and is_gone(program.starts[0])
    program.write(head="import atexit; atexit.register(time.sleep, 1000)")
    running = daemon(exec_models={ONE: program.keys()})
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert running.stop() == 0 and is_gone(program.starts[1])


# ---- deaths ----

def test_death_of_the_program(empty_queue, daemon, add_job, program):
    """Its job is Failed with the reason, and the next job gets a new one in the same worker. What
    it handed over is in the history. Between two jobs nobody notices."""
    program.write(run='''
        if act == "wait":
            record("first")
            await_signal()
        if act == "exit":
            sys.exit(7)
        ''')
    daemon(exec_models={ONE: program.keys()}, workers=1)
    job = add_job(2, ONE, {"act": "wait"})
    program.await_waiting(job)
    os.kill(program.starts[0], signal.SIGKILL)
    row = expect(empty_queue, job, "X", "was killed by SIGKILL before the end of the job")
    assert comments(empty_queue, job)[0] == "first"
    expect(empty_queue, add_job(2, ONE, {"act": "exit"}), "X",
           "exited with code 7 before the end of the job")
    last = expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert last["assigned_pid"] == row["assigned_pid"] and len(program.starts) == 3
    os.kill(program.starts[-1], signal.SIGKILL)
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert len(program.starts) == 4


@pytest.mark.parametrize("whom", ["worker", "supervisor"])
def test_death_of_worker_and_supervisor(empty_queue, daemon, add_job, program, whom):
    """Law 4 and law 10: the program dies with its worker, children and all; records are there."""
    child = program.dir / "child"
    program.write(run=f'''
        child = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
        open({str(child)!r}, "w").write(str(child.pid))
        record("before", person_id=p["person"])
        await_signal()
        ''')
    person = empty_queue.value("SELECT min(id) FROM people WHERE co_id = 2")
    running = daemon(exec_models={ONE: program.keys()})
    job = add_job(2, ONE, {"act": "", "person": person})
    program.await_waiting(job)
    wait_for(lambda: whom == "worker" or empty_queue.history(job))
    os.kill(empty_queue.job(job)["assigned_pid"] if whom == "worker" else running.pid,
            signal.SIGKILL)
    wait_for(lambda: is_gone(program.starts[0]) and is_gone(int(child.read_text())))
    if whom == "supervisor":
        running.wait()
        daemon(exec_models={ONE: program.keys()})
    expect(empty_queue, job, "X", "terminated unexpectedly")
    assert empty_queue.value("SELECT person_id FROM job_history_records WHERE job_id = %s"
                             " AND comment = 'before'", job) == person


# ---- cancel, time and limits ----

def test_cancel_in_the_middle(empty_queue, daemon, add_job, program):
    """The signal is there in milliseconds, and a program that ends its job stays."""
    program.write(run='''
        await_signal()
        record("seen %f" % signals[0])
        tell(summary="half of it")
        ''')
    daemon(exec_models={ONE: program.keys(cancel_signal="USR1")}, workers=1)
    latencies = []
    for _ in range(15):
        job = add_job(2, ONE, {"act": ""})
        program.await_waiting(job)
        began = time.monotonic()
        empty_queue.cancel(job)
        wait_for(lambda: comments(empty_queue, job))
        latencies.append(float(comments(empty_queue, job)[0].split()[1]) - began)
        assert empty_queue.status(job) == "CX"
    wait_for(lambda: "canceled: half of it" in [row["comment"] for row in empty_queue.history(job)])
    print(f"cancel to signal: {1000 * statistics.median(latencies):.0f} ms (median)")
    assert statistics.median(latencies) < 0.5
    assert len(program.starts) == 1


def test_cancel_that_ends_the_program(empty_queue, daemon, add_job, program):
    """By the signal's own action; or with its worker, where it does not end its job in time."""
    program.write(run='''
        if act == "wait":
            await_signal()
        if act == "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            await_signal()
        ''')
    daemon(exec_models={ONE: program.keys()}, workers=1, cancel_grace="500ms")
    for n, act in enumerate(("wait", "ignore"), 1):
        job = add_job(2, ONE, {"act": act})
        program.await_waiting(job)
        empty_queue.cancel(job)
        expect(empty_queue, add_job(2, ONE, {}), "OK")
        assert empty_queue.status(job) == "CX"
        assert len(program.starts) == n + 1 and is_gone(program.starts[n - 1])


def test_cancel_while_it_starts(empty_queue, daemon, add_job, program):
    """The CO goes on at once; the program goes on starting, for the next job."""
    gate = program.dir / "gate"
    program.write(ready=f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\nsay(ready=1)")
    daemon(exec_models={ONE: program.keys()}, workers=1)
    job = add_job(2, ONE, {})
    wait_for(lambda: program.starts)
    empty_queue.cancel(job)
    expect(empty_queue, add_job(2, "Example.NoopJob", {}), "OK")
    assert empty_queue.status(job) == "CX"
    gate.touch()
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert len(program.starts) == 1


def test_times(empty_queue, daemon, add_job, program):
    """timeout of the section, run_time of the limits: the signal, and the reason in the summary."""
    program.write(run='''
        if act == "wait":
            await_signal()
            tell(summary="stopped")
        if act == "deaf":
            time.sleep(1000)
        ''', head="signal.signal(signal.SIGUSR2, signal.SIG_IGN)")
    daemon(exec_models={ONE: program.keys(timeout="300ms", kill_after="100ms", cancel_signal="USR1"),
                        TWO: program.keys(cancel_signal="USR1"),
                        "Resident.Deaf": program.keys(timeout="300ms", kill_after="100ms",
                                                      cancel_signal="USR2")},
           limits={TWO: {"run_time": "300ms"}}, workers=1)
    expect(empty_queue, add_job(2, ONE, {"act": "wait"}), "X", "stopped (timeout of 300ms)")
    expect(empty_queue, add_job(2, TWO, {"act": "wait"}), "X", "its run time limit: canceled: stopped")
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert len(program.starts) == 1
    expect(empty_queue, add_job(2, "Resident.Deaf", {"act": "deaf"}), "X",
           "did not end within its timeout of 300ms")
    expect(empty_queue, add_job(2, ONE, {}), "OK")
    assert len(program.starts) == 2


@pytest.mark.limit(90)
def test_limits(empty_queue, daemon, add_job, program):
    """CPU time of each job, not of the process; memory and open files of the process."""
    program.write(run='''
        until = time.process_time() + float(p.get("cpu", 0))
        while time.process_time() < until:
            pass
        try:
            kept = bytearray(int(p.get("bytes", 0)))
            files = [open("/dev/null") for _ in range(int(p.get("files", 0)))]
        except (MemoryError, OSError) as error:
            tell(summary=type(error).__name__, end=1)
            return True
        ''')
    daemon(exec_models={ONE: program.keys()}, workers=1,
           limits={"": {"cpu_time": "1s", "memory": "200M", "open_files": "50"}})
    for _ in range(4):
        expect(empty_queue, add_job(2, ONE, {"cpu": 0.6}), "OK")
    assert len(program.starts) == 1
    expect(empty_queue, add_job(2, ONE, {"cpu": 1000}), "X", "was killed by SIGXCPU")
    expect(empty_queue, add_job(2, ONE, {"bytes": 300 << 20}), "X", "MemoryError")
    expect(empty_queue, add_job(2, ONE, {"files": 60}), "X", "OSError")
    expect(empty_queue, add_job(2, ONE, {"files": 10, "bytes": 1 << 20}), "OK")
    assert len(program.starts) == 2


def test_reload(empty_queue, daemon, add_job, program):
    """Sections and limits reach new workers, and so their programs."""
    program.write(run='''
        import resource
        record("files %d" % resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        record(os.environ["OF"])
        ''')
    running = daemon(exec_models={ONE: program.keys(**{"environment.OF": "before"})}, workers=1,
                     limits={"": {"open_files": "60"}})
    job = add_job(2, ONE, {"act": ""})
    expect(empty_queue, job, "OK")
    assert comments(empty_queue, job) == ["files 60", "before"]
    running.exec_models = {ONE: program.keys(**{"environment.OF": "after"})}
    running.reload(limits={"": {"open_files": "70"}})
    wait_for(lambda: comments(empty_queue, retry(empty_queue, add_job)) == ["files 70", "after"])
    # The worker was replaced, and its program has left with it.
    assert len(program.lines("left")) >= 1


def retry(db, add_job):
    job = add_job(2, ONE, {"act": ""})
    expect(db, job, "OK")
    return job


def test_worker_is_used_again(empty_queue, daemon, add_job, program):
    """The program is nothing that a job has left; what is, is noticed beside it."""
    program.write()
    running = daemon(exec_models={ONE: program.keys()}, workers=1)
    jobs = [add_job(co, model, {}) for co in (2, 3) for model in (ONE, "Example.NoopJob", ONE)]
    rows = empty_queue.wait_final(*jobs)
    assert {row["status"] for row in rows} == {"OK"}
    assert len({row["assigned_pid"] for row in rows}) == 1 and len(program.starts) == 1
    assert not re.search(r" left ", running.log())
