"""The faults of the soak: each is injected, lasts for a while, and is undone; then every CO that
had work has to move before the next one comes.

`duration` below is what the fault itself lasts; how long a CO stood still because of it is measured
by the checker, from the jobs.
"""
import contextlib
import signal
import time

import psycopg2

from heirs import Heirs
from intruders import Intruders
from processes import children, identify, signal_process

KILLS = ["TERM", "KILL", "QUIT", "SEGV", "INT"]
RECOVERY = 60  # seconds after which the soak goes on, and leaves the verdict to the checker


class Window:
    """One fault: from its injection, over its being undone, until every CO that had work has moved
    again."""

    def __init__(self, kind):
        self.kind = kind
        self.is_forged = kind.startswith("forged")
        self.begin = time.monotonic()
        self.undone = self.end = None
        self.injected = 0


class Faults:
    def __init__(self, soak):
        self.soak = soak
        self.random = soak.random_faults
        self.lease = soak.lease
        self.windows = []
        self.bag = []
        self.injected = 0
        self.pauses = []  # (processes that did not run, from, to)
        self.kinds = {
            **{f"worker killed by SIG{name}": lambda name=name: self.kill_workers(name)
               for name in KILLS},
            "worker frozen": self.freeze_worker,
            "supervisor killed": self.kill_supervisor,
            "supervisor stopped": self.stop_supervisor,
            "supervisor frozen, short": lambda: self.freeze(False, 0.1, 0.5),
            "supervisor frozen past its lease": lambda: self.freeze(False, 1.2, 1.6),
            "host paused, short": lambda: self.freeze(True, 0.1, 0.5),
            "host paused past its lease": lambda: self.freeze(True, 1.2, 1.6),
            "rolling replacement": self.replace,
            "host cut off, short": lambda: self.cut(0.1, 0.5),
            "host cut off past its lease": lambda: self.cut(1.2, 1.6),
            "host killed, back at once": lambda: self.kill_host(0, 0.2),
            "host killed, away past its lease": lambda: self.kill_host(1.3, 1.6),
            "connections terminated": self.terminate_some,
            "all connections terminated": self.terminate_all,
            "PostgreSQL restarted, fast": lambda: self.restart("fast", 0, 0.1),
            "PostgreSQL restarted, immediate": lambda: self.restart("immediate", 0, 0.3),
            "PostgreSQL away past the lease": lambda: self.restart("immediate", 1.2, 1.4),
            "workers' connections black-holed": lambda: self.black_hole("worker"),
            "supervisor's connection black-holed": lambda: self.black_hole("supervisor"),
            "connections slow": self.slow,
            "jobs locked": lambda: self.lock("public.jobs", 0.2, 0.6),
            "history locked": lambda: self.lock("public.job_history_records", 0.2, 0.6),
            "lanes locked": lambda: self.lock("jobd.lane", 0.2, 0.6),
            "supervisors locked past the lease": lambda: self.lock("jobd.supervisor", 1.1, 1.3),
            "too many clients": self.too_many_clients,
            "serialization failures": lambda: self.refuse("40001"),
            "deadlocks": lambda: self.refuse("40P01"),
            "disk full": lambda: self.refuse("53100"),
            "all at once": self.all_at_once,
            **Heirs(self).kinds,
            **Intruders(self).kinds,
        }
        chosen = soak.args.only
        if chosen:
            self.kinds = {kind: f for kind, f in self.kinds.items() if chosen in kind}

    # ---- one after another ----

    def run_one(self):
        """Every kind once, in another order each time, before any comes again."""
        if not self.bag:
            self.bag = sorted(self.kinds)
            self.random.shuffle(self.bag)
        kind = self.bag.pop()
        window = Window(kind)
        self.windows.append(window)
        before = self.injected
        if self.soak.args.verbose:
            print(f"{window.begin - self.soak.began:7.1f} s  {kind}", flush=True)
        try:
            self.kinds[kind]()
        finally:
            window.injected = self.injected - before
            window.undone = time.monotonic()
        if not self.wait_until_moved():
            self.soak.complain("slow", f"after '{kind}' at {window.begin - self.soak.began:.1f} s:"
                                       f" a CO did not move in {RECOVERY} s")
        window.end = time.monotonic()

    def wait_until_moved(self):
        """Until the job that was the next one of its CO when the fault was over is final."""
        heads = [row[0] for row in self.soak.ask(
            "SELECT DISTINCT ON (co_id) id FROM (SELECT co_id, job_id AS id FROM jobd.queue"
            " WHERE ready UNION ALL SELECT co_id, id FROM public.jobs"
            " WHERE status IN ('A', 'GO') AND job_id IS NULL) heads ORDER BY co_id, id")]
        end = time.monotonic() + RECOVERY
        while time.monotonic() < end:
            if not self.soak.ask("SELECT id FROM public.jobs WHERE id = ANY (%s)"
                                 " AND status IN ('Q', 'A', 'GO')", heads):
                return True
            time.sleep(0.05)
        return False

    def count(self, n=1):
        self.injected += n

    def pause(self, shortest, longest):
        """Shares of the lease."""
        time.sleep(self.random.uniform(shortest, longest) * self.lease)

    def host(self):
        return self.random.choice(self.soak.hosts)

    # ---- workers ----

    def workers(self):
        """{worker: the daemon whose child it is}"""
        return {worker: daemon for host in self.soak.hosts for daemon in host.lab.living()
                for worker in children(daemon.pid)}

    def busy_workers(self):
        """Those of them that have a job."""
        pids = {row[0] for row in self.soak.ask(
            "SELECT assigned_pid FROM public.jobs WHERE status IN ('A', 'GO') AND job_id IS NULL")}
        return {worker: daemon for worker, daemon in self.workers().items() if worker.pid in pids}

    def kill_workers(self, name):
        """A few of them, one after another."""
        for _ in range(self.random.randint(2, 8)):
            workers = sorted(self.busy_workers())
            if workers and signal_process(self.random.choice(workers),
                                          getattr(signal, "SIG" + name)):
                self.count()
            time.sleep(self.random.uniform(0.02, 0.3))

    def freeze_worker(self):
        workers = sorted(self.busy_workers())
        if not workers:
            return
        worker = self.random.choice(workers)
        if not signal_process(worker, signal.SIGSTOP):
            return
        self.count()
        self.pause(0.3, 1.5)
        signal_process(worker, signal.SIGCONT)

    # ---- supervisors and hosts ----

    def kill_supervisor(self):
        host = self.host()
        host.kill_daemon()
        self.count()
        self.random.random() < 0.5 and self.pause(0.1, 0.5)
        host.start()

    def stop_supervisor(self):
        host = self.host()
        host.stop()
        self.count()
        self.random.random() < 0.5 and self.pause(0.1, 0.5)
        host.start()

    def freeze(self, workers, shortest, longest):
        host = self.host()
        frozen = {identify(pid) for pid in host.lab.freeze(workers=workers)}
        since = time.monotonic()
        self.count()
        self.pause(shortest, longest)
        self.pauses.append((frozen, since, time.monotonic()))
        host.lab.thaw()

    def replace(self):
        host = self.host()
        old = host.daemon
        host.start()
        self.count()
        host.wait_ready()
        host.stop(old)

    def cut(self, shortest, longest):
        host = self.host()
        host.cut()
        self.count()
        self.pause(shortest, longest)
        host.rejoin()

    def kill_host(self, shortest, longest):
        host = self.host()
        host.kill()
        self.count()
        self.pause(shortest, longest)
        host.start()

    # ---- connections and the database ----

    def terminate(self, limit):
        return len(self.soak.ask(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE application_name LIKE 'registry-jobd%%' ORDER BY random() LIMIT %s) chosen",
            limit))

    def terminate_some(self):
        for _ in range(self.random.randint(2, 8)):
            self.count(self.terminate(1))
            time.sleep(self.random.uniform(0.02, 0.3))

    def terminate_all(self):
        self.count(self.terminate(1000) and 1)

    def restart(self, mode, shortest, longest):
        self.soak.cluster.stop(mode)
        self.count()
        self.pause(shortest, longest)
        self.soak.cluster.start()

    def black_hole(self, application):
        """Nothing arrives and nobody is told: half of a minute for TCP, less for the daemon."""
        host = self.random.choice([host for host in self.soak.hosts if host.proxy])
        if application not in " ".join(host.proxy.applications()):
            return
        host.proxy.black_hole(application)
        self.count()
        self.pause(0.3, 1.5)
        host.proxy.cut(application)
        host.proxy.forward()

    def slow(self):
        host = self.random.choice([host for host in self.soak.hosts if host.proxy])
        host.proxy.delay(self.random.uniform(0.05, 0.3))
        self.count()
        self.pause(0.3, 1)
        host.proxy.forward()

    def lock(self, table, shortest, longest):
        """Every statement that comes to this table waits, until it has waited too long."""
        with contextlib.closing(self.soak.connect()) as db, db.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
            cursor.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            self.count()
            self.pause(shortest, longest)
            cursor.execute("ROLLBACK")

    def too_many_clients(self):
        """All places are taken, and the daemons lose theirs."""
        held = []
        self.count()
        try:
            end = time.monotonic() + self.random.uniform(0.3, 1) * self.lease
            self.terminate(1000)
            while time.monotonic() < end:
                try:
                    held.append(psycopg2.connect(self.soak.daemon_conninfo()))
                except psycopg2.OperationalError:
                    time.sleep(0.05)
        finally:
            for connection in held:
                connection.close()

    def refuse(self, sqlstate):
        """A third of all changes of a job fail with this SQLSTATE for a while."""
        self.soak.tell(
            "CREATE OR REPLACE FUNCTION public.soak_refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF current_user <> 'postgres' AND random() < 0.3 THEN RAISE 'injected'"
            f" USING ERRCODE = '{sqlstate}'; END IF; RETURN NEW; END $$")
        self.soak.tell("CREATE OR REPLACE TRIGGER soak_refuse BEFORE UPDATE ON public.jobs"
                       " FOR EACH ROW EXECUTE FUNCTION public.soak_refuse()")
        self.count()
        self.pause(0.2, 0.7)
        self.soak.tell("DROP TRIGGER soak_refuse ON public.jobs")

    def all_at_once(self):
        """Workers and connections die while one host is cut off and another's supervisor killed."""
        self.count()
        host = self.host()
        host.cut()
        other = self.host()
        other.kill_daemon()
        for worker in self.busy_workers():
            signal_process(worker, signal.SIGKILL)
        self.terminate(1000)
        self.pause(0.1, 1.3)
        host.rejoin()
        other.start()

