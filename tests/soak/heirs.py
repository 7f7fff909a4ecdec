"""Faults for heirs alone. The heir of a worker is the process that is forked into the dead one's slot:
it settles what that one left. It is killed at once, after a moment and, in builds with crash points,
at each of its steps; it meets locks on all that it has to write, and a server without a free place.
"""
import contextlib
import re
import signal
import time

import psycopg2

import conftest
from processes import children, find_heir, signal_process

KILLS = ["TERM", "KILL", "SEGV"]
APPEARS = 3  # seconds in which somebody is forked into the slot of a dead worker
ARRIVES = 5  # seconds in which somebody comes by a crash point
LOCKS = {
    "the history": "LOCK TABLE public.job_history_records IN SHARE MODE",
    "people": "LOCK TABLE public.people IN ACCESS EXCLUSIVE MODE",
    # SKIP LOCKED: a statement of ours that waits could be the victim of a deadlock.
    "the job": "SELECT assigned_pid FROM public.jobs WHERE status IN ('A', 'GO') AND job_id IS NULL"
               " FOR UPDATE SKIP LOCKED",
    "the lane": "SELECT worker_pid FROM jobd.lane WHERE token IS NOT NULL FOR UPDATE SKIP LOCKED",
}


def crash_points():
    """Those that only an heir comes by, or whoever else was just forked; none in a build without."""
    if b"RJ_CRASH_FILE" not in conftest.DAEMON.read_bytes():
        return []
    text = (conftest.ROOT / "src/util/crash.h").read_text(encoding="utf-8")
    return re.findall(r"^\s+X\((HEIR_\w+|WORKER_READY)\)", text, re.MULTILINE)


class CrashFiles:
    """A process that reaches a crash point dies there when the point's file is not there, and makes
    it. So a point is armed by the removal of its file."""

    def __init__(self, directory):
        self.points = crash_points()
        self.base = directory / "crash"
        for point in self.points:
            self.path(point).touch()

    def path(self, point):
        return self.base.with_name(f"crash.{point}")

    def env(self):
        """For the daemon. The last comma says that each point has a file of its own."""
        return {"RJ_CRASH": ",".join([*self.points, ""]), "RJ_CRASH_FILE": str(self.base)} \
            if self.points else {}

    def arm(self, point):
        self.path(point).unlink()

    def disarm(self, point):
        """Whether somebody was killed there since arm()."""
        try:
            self.path(point).touch(exist_ok=False)
            return False
        except FileExistsError:
            return True


class Heirs:
    def __init__(self, faults):
        self.faults = faults
        self.soak = faults.soak
        self.random = faults.random
        self.crash_files = self.soak.crash_files
        self.kinds = {
            "heirs killed at once": lambda: self.kill_line(0),
            "heirs killed after a moment": lambda: self.kill_line(0.03),
            "heirs killed after a while": lambda: self.kill_line(0.5),
            **{f"heirs killed at {point}": lambda point=point: self.kill_at(point)
               for point in self.crash_files.points},
            **{f"heirs behind a lock on {what}": lambda text=text: self.lock(text)
               for what, text in LOCKS.items()},
            "heirs without a free connection": self.take_all_connections,
        }

    def kill_worker(self, pids=None):
        """Kills a busy worker, one of `pids` if they are given. Returns (it, its supervisor, and the
        children that this one had), or None."""
        busy = self.faults.busy_workers()
        chosen = sorted(worker for worker in busy if pids is None or worker.pid in pids)
        if not chosen:
            return None
        worker = self.random.choice(chosen)
        supervisor = busy[worker]
        before = children(supervisor.pid)
        if not signal_process(worker, getattr(signal, "SIG" + self.random.choice(KILLS))):
            return None
        self.faults.count()
        return worker, supervisor, before

    def wait_heir(self, dead, supervisor, before):
        end = time.monotonic() + APPEARS
        while time.monotonic() < end:
            heir = find_heir(before, children(supervisor.pid), dead)
            if heir:
                return heir
            time.sleep(0.001)
        return None

    def kill_heirs(self, death, longest, generations):
        """Kills the heir of a dead worker, within so many seconds, then the heir of that one."""
        dead, supervisor, before = death
        for _ in range(generations):
            heir = self.wait_heir(dead, supervisor, before)
            if not heir:
                return
            time.sleep(self.random.uniform(0, longest))
            before = children(supervisor.pid)
            if not signal_process(heir, signal.SIGKILL):
                return
            self.faults.count()
            dead = heir

    def kill_line(self, longest):
        for _ in range(self.random.randint(1, 4)):
            death = self.kill_worker()
            if death:
                self.kill_heirs(death, longest, self.random.randint(1, 3))
            time.sleep(self.random.uniform(0.02, 0.3))

    def kill_at(self, point):
        """Whoever comes by first, three times in a row at most."""
        for _ in range(self.random.randint(1, 3)):
            self.crash_files.arm(point)
            try:
                self.kill_worker()
                end = time.monotonic() + ARRIVES
                while time.monotonic() < end and not self.crash_files.path(point).exists():
                    time.sleep(0.005)
            finally:
                self.faults.count(int(self.crash_files.disarm(point)))

    def lock(self, statement):
        """Workers die while somebody holds what their heirs have to write, and some heirs too."""
        with contextlib.closing(self.soak.connect()) as db, db.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'; BEGIN")
            cursor.execute(statement)
            pids = {row[0] for row in cursor.fetchall()} if cursor.description else None
            for _ in range(self.random.randint(1, 4)):
                death = self.kill_worker(pids)
                if death and self.random.random() < 0.5:
                    self.kill_heirs(death, 0.5, self.random.randint(1, 2))
            self.faults.pause(0.1, 0.6)
            cursor.execute("ROLLBACK")

    def take_all_connections(self):
        """Supervisors and other workers keep what they have."""
        held = []
        end = time.monotonic() + self.random.uniform(0.3, 0.8) * self.soak.lease

        def fill():
            with contextlib.suppress(psycopg2.OperationalError):
                while time.monotonic() < end:
                    held.append(psycopg2.connect(self.soak.daemon_conninfo()))
        try:
            fill()
            for _ in range(self.random.randint(1, 4)):
                self.kill_worker()
            while time.monotonic() < end:
                fill()
                time.sleep(0.01)
        finally:
            for connection in held:
                connection.close()
