"""The soak's own judgement: which process is which, when a job was due, and whose step was whose to make.
A PID that was given away again is another one.
"""
import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import types

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import heirs  # noqa: E402
from checker import DAEMON, Checker  # noqa: E402
from clock import Clock  # noqa: E402
from conftest import wait_for  # noqa: E402
from processes import (Deaths, Noted, Process, children, find_heir, identify, open_process,  # noqa: E402
                       signal_process)
from second import RUNNER, SecondProgram  # noqa: E402

OLD, NEW = Process(4711, 1000), Process(4711, 90000)
CO = 101


def steady_clock(*settings):
    """One that shows the monotonic time, but as it was set: (since when, how far ahead)."""
    clock = Clock(None)
    clock.uptime_offset = 0
    clock.settings = [(0, 0), *settings]
    return clock


class FakeSoak:
    """What a Checker asks: the jobs' rows, their steps, and when processes died."""

    def __init__(self, path, trace, deaths=(), pauses=(), steps=None, status="X", windows=()):
        self.trace = path
        self.trace.write_text("".join(line + "\n" for line in trace), encoding="ascii")
        self.began = 0
        times = dict(deaths)
        self.deaths = types.SimpleNamespace(of=times.get)
        self.faults = types.SimpleNamespace(windows=list(windows), pauses=list(pauses))
        self.clock = steady_clock()
        self.registered, self.run_elsewhere = {}, {}
        self.expected, self.canceled, self.hosts = set(), set(), []
        self.status = status
        self.jobs = {int(line.split()[1]) for line in trace} | ({1} if steps else set())
        self.steps = [(1, i, *step) for i, step in enumerate(steps or [])] or [
            (job, job, "GO", "X", 8.0, DAEMON, "host", 7) for job in self.jobs]

    def ask(self, text, *_values):
        if "soak_audit" in text:
            return self.steps
        if "retry_interval" not in text:
            return []
        return [(job, CO, "Example.CountJob", self.status, 0.0, "", None, False, "{}")
                for job in self.jobs]

    def log_lines(self, _words):
        return []


@pytest.fixture
def check(tmp_path):
    """check(trace, ...): what a checker finds wrong with the lanes."""
    def run(*args, **kwargs):
        checker = Checker(FakeSoak(tmp_path / "trace", *args, **kwargs))
        checker.check_lanes()
        return checker, checker.wrong["overlapping"]
    return run


def begin(job, process, seconds):
    return f"begin {job} {CO} {process.pid} {process.ticks} {int(seconds * 1e6)}"


def end(job, process, seconds):
    return f"end {job} {CO} {process.pid} {process.ticks} {int(seconds * 1e6)} ok"


def test_overlap(check):
    """The process of the first job lived on when the second began."""
    trace = [begin(1, OLD, 10), begin(2, Process(4712, 2000), 12), end(2, Process(4712, 2000), 13)]
    assert check(trace, {OLD: (12.5, 12.52)})[1] == 1
    assert check(trace, {OLD: (11.5, 11.52)})[1] == 0


def test_death_of_a_process_with_the_same_pid(check):
    """Nobody saw the end of the first process, and that of a later one with its PID is none of it:
    the time at which its job was settled counts."""
    trace = [begin(1, OLD, 7), begin(2, Process(4712, 2000), 12), end(2, Process(4712, 2000), 13)]
    assert check(trace, {NEW: (500, 500.02)})[1] == 0


def test_pause_of_a_process_with_the_same_pid(check):
    """A pause excuses the process that was paused, and no other one of its PID."""
    trace = [begin(1, OLD, 10), end(1, OLD, 14), begin(2, Process(4712, 2000), 12)]
    assert check(trace, pauses=[({OLD}, 9, 13.9)])[1] == 0
    assert check(trace, pauses=[({NEW}, 9, 13.9)])[1] == 1


def test_end_of_another_process(check):
    """An end is that of the process that wrote it."""
    checker, _ = check([begin(1, OLD, 10), end(1, NEW, 20), end(1, OLD, 11)])
    run, = checker.runs[1]
    assert (run.process, run.begin, run.end) == (OLD, 10, 11)


def test_supervisor_with_a_used_pid(check, monkeypatch):
    """The row of a dead supervisor is left although its PID is that of a living one."""
    checker, _ = check([])
    me = identify(os.getpid())
    daemon = types.SimpleNamespace(pid=me.pid)
    checker.soak.hosts = [types.SimpleNamespace(lab=types.SimpleNamespace(living=lambda: [daemon]))]
    for ticks, wrong in ((me.ticks, 0), (me.ticks - 1, 1)):
        monkeypatch.setattr(checker.soak, "ask", lambda text, ticks=ticks: [(me.pid, ticks, "host")]
                            if "jobd.supervisor" in text else [])
        checker.wrong.clear()
        checker.check_rest()
        assert checker.wrong["stuck"] == wrong


# ---- when a job was due ----

@pytest.mark.parametrize("settings, due, since, expected", [
    ([], 5, 10, 10), ([], 12, 10, 12),
    ([(20, 3600)], 30, 10, 20),                # an hour forward
    ([(20, 3600)], 15, 10, 15),                # which came later
    ([(20, -3600), (30, 0)], 25, 10, 30),      # an hour back
    ([(20, -3600), (30, 0)], 15, 10, 30),      # was due, and waits once more
    ([(20, -3600), (30, 0)], 5, 10, 10),       # was due at once
    ([(20, 10), (26, 0)], 32, 22, 22),         # registered while it was ahead
    ([(20, 10), (26, 0)], 34, 22, 34),
])
def test_falls_due(settings, due, since, expected):
    """By the server's clock, as it was set."""
    assert steady_clock(*settings).falls_due(due, since) == expected


# ---- planted breaches ----

OURS = [(None, "Q", 1, "", None, None), ("Q", "A", 2, DAEMON, "host", 7),
        ("A", "GO", 2, DAEMON, "host", 7), ("GO", "OK", 4, DAEMON, "host", 7)]
ELSEWHERE = [(None, "Q", 1, "", None, None), ("Q", "A", 2, "", RUNNER, 31337),
             ("A", "GO", 2, "", RUNNER, 31337), ("GO", "OK", 4, "", RUNNER, 31337)]


def change(steps, index, **values):
    names = ("before", "after", "at", "actor", "host", "pid")
    return [tuple({**dict(zip(names, step)), **values}.values()) if i == index % len(steps) else step
            for i, step in enumerate(steps)]


@pytest.mark.parametrize("steps, trace, wrong", [
    (OURS, True, {}), (ELSEWHERE, False, {}),
    (change(OURS, -1, after="CX", actor="soak"), True, {}),
    (change(ELSEWHERE, -1, after="CX", actor=""), False, {}),
    (change(OURS, -1, after="CX"), True, {"forged": 1}),
    (change(OURS, -1, actor=""), True, {"illegal steps": 1}),
    (change(OURS, 1, actor=""), True, {"illegal steps": 1}),
    (change(ELSEWHERE, -1, actor=DAEMON, after="X"), False, {"illegal steps": 1}),
    (ELSEWHERE, True, {"twice": 1}),
    ([*OURS, ("OK", "CX", 5, "", "host", 7)], True, {"illegal steps": 1}),
    ([*OURS, ("OK", "Q", 5, "", "host", 7)], True, {"illegal steps": 2, "stuck": 1}),
])
def test_steps_of_others(tmp_path, steps, trace, wrong):
    """The daemon's jobs are its own, those of the second program are not the daemon's, and nobody is
    canceled by a notification."""
    lines = [begin(1, OLD, 2), end(1, OLD, 3)] if trace else []
    checker = Checker(FakeSoak(tmp_path / "trace", lines, steps=steps, status=steps[-1][1]))
    checker.check()
    assert +checker.wrong == wrong


def test_plugin_that_was_told_to_stop(tmp_path):
    """While cancels are forged, by nobody."""
    window = types.SimpleNamespace(kind="forged cancels", is_forged=True, begin=1, undone=9, end=9)
    for how, n in (("canceled", 1), ("ok", 0)):
        line = end(1, OLD, 3).replace("ok", how)
        checker = Checker(FakeSoak(tmp_path / "trace", [begin(1, OLD, 2), line], steps=OURS, status="OK",
                                   windows=[window]))
        checker.check_forged()
        assert checker.wrong["forged"] == n


def test_lane_of_a_co_that_is_not(check, monkeypatch):
    checker, _ = check([])
    monkeypatch.setattr(checker.soak, "ask", lambda text: [(1000000,)] if "public.cos" in text else [])
    checker.check_forged()
    assert checker.wrong["forged"] == 1


def test_last_status_of_the_second_program(tmp_path):
    soak = FakeSoak(tmp_path / "trace", [], steps=ELSEWHERE, status="OK")
    soak.run_elsewhere = {1: "X"}
    checker = Checker(soak)
    checker.check_actors()
    assert checker.wrong["illegal steps"] == 1


class FakeSession:
    """A database that refuses nothing. `guards`: (is_served, errors), before a change and after it."""

    def __init__(self, before, guards):
        self.before, self.guards = before, list(guards)
        self.is_kept, self.row = None, None

    @contextlib.contextmanager
    def transaction(self):
        self.is_kept = False
        yield self
        self.is_kept = True

    def copy(self, cursor, job):
        pass

    def execute(self, text, _values=()):
        if "is_served" in text:
            self.row = dict(zip(("is_served", "errors"), self.guards.pop(0)))
        elif "before" in text:
            self.row = {"before": self.before}

    def fetchone(self):
        return self.row


@pytest.mark.parametrize("before, status, changes, guards, is_kept, told", [
    ("GO", "CX", {}, [(True, 0)], True, 0),
    ("OK", "CX", {}, [(True, 0), (True, 0)], False, 1),
    ("GO", "X", {}, [(True, 0), (True, 0)], False, 1),
    ("GO", "GO", {"assigned_host": RUNNER}, [(True, 0), (True, 0)], False, 1),
    ("Q", "A", {"assigned_host": RUNNER}, [(True, 0), (True, 0)], False, 1),
    ("OK", "OK", {}, [], False, 0),                         # changes no status
    ("OK", "CX", {}, [(False, 0)], False, 0),               # nobody serves
    ("OK", "CX", {}, [(True, 0), (False, 0)], False, 0),    # the clock was set meanwhile
    ("OK", "CX", {}, [(True, 0), (True, 1)], False, 0),     # the guard met an error
])
def test_what_is_not_refused(before, status, changes, guards, is_kept, told):
    """What a daemon should have refused is told; only steps of the program's own stay."""
    complaints = []
    soak = types.SimpleNamespace(cluster=None, args=types.SimpleNamespace(seed=1),
                                 counts=collections.Counter(),
                                 complain=lambda *words: complaints.append(words))
    program = SecondProgram(soak)
    program.session = FakeSession(before, guards or [(True, 0)])
    assert program.write(1, status, **changes) == is_kept == program.session.is_kept
    assert [what for what, _ in complaints] == ["not refused"] * told
    program.begun.add(1)
    program.session = FakeSession("GO", [(True, 0)])
    assert program.write(1, "OK")


# ---- processes ----

@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_identity(sleeper):
    """Two names of the same process are equal; a process that is gone has none."""
    process = identify(sleeper.pid)
    assert process == identify(sleeper.pid) and process in children(os.getpid())
    other = process._replace(ticks=process.ticks - 1)
    assert open_process(other) is None and not signal_process(other, signal.SIGKILL)
    assert sleeper.poll() is None
    assert signal_process(process, signal.SIGKILL)
    sleeper.wait()
    assert identify(sleeper.pid) != process and not signal_process(process, signal.SIGKILL)


def test_deaths(sleeper):
    """Each death is that of one process: a PID that others had, or get, has no part in it."""
    process = identify(sleeper.pid)
    other = process._replace(ticks=process.ticks - 1)
    deaths = Deaths(lambda: children(os.getpid()) | {other})
    try:
        wait_for(lambda: process in deaths.known)
        assert deaths.of(process) is None
        sleeper.kill()
        alive, dead = wait_for(lambda: deaths.of(process))
        assert alive < dead and deaths.of(other) is None
    finally:
        deaths.close()


def test_noted(tmp_path, sleeper):
    """What is in the file and lives; neither half a line, nor one that has the PID of a dead one."""
    path = tmp_path / "children"
    noted = Noted(path)
    noted.read()
    path.write_text(f"{sleeper.pid}\n{os.getpid()}", encoding="ascii")
    noted.read()
    assert noted.living() == {identify(sleeper.pid)}
    noted.processes = {process._replace(ticks=1) for process in noted.processes}
    assert not noted.living()


def test_crash_files(tmp_path, monkeypatch):
    """A point kills nobody until its file is removed, and then once."""
    monkeypatch.setattr(heirs, "crash_points", lambda: ["HEIR_BORN"])
    files = heirs.CrashFiles(tmp_path)
    env = files.env()
    assert env["RJ_CRASH"] == "HEIR_BORN,"
    path = pathlib.Path(env["RJ_CRASH_FILE"] + ".HEIR_BORN")
    assert path.exists()
    files.arm("HEIR_BORN")
    assert not path.exists() and not files.disarm("HEIR_BORN") and path.exists()
    files.arm("HEIR_BORN")
    path.touch()  # as the process does that dies there
    assert files.disarm("HEIR_BORN")


def test_heir():
    """The new child, the youngest of several, or the one whose title says that it is the heir."""
    a, b, c = Process(10, 100), Process(12, 300), Process(11, 400)
    dead = Process(9, 50)
    titles = {a: "registry-jobd: worker, idle"}

    def find(before, now):
        return find_heir(before, now, dead, lambda process: titles.get(process, ""))

    assert find({a, dead}, {a}) is None
    assert find({a}, {a, b}) == b and find({a}, {a, b, c}) == c
    titles[b] = "registry-jobd: worker, settles what worker 9 left"
    assert find({a}, {a, b, c}) == b
    titles[b] = "registry-jobd: worker, settles what worker 95 left"
    assert find({a}, {a, b, c}) == c
    assert find({a, Process(12, 200)}, {a, b}) == b  # its PID was another's
