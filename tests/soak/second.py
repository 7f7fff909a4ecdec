"""A second program that writes to jobs as the Registry does, all the time: it registers, cancels, runs
what it registered itself, and tries what is not its own: to run, take over and end jobs of others, and
to change final ones.

While a daemon serves the queue, each of these has to be refused. When none is seen (all are away, or the
clock was just set) nothing is refused, as is promised; then it takes back what it wrote, so that every
step that stays in the tables is one that its program may make.
"""
import contextlib
import json
import random
import time

import psycopg2

import conftest
from registry import FINAL, Refused, Registry
from zone import NOW, ZONE

RUNNER = "www.example.org"  # where the Registry says that it runs jobs
LIVE = ("Q", "A", "GO")
OWN_STEPS = {("Q", "A"), ("A", "GO"), ("GO", "OK"), ("GO", "X")}
# A daemon was seen within its lease, and is so for another second; and what the guard could not do.
SERVED = """
SELECT EXISTS (SELECT FROM jobd.supervisor s
                WHERE s.kind = 'daemon'
                  AND abs(extract(epoch FROM clock_timestamp()) - extract(epoch FROM s.seen))
                      < extract(epoch FROM s.lease) - 1) AS is_served,
       (SELECT count(*) FROM jobd.trigger_error) AS errors"""


class Undone(Exception):
    """A transaction is rolled back on purpose."""


class SecondProgram:
    def __init__(self, soak):
        self.soak = soak
        self.name = "registry"  # of the database
        self.cluster = soak.cluster
        self.random = random.Random(soak.args.seed + 2)
        self.session = None
        self.registered = set()  # by this session
        self.begun = set()       # to be run here, and not ended yet
        self.acts = [self.register, self.register, self.cancel, self.cancel, self.run_own,
                     self.run_others, self.take_over, self.end_others, self.change_final]

    # ---- one act after another ----

    def act(self):
        self.attempt(self.random.choice(self.acts))

    def finish(self):
        """Nobody else ends what it has begun."""
        end = time.monotonic() + 60
        while self.begun and time.monotonic() < end:
            self.attempt(lambda: None)
            time.sleep(0.05)
        if self.session:
            self.session.close()

    def attempt(self, act):
        """What fails is counted. Who loses the database comes again, as another session, and cancels
        what it can not end any more."""
        try:
            if not self.session:
                self.registered.clear()
                self.session = Registry(self, conftest.OWNER, zone=ZONE)
                with self.session.transaction() as cursor:
                    cursor.execute("SET lock_timeout = '3s'")
            self.cancel_begun()
            act()
        except Refused:
            self.count("refused")
        except psycopg2.Error:
            self.count("met an error")
            if self.session and self.session.conn.closed:
                self.session = None

    def count(self, what):
        self.soak.counts[f"second program: {what}"] += 1

    # ---- reading and writing ----

    def pick(self, *statuses):
        """A job of somebody else that has one of these, and which one; None when there is none."""
        with self.session.transaction() as cursor:
            cursor.execute("SELECT id, status FROM public.jobs WHERE job_id IS NULL AND status = ANY (%s)"
                           " AND id > (SELECT max(id) - 500 FROM public.jobs) AND id <> ALL (%s)"
                           " ORDER BY random() LIMIT 1",
                           (list(statuses), list(self.registered)))
            row = cursor.fetchone()
        return (row["id"], row["status"]) if row else None

    def look_at_guard(self, cursor):
        cursor.execute(SERVED)
        return dict(cursor.fetchone())

    def is_step(self, before, status, changes):
        return before != status or (before in ("A", "GO") and "assigned_host" in changes)

    def may(self, job, before, status):
        return (before in LIVE and status == "CX") or (
            job in self.begun and (before, status) in OWN_STEPS)

    def write(self, job, status, **changes):
        """Whatever the row is by now; whether it stays written. A step that is not this program's
        is taken back, or was refused."""
        sets = "".join(f", {key} = %s" for key in changes)
        with contextlib.suppress(Undone), self.session.transaction() as cursor:
            guard = self.look_at_guard(cursor)
            self.session.copy(cursor, job)
            cursor.execute(f"UPDATE public.jobs SET status = %s{sets}, modified = {NOW}, revision ="
                           " LEAST(revision, 2147483646) + 1, actor_identifier = '' WHERE id = %s",
                           [status, *changes.values(), job])
            cursor.execute("SELECT before FROM public.soak_audit WHERE job_id = %s ORDER BY n DESC LIMIT 1",
                           (job,))
            before = cursor.fetchone()["before"]
            if self.may(job, before, status):
                self.count("written")
                return True
            if self.is_step(before, status, changes):
                self.count("taken back")
                if guard["is_served"] and self.look_at_guard(cursor) == guard:
                    self.soak.complain("not refused", f"job {job}: {before} -> {status} {changes}")
            raise Undone
        return False

    # ---- what it may ----

    def register(self, **parameters):
        n = self.soak.counts["second program: registered"]
        parameters = {**self.soak.parameters(self.random, f"second {n}"), **parameters}
        job = self.session.register(self.random.choice(self.soak.cos), "Example.CountJob",
                                    json.dumps(parameters))
        self.soak.registered[job] = time.monotonic()
        self.soak.expected.add(job)
        self.registered.add(job)
        self.count("registered")
        return job

    def cancel(self):
        """By id, and by what it read some time ago."""
        found = self.pick(*LIVE)
        time.sleep(self.random.uniform(0, 0.05))
        if found and self.write(found[0], "CX", finish_summary="Job canceled by ada"):
            self.soak.canceled.add(found[0])

    def cancel_begun(self):
        for job in list(self.begun):
            if self.session.read(job)["status"] not in FINAL and self.write(job, "CX"):
                self.soak.canceled.add(job)
            self.begun.discard(job)

    def run_own(self):
        """As `job -j -s`, a transaction for each step, unless a daemon is faster."""
        job = self.register(records=0)
        self.begun.add(job)
        try:
            if self.write(job, "A", assigned_host=RUNNER, assigned_pid=self.session.pid):
                self.write(job, "GO", start_summary="started")
                time.sleep(self.random.uniform(0, 0.1))
                status = self.random.choice(["OK", "OK", "X"])
                if self.write(job, status, finish_summary="finished here"):
                    self.soak.run_elsewhere[job] = status
                    self.count("run")
            self.begun.discard(job)
        except Refused:  # a daemon has it, or somebody canceled it
            self.begun.discard(job)
            raise

    # ---- what it may not ----

    def run_others(self):
        """As its runner, started by mistake."""
        found = self.pick("Q")
        if found:
            self.write(found[0], "A", assigned_host=RUNNER, assigned_pid=self.session.pid)

    def take_over(self):
        found = self.pick("A", "GO")
        if found:
            self.write(*found, assigned_host=RUNNER, assigned_pid=self.session.pid)

    def end_others(self):
        """As its `job -j`, which fails every job that it did not run."""
        found = self.pick(*LIVE)
        if found:
            self.write(found[0], self.random.choice(["X", "OK"]), finish_summary="nobody runs it")

    def change_final(self):
        found = self.pick(*FINAL)
        if found:
            self.write(found[0], self.random.choice(sorted({*LIVE, *FINAL} - {found[1]})))
