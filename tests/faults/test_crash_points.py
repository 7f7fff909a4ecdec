"""Laws 2 to 5 and 10: a process is killed at an exact line, for every such line in the sources.

Every name of CRASH_POINTS in src/util/crash.h has a row here that says what has to become of the
job that its worker had, and a test that brings a real daemon there.
"""
import contextlib
import os
import re
import signal

import pytest
from conftest import DAEMON, ROOT, wait_for

POINTS = re.findall(r"^\s+X\((\w+)\)", (ROOT / "src/util/crash.h").read_text(), re.MULTILINE)

pytestmark = [
    pytest.mark.skipif(b"RJ_CRASH_FILE" not in DAEMON.read_bytes(),
                       reason=f"{DAEMON} is built without RJ_CRASH_POINTS"),
    pytest.mark.limit(90)]

COUNT = "Example.CountJob"
RECORDS = 3


class Left:
    """What a worker that was killed at a point leaves of its job: nothing (`jobs` 0), or one job
    that is Failed, which its plugin never saw (`calls` 0), began, or began and ended (2); and how
    many of its records there are. Every other job is Complete."""

    def __init__(self, jobs, calls=(0,), records=(0,)):
        self.jobs, self.calls, self.records = jobs, calls, records


NOTHING = Left((0,))
# What the plugin has handed over is there, whole, however far the worker itself had come.
AFTER_THE_PLUGIN = Left((1,), (2,), (RECORDS,))
WORKER = {
    "WORKER_READY": NOTHING,
    "WORKER_TAKE_SENT": Left((1,)),
    "WORKER_CLAIMED": Left((1,)),
    "WORKER_STARTED": Left((1,)),
    "WORKER_RAN": AFTER_THE_PLUGIN,
    "WORKER_FLUSHED": AFTER_THE_PLUGIN,
    "WORKER_FINISH_OPEN": AFTER_THE_PLUGIN,  # rolled back
    # The finish is committed; with it the next job of the CO may have been claimed. A server that
    # is slow comes to a finish that was only sent after the settlement, and finds the job Failed.
    "WORKER_FINISH_SENT": Left((0, 1), (0, 2), (0, RECORDS)),
    "WORKER_FINISHED": Left((0, 1)),
    "WORKER_TURN_OVER": NOTHING,
    "WORKER_RECORD_PUT": Left((1,), (1,), (1,)),
    "WORKER_RECORD_SENT": Left((1,), (1, 2), range(1, RECORDS + 1)),
}
# All workers die with their supervisor, each with at most one job, anywhere in it.
SUPERVISOR = {
    "SUPERVISOR_REGISTERED": 0,
    "SUPERVISOR_FORKED": 0,  # the worker that was forked was told nothing yet
    "SUPERVISOR_ASSIGNED": 1,
    "SUPERVISOR_REAPED": 1,  # beside the job of the worker that died before
    "SUPERVISOR_LEAVING": 0,
}
# The daemon lives, and the next heir goes on.
HEIR = ["HEIR_CONNECTED", "HEIR_RECORDS_WRITTEN", "HEIR_SETTLE_SENT", "HEIR_SETTLED", "HEIR_NOTED",
        "HEIR_REPORTED"]
CONDEMNED = "HEIR_CONDEMNED"
FAST = {"workers": 2, "sweep": "1s", "heartbeat": "1s", "lease": "4s", "idle_timeout": "10s"}


def is_alive(pid):
    """Not a zombie either."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    return False


def test_every_point_has_its_row():
    assert POINTS and sorted(POINTS) == sorted([*WORKER, *SUPERVISOR, *HEIR, CONDEMNED])


class Stage:
    """Jobs in several COs, daemons that crash, and the laws afterwards."""

    def __init__(self, db, daemon, cos, add_job, trace, tmp_path):
        self.db, self.daemon, self.add_job, self.trace = db, daemon, add_job, trace
        self.file = tmp_path / "crashed"
        self.cos = cos(3)
        self.planned = set()  # jobs that fail by themselves
        self.first = db.value("SELECT COALESCE(max(id), 0) FROM public.jobs")

    def add(self, co, delay=0, columns=(), **params):
        params = {"records": RECORDS, "trace": self.trace.path, "tag": f"{co} {delay}", **params}
        job = self.add_job(co, COUNT, params, delay=delay, retry_interval=1, max_retry=1,
                           retry_count=0, **dict(columns))
        if params.get("end", "ok") != "ok":
            self.planned.add(job)
        return job

    def add_jobs(self):
        """In each CO: three ready jobs, the second of which fails, and a delayed one."""
        for co in self.cos:
            self.add(co, tag="first")
            self.add(co, tag="second", end="fail")
            self.add(co, tag="third")
            self.add(co, tag="delayed", delay=1)

    def start(self, points="", ready=True, **settings):
        env = {"RJ_CRASH": points, "RJ_CRASH_FILE": str(self.file)} if points else {}
        return self.daemon(ready=ready, env=env, **{**FAST, **settings})

    def wait_crash(self, name, is_list=False):
        path = f"{self.file}.{name}" if is_list else str(self.file)
        wait_for(lambda: os.path.exists(path), 15, f"{name} visited")
        print(f"injected: SIGKILL at {name}")

    def jobs(self):
        return [job for job in self.db.live() if job["id"] > self.first]

    def wait_final(self):
        def are():
            jobs = self.jobs()
            return jobs if all(job["status"] not in ("Q", "A", "GO") for job in jobs) else None
        return wait_for(are, 30, "all jobs final")

    def calls(self, job):
        return len([event for event in self.trace.events() if event[1] == job])

    # ---- the laws ----

    def check_row(self, job):
        """Its plugin was called as its status says, and each record is there once."""
        keys = [record["record_key"] for record in self.db.history(job["id"])
                if not (record["record_key"] or "registry-jobd:").startswith("registry-jobd:")]
        assert self.trace.begun().count(job["id"]) <= 1, f"job {job['id']} ran twice"
        assert len(keys) == len(set(keys)), f"job {job['id']}: a record twice: {keys}"
        assert keys == [f"step 1 record {i + 1}" for i in range(len(keys))]
        if job["status"] == "OK":
            assert self.calls(job["id"]) == 2 and len(keys) == RECORDS
        else:
            assert job["status"] == "X" and job["finish_time"]
        return len(keys)

    def check_successors(self, jobs):
        """Exactly one retry for each that failed and may be tried again, none for the others."""
        for job in jobs:
            n = sum(other["requeued_from_job_id"] == job["id"] for other in jobs)
            wanted = int(job["status"] == "X" and job["retry_count"] < 1)
            assert n == wanted, f"job {job['id']}, {job['status']}: {n} retries"

    def check_nothing_held(self):
        db = self.db
        wait_for(lambda: not db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL"),
                 what="no lane held")
        assert db.value("SELECT count(*) FROM jobd.queue WHERE job_id > %s", self.first) == 0

        def dead_rows():
            return [row for row in db.sql("SELECT pid FROM jobd.supervisor")
                    if not is_alive(row["pid"])]
        wait_for(lambda: not dead_rows(), what="only rows of living supervisors")

    def lost(self, jobs):
        """Those that failed because their worker was killed."""
        lost = []
        for job in jobs:
            if job["status"] == "X" and "terminated unexpectedly" in job["finish_summary"]:
                lost.append(job)
            elif job["status"] == "X":
                assert job["id"] in self.planned or "failed after" in job["finish_summary"]
        return lost

    def check(self):
        """All laws; returns the jobs that were lost, each with its records."""
        jobs = self.wait_final()
        records = {job["id"]: self.check_row(job) for job in jobs}
        self.check_successors(jobs)
        self.trace_is_in_order(jobs)
        self.check_nothing_held()
        lost = self.lost(jobs)
        print(f"checked: {len(jobs)} jobs, of them lost with their worker: "
              + (", ".join(f"{job['id']} ({self.calls(job['id'])} lines of trace, "
                           f"{records[job['id']]} records)" for job in lost) or "none"))
        return [(job, records[job["id"]]) for job in lost]

    def trace_is_in_order(self, jobs):
        """In each CO one at a time; a job without an end was lost with its worker."""
        status = {job["id"]: job["status"] for job in jobs}
        running = {}
        for what, job, co, *_ in self.trace.events():
            if what == "end":
                assert running.pop(co) == job
            else:
                assert co not in running or status[running[co]] == "X", f"{job} beside another"
                running[co] = job


@pytest.fixture
def stage(empty_queue, daemon, cos, add_job, trace, tmp_path):
    return Stage(empty_queue, daemon, cos, add_job, trace, tmp_path)


def check_left(stage, left, lost):
    assert len(lost) in left.jobs, f"lost {[job['id'] for job, _ in lost]}"
    for job, records in lost:
        assert job["finish_summary"].startswith("terminated unexpectedly (")
        assert "supervisor died" not in job["finish_summary"]  # it lives
        assert stage.calls(job["id"]) in left.calls
        assert records in left.records


@pytest.mark.parametrize("point", WORKER)
def test_worker(stage, point):
    """The daemon lives: it settles at once what its worker left at this point."""
    stage.add_jobs()
    running = stage.start(point)
    stage.wait_crash(point)
    check_left(stage, WORKER[point], stage.check())
    assert running.stop() == 0


def check_died(daemon):
    assert daemon.wait() == -signal.SIGKILL


def bring_down(stage, point):
    """A daemon that is killed at this point; what is staged for it depends on the point."""
    if point == "SUPERVISOR_REAPED":
        stage.add(stage.cos[0], tag="killer", end="kill")  # a worker has to die
    stage.add_jobs()
    running = stage.start(point, ready=False)
    if point == "SUPERVISOR_LEAVING":
        wait_for(lambda: stage.trace.ended(), what="work")
        running.signal(signal.SIGTERM)
    stage.wait_crash(point)
    check_died(running)


def killed_by_plan(stage, lost):
    """The jobs that killed their worker themselves, and their retries, are not of the crash."""
    return [(job, n) for job, n in lost if '"tag":"killer"' in job["parameters"]]


@pytest.mark.parametrize("point", SUPERVISOR)
def test_supervisor(stage, point):
    """The next daemon settles what this one left, once."""
    bring_down(stage, point)
    last = stage.start()
    lost = stage.check()
    killers = killed_by_plan(stage, lost)
    assert len(lost) - len(killers) <= SUPERVISOR[point]
    assert last.stop() == 0


def freeze_at_work(stage):
    """A daemon that stands still past its lease, with a job in progress."""
    frozen = stage.start()
    job = stage.add(stage.cos[0], tag="frozen", end="sleep", ignore_cancel=True)
    stage.db.wait_status(job, "GO")
    wait_for(lambda: job in stage.trace.begun())
    os.kill(frozen.pid, signal.SIGSTOP)
    stage.db.sql("UPDATE public.jobs SET parameters = replace(parameters, 'sleep', 'ok')"
                 " WHERE id = %s", job)  # for its retry
    stage.planned.discard(job)
    return frozen, job


def test_condemned(stage):
    """A peer whose lease has lapsed is settled, though the first to try it dies in the middle."""
    frozen, job = freeze_at_work(stage)
    try:
        running = stage.start(CONDEMNED)
        stage.add_jobs()
        stage.wait_crash(CONDEMNED)
        stage.db.wait_status(job, "X", timeout=15)
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    lost = stage.check()
    assert [row["id"] for row, _ in lost] == [job]
    frozen.wait_log("others took this supervisor for dead")
    assert frozen.stop() == 0 and running.stop() == 0


@pytest.mark.parametrize("point", HEIR)
def test_heir(stage, point):
    """An heir dies at this point: the next one gets the will, and nothing is lost or done twice."""
    stage.add(stage.cos[0], tag="killer", end="kill")
    stage.add_jobs()
    running = stage.start(point)
    stage.wait_crash(point)
    lost = stage.check()
    assert lost and lost == killed_by_plan(stage, lost)
    # The second heir settles first: the one before it may have died of the records.
    for job, _ in lost:
        wait_for(lambda job=job: len([row for row in stage.db.history(job["id"])
                                      if row["record_key"].startswith("step ")]) == RECORDS)
    assert running.stop() == 0


# A worker is killed here, and then its heir, or its supervisor, there.
PAIRS = [
    ("WORKER_CLAIMED", "SUPERVISOR_REAPED"),
    ("WORKER_CLAIMED", "HEIR_SETTLE_SENT"),
    ("WORKER_FINISH_OPEN", "HEIR_SETTLE_SENT"),
    ("WORKER_FINISH_SENT", "SUPERVISOR_REAPED"),
    ("WORKER_RECORD_SENT", "HEIR_SETTLED"),
    ("WORKER_TAKE_SENT", "SUPERVISOR_REAPED"),
    ("WORKER_TAKE_SENT", "HEIR_CONNECTED"),
]


@pytest.mark.parametrize("worker, second", PAIRS)
def test_two_in_a_row(stage, worker, second):
    """Whoever has to settle what the worker left dies as well."""
    stage.add_jobs()
    last = stage.start(f"{worker},{second}", ready=False)
    stage.wait_crash(worker, is_list=True)
    stage.wait_crash(second, is_list=True)
    if second.startswith("SUPERVISOR"):
        check_died(last)
        last = stage.start()
    lost = stage.check()
    # One worker at the point, and the other one with the supervisor.
    assert min(WORKER[worker].jobs) <= len(lost) <= 2
    assert last.stop() == 0


@pytest.mark.parametrize("point", ["SUPERVISOR_REGISTERED", "HEIR_SETTLE_SENT", "HEIR_SETTLED",
                                   "HEIR_NOTED"])
def test_a_dead_supervisor_is_settled(stage, point):
    """A daemon dies at work; whoever settles that dies as well, and the next one finds it all."""
    job = stage.add(stage.cos[0], tag="held", end="sleep")
    first = stage.start()
    wait_for(lambda: job in stage.trace.begun())
    stage.db.sql("UPDATE public.jobs SET parameters = replace(parameters, 'sleep', 'ok')"
                 " WHERE id = %s", job)
    stage.planned.discard(job)
    stage.add_jobs()
    first.kill()
    last = stage.start(point, ready=False)
    stage.wait_crash(point)
    if point.startswith("SUPERVISOR"):
        check_died(last)
        last = stage.start()
    lost = stage.check()
    assert job in [row["id"] for row, _ in lost]
    assert last.stop() == 0


def test_only_once(stage):
    """The file keeps the next process from the same end: else none of these tests would end."""
    stage.add_jobs()
    running = stage.start("WORKER_CLAIMED")
    stage.wait_crash("WORKER_CLAIMED")
    stage.wait_final()
    assert running.count("SIGKILL") >= 1
    with contextlib.suppress(FileNotFoundError):
        os.unlink(stage.file)
    stage.add(stage.cos[0], tag="again")
    stage.wait_crash("WORKER_CLAIMED")
    stage.check()
