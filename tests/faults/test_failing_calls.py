"""Laws 3 to 5, 10 and 14: a call of libc fails once, wherever one is made.

failing_calls.c stands between our programs and libc. Each scenario is first played without a fault,
which tells all the places at which something is called; then it is played again for a number of
these places, and the call there fails. Whatever comes of it in that process: nothing hangs, no job
is lost or run twice, and at most one job ends other than it would have. When the daemon ended, the
next one, without faults, brings everything to its end.

Which places are taken is the same in each run of a build; RJ_SEED chooses others. By hand:

    RJ_CALLS=all ... pytest -n 2 tests/faults/test_failing_calls.py      all places; an hour
    RJ_CALLS=200 ... pytest ... -k retry                                 so many of one scenario
    RJ_CALLS="malloc 6a09e667 1" ... pytest ... -k retry                 one, as a failure names it
"""
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import time

import pytest
from conftest import BUILD, COMMAND, DAEMON, DEFAULTS, SLOW, Trace, wait_for, write_config

LIBRARY = BUILD / "tests" / "faults" / "libfailing-calls.so"
SOURCE = pathlib.Path(__file__).with_name("failing_calls.c").read_text()
COUNT = "Example.CountJob"
PROGRAM = "CoreJob.ProgramJob"
SAMPLE = 28  # places of a scenario, unless RJ_CALLS says otherwise
DEADLINE = 20  # seconds, for a job or a daemon to end
# A statement of the command may take a minute, and its answer ten seconds more: so long it waits
# when libpq (15) had no memory to note that a pipeline is in step.
COMMAND_DEADLINE = 90
FAST = {"workers": 2, "sweep": "1s", "cancel_poll": "1s", "heartbeat": "1s", "lease": "4s",
        "stop_timeout": "5s", "cancel_grace": "1s"}
FINAL = ("OK", "X", "CX")

pytestmark = [
    pytest.mark.skipif(not LIBRARY.exists() or b"__asan_init" in DAEMON.read_bytes(),
                       reason="a sanitizer has its own malloc"),
    pytest.mark.limit(7 * 24 * 3600 if os.environ.get("RJ_CALLS") == "all" else 600)]


# ---- places ----

def constant(name):
    return int(re.search(rf"#define {name} (\d+)u?", SOURCE)[1])


def function_names():
    """As failing_calls.c numbers them: those of its own first, then those of its list."""
    numbered = re.search(r"_CALL_NONE,(.*?)#define", SOURCE, re.S)[1]
    listed = re.search(r"#define FUNCTIONS\(X\)(.*?)\nenum", SOURCE, re.S)[1]
    return ["", *re.findall(r"CALL_(\w+),", numbered),
            *re.findall(r"\bX\([\w ]+\*?\s*,\s*(\w+),", re.sub(r"\\\n", " ", listed))]


class Calls:
    """The file that the processes of one run share."""
    HEAD, PLACE = 16, 16
    NAMES = function_names()

    def __init__(self, path):
        self.path = path
        self.trace_path = pathlib.Path(f"{path}.trace")
        self.reset()

    def reset(self):
        self.trace_path.unlink(missing_ok=True)
        with open(self.path, "wb") as file:
            file.truncate(self.HEAD + constant("PLACES") * self.PLACE)

    def environment(self, place=None):
        names = {"LD_PRELOAD": str(LIBRARY), "RJ_CALLS_FILE": str(self.path)}
        if place:
            names["RJ_CALLS_FAIL"] = place
        return names

    def has_failed(self):
        with open(self.path, "rb") as file:
            return struct.unpack("Q", file.read(8))[0] != 0

    def places(self):
        """{"function place": how often it was reached}."""
        data = self.path.read_bytes()[self.HEAD:]
        return {f"{self.NAMES[key >> 32]} {key & 0xffffffff:08x}": count
                for key, count in struct.iter_unpack("QQ", data) if key}

    def told(self):
        return self.trace_path.read_text() if self.trace_path.exists() else ""


def choose(places, name):
    """The calls that are to fail, of each function in turn, so that rare ones are met."""
    wanted = os.environ.get("RJ_CALLS", "")
    if " " in wanted:
        return [wanted]
    rng = random.Random(f"{os.environ.get('RJ_SEED', '')} {name}")
    of_function = {}
    for place, count in sorted(places.items()):
        of_function.setdefault(place.split()[0], []).append((place, count))
    for group in of_function.values():
        rng.shuffle(group)
    groups = list(of_function.values())
    rng.shuffle(groups)
    order = [group[i] for i in range(max(map(len, groups))) for group in groups if i < len(group)]
    if wanted == "all":
        return [f"{place} {n}" for place, count in order for n in sorted({1, 2, count}) if n <= count]
    n = int(wanted or SAMPLE)
    # The first half is of rare functions, the second one mostly of those that are called most.
    rest = order[n // 2:]
    rng.shuffle(rest)
    return [f"{place} {1 if i % 2 else rng.randint(1, count)}"
            for i, (place, count) in enumerate([*order[:n // 2], *rest][:n])]


# ---- a scenario ----

class Play:
    """One run of a scenario: its CO, its jobs, the processes in which a call may fail."""

    def __init__(self, stage, place):
        self.stage, self.db, self.place = stage, stage.db, place
        self.co, = stage.cos(1)
        self.first = self.db.value("SELECT COALESCE(max(id), 0) FROM public.jobs")
        self.daemon = None
        self.wanted = {}  # the jobs with their ends, as they are without a fault
        stage.calls.reset()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(stage.trace.path)

    def add(self, plugin=COUNT, wanted="OK", columns=(), **params):
        if plugin == COUNT:
            params["trace"] = self.stage.trace.path
        job = self.stage.add_job(self.co, plugin, params, **dict(columns))
        self.wanted[job] = wanted
        return job

    def start(self, faulty=True, **settings):
        env = self.stage.calls.environment(self.place) if faulty else {}
        self.daemon = self.stage.daemon(ready=False, env=env,
                                        exec_models={PROGRAM: self.stage.program},
                                        **{**FAST, **settings})
        return self.daemon

    def command(self, *args, stop=None):
        """The command with the fault; its exit code. With `stop`, it is called while it runs."""
        with open(self.stage.output, "ab") as output:
            process = subprocess.Popen(
                [str(COMMAND), "--config", str(self.stage.config), *map(str, args)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **self.stage.calls.environment(self.place)})
        try:
            if stop:
                stop(process)
            return process.wait(COMMAND_DEADLINE * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command hangs: {self.stacks(process.pid)}") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    @staticmethod
    def stacks(pid):
        """Where the processes of a group wait."""
        lines = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, IndexError):
                fields = stat.read_text().rpartition(")")[2].split()
                if pid in (int(stat.parent.name), int(fields[1]), int(fields[2])):
                    waits = (stat.parent / "wchan").read_text()
                    call = (stat.parent / "syscall").read_text().split()[0]
                    lines.append(f"{stat.parent.name} {fields[0]} {waits} syscall {call}")
        return "; ".join(lines)

    def jobs(self):
        return self.db.sql("SELECT * FROM public.jobs WHERE co_id = %s AND id > %s ORDER BY id",
                           self.co, self.first)

    def are_final(self):
        return all(job["status"] in FINAL for job in self.jobs())

    def is_over(self):
        return self.daemon.process.poll() is not None

    def wait_until(self, condition, what):
        """Or until the daemon has ended."""
        try:
            wait_for(lambda: self.is_over() or condition(), DEADLINE, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.stacks(self.daemon.pid)}") from None

    def wait_final(self):
        self.wait_until(self.are_final, "all jobs final")

    def stop(self):
        """The daemon ends when it is told to, unless it has ended."""
        if not self.is_over():
            self.daemon.process.terminate()
            try:
                wait_for(self.is_over, DEADLINE, "the daemon ended")
            except AssertionError as error:
                raise AssertionError(f"{error}; {self.stacks(self.daemon.pid)}") from None
        return self.daemon.process.returncode

    # ---- the laws ----

    def is_settled(self):
        return (self.are_final()
                and not self.db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL")
                and not self.db.value("SELECT count(*) FROM jobd.queue WHERE co_id = %s", self.co)
                and not self.db.value("SELECT count(*) FROM jobd.supervisor WHERE pid <> %s",
                                      self.daemon.pid))

    def finish(self):
        """What a daemon without faults finds, it brings to its end."""
        if self.daemon:
            self.stop()
        if not self.daemon or self.daemon.process.returncode or not self.is_settled():
            self.start(faulty=False).wait_ready()
            wait_for(lambda: self.is_settled() or self.is_over(), DEADLINE,
                     "all settled by the next daemon")
            assert self.stop() == 0
        assert self.is_settled()

    def check(self):
        jobs = self.jobs()
        events = self.stage.trace.events()
        begun = [event[1] for event in events if event[0] == "begin"]
        assert len(begun) == len(set(begun)), f"run twice: {begun}"
        other = []  # ended other than without the fault
        for job in jobs:
            wanted = self.wanted.get(job["id"], "OK" if job["plugin"] != COUNT else None)
            assert job["status"] in FINAL and job["finish_time"], job
            if job["status"] == "OK" and job["plugin"] == COUNT:
                assert [e[0] for e in events if e[1] == job["id"]] == ["begin", "end"]
            if job["status"] == "X":
                assert job["finish_summary"], job
            if wanted and job["status"] != wanted:
                assert job["status"] == "X", f"{job['status']}, not {wanted}"
                other.append(job["id"])
        assert len(other) <= 1, f"one fault, and {len(other)} jobs ended in another way"
        self.check_successors(jobs)
        self.stage.trace.check_one_at_a_time() if not self.lost(events) else None

    @staticmethod
    def lost(events):
        """Jobs that began and did not end, because their process was gone."""
        begun = {event[1] for event in events if event[0] == "begin"}
        return begun - {event[1] for event in events if event[0] == "end"}

    def check_successors(self, jobs):
        for job in jobs:
            n = sum(other["requeued_from_job_id"] == job["id"] for other in jobs)
            may_retry = job["retry_interval"] and (job["retry_count"] or 0) < job["max_retry"]
            assert n == int(job["status"] == "X" and bool(may_retry)), f"{job['id']}: {n} retries"


class Stage:
    """What all runs of a scenario have in common."""

    def __init__(self, db, daemon, cos, add_job, tmp_path):
        self.db, self.daemon, self.cos, self.add_job = db, daemon, cos, add_job
        self.calls = Calls(tmp_path / "calls")
        self.trace = Trace(tmp_path / "trace")
        self.output = tmp_path / "output"
        script = tmp_path / "program"
        script.write_text('#!/bin/sh\nread -r line\n'
                          'echo \'{"record": {"key": "one", "status": "OK"}}\'\n'
                          'echo \'{"progress": {"done": 1, "total": 2}}\'\necho \'{"summary": "done"}\'\n')
        script.chmod(0o755)
        self.program = {"command": script, "parameters": "any"}
        self.config = write_config(tmp_path / "faulty.conf", {PROGRAM: self.program},
                                   **{**DEFAULTS, **FAST, "conninfo": db.conninfo})

    def play(self, scenario, place=None):
        play = Play(self, place)
        try:
            scenario(play)
            play.finish()
            play.check()
        except AssertionError as error:
            log = play.daemon.log()[-3000:] if play.daemon else ""
            output = self.output.read_text()[-1000:] if self.output.exists() else ""
            jobs = "\n".join(self.db.dump().splitlines()[:4])
            raise AssertionError(f"failing call: {place}\n{self.calls.told()}\n{error}\n"
                                 f"{output}\n{log}\n{jobs}") from error
        finally:
            if play.daemon:
                play.daemon.kill()
        return self.calls.places()


@pytest.fixture
def stage(empty_queue, daemon, cos, add_job, tmp_path):
    tmp_path.chmod(0o1777)
    return Stage(empty_queue, daemon, cos, add_job, tmp_path)


# ---- scenarios ----

def run_daemon(play):
    """Behind the jobs of the scenario one that has nothing to do with them."""
    play.add(tag="behind")
    play.start()
    play.wait_final()


def succeeds(play):
    play.add()
    run_daemon(play)


def fails(play):
    play.add(end="fail", wanted="X")
    run_daemon(play)


def crashes(play):
    play.add(end="segv", wanted="X")
    run_daemon(play)


def records(play):
    play.add(records=300)
    run_daemon(play)


def program(play):
    play.add(PROGRAM)
    run_daemon(play)


def retry(play):
    play.add(end="fail", wanted="X",
             columns={"retry_interval": 1, "max_retry": 1, "retry_count": 0})
    run_daemon(play)


def heir(play):
    """A worker dies with records in its ring."""
    play.add(end="kill", records=20, wanted="X")
    run_daemon(play)


def cancel(play):
    job = play.add(end="sleep", wanted="CX")
    play.start()
    play.wait_until(lambda: job in play.stage.trace.begun() or play.are_final(), "the job running")
    play.db.cancel(job)
    play.add(tag="behind")
    play.wait_final()


def settle(play):
    """A daemon has died with a job that was running."""
    job = play.add(end="sleep", wanted="X")
    play.add(tag="behind")
    play.start(faulty=False)
    wait_for(lambda: job in play.stage.trace.begun())
    play.daemon.kill()
    play.start()
    play.wait_final()


def stop(play):
    """The daemon is told to end while a job runs, which it lets end."""
    job = play.add(sleep_ms=100)
    play.start()
    play.wait_until(lambda: job in play.stage.trace.begun() or play.are_final(), "the job running")
    play.add(tag="behind")
    play.stop()


def reload(play):
    """While a job runs, and another one waits."""
    job = play.add(sleep_ms=100)
    running = play.start()
    play.wait_until(lambda: job in play.stage.trace.begun() or play.are_final(), "the job running")
    with contextlib.suppress(ProcessLookupError):
        running.reload(workers=3)
    play.add(tag="behind")
    play.wait_final()


def registered(play, code):
    """The job is there when the command has said so, and at most once."""
    jobs = play.jobs()
    assert len(jobs) == 1 if code == 0 else len(jobs) <= 1, f"exit code {code}, {len(jobs)} jobs"
    for job in jobs:
        play.wanted[job["id"]] = "OK"


def register(play):
    code = play.command("-c", play.co, "-j", COUNT, f"trace={play.stage.trace.path}", "count=2")
    registered(play, code)


def synchronous(play):
    code = play.command("-c", play.co, "-j", COUNT, "-s", f"trace={play.stage.trace.path}",
                        "records=3")
    registered(play, code)
    assert code or play.jobs()[0]["status"] == "OK"


def drain(play):
    play.add(records=3)
    play.add(tag="behind")
    code = play.command("-r", "-c", play.co)
    assert code or play.are_final()


def doctor(play):
    play.add()
    assert play.command("doctor") in (0, 1, 69, 78, -signal.SIGABRT)


SCENARIOS = [succeeds, fails, crashes, records, program, retry, heir, cancel, settle, stop, reload,
             register, synchronous, drain, doctor]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_call_fails(stage, scenario):
    """Whatever fails once costs at most one job its end, and no job is lost."""
    places = stage.play(scenario)
    assert {"malloc", "read", "close"} <= {place.split()[0] for place in places}
    chosen = choose(places, scenario.__name__)
    print(f"{len(places)} places, {len(chosen)} calls fail")
    reached = 0
    problems = []
    for place in chosen:
        started = time.monotonic()
        try:
            stage.play(scenario, place)
        except AssertionError as error:
            problems.append(str(error))
        reached += stage.calls.has_failed()
        print(f"{place}: {'failed' if stage.calls.has_failed() else 'not reached'},"
              f" {time.monotonic() - started:.1f} s")
    assert not problems, "\n\n".join(problems)
    assert reached >= len(chosen) // 2, "most calls were not reached"


WATCHERS = ("epoll_ctl", "epoll_wait")
STARTS = ("pidfd_open", "pipe2", "fork", "close_range")


@pytest.mark.parametrize("scenario, functions", [(stop, WATCHERS), (heir, WATCHERS), (program, STARTS)],
                         ids=["stop", "heir", "program"])
def test_each_call_fails(stage, scenario, functions):
    """Nothing is left to chance: no memory to watch a descriptor, be it that of the signals, of
    the database or of a worker; and no start of an external program."""
    calls = [(place, n) for place, n in stage.play(scenario).items() if place.split()[0] in functions]
    assert calls
    for place, count in calls:
        for n in range(1, min(count, 10) + 1):
            stage.play(scenario, f"{place} {n}")


def test_names():
    """The functions are numbered here as they are there."""
    assert Calls.NAMES[1] == "malloc" and Calls.NAMES[-1] == "close_range"
    assert len(Calls.NAMES) == len(set(Calls.NAMES)) == len(re.findall(r"\n +X\(", SOURCE)) + \
        SOURCE.count("        [CALL_") + 1
