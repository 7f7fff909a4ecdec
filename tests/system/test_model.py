"""The model of tests/model, replayed on a real PostgreSQL: runs of it by chance, with fixed seeds, are
carried out with the statements that its steps stand for, over as many connections; after each step
jobs, lane and supervisors must be as the model says."""
import json
import re
import shutil
import subprocess
import tempfile

import psycopg2
import pytest
from conftest import ROOT

MODEL = ROOT / "tests" / "model" / "lanes.pml"
STATEMENTS = ROOT / "src" / "db" / "sql"
TABLES = ("public.jobs", "jobd.queue", "jobd.supervisor", "jobd.lane")

# What may happen in a run, and the seeds: together they reach every statement of the model, and each
# kind of loss. Another version of spin may need others: test_everything_is_replayed says so.
RUNS = [("DEATHS=1 CUTS=1", range(1, 16)),
        ("CUTS=2 CANCELS=1", range(1, 9)),
        ("FAILOVERS=1", range(1, 41)),
        ("FREEZES=1 TICKS=3 CANCELS=1", range(1, 13)),
        ("CRASHES=1 TICKS=3 HOSTS_DIE=1 OTHERS=1", range(1, 13)),
        ("CRASHES=1 DEATHS=1 TICKS=2 LATE=1", range(1, 13)),
        ("OTHERS=2 CANCELS=1 LATE=1", range(1, 13)),
        ("HANDS=1", range(1, 3))]

STATUSES = (None, "Q", "A", "GO", "OK", "X", "CX")


def declared(name):
    """The names of a statement's parameters, in their order, without what is said of their values."""
    text = (STATEMENTS / f"{name}.sql").read_text()
    comments = " ".join(line[2:].strip() for line in text.splitlines() if line.startswith("--"))
    params = re.search(r"params:(.*?)result:", comments)[1]
    names = re.findall(r"\b(?:int[248]|text|bool|jsonb)(?:\[\])? \(((?:[^()]|\([^()]*\))*)\)", params)
    return [re.split("[,:]", name)[0].replace("_", " ") for name in names]


def simulate(budgets, seed):
    """The lines of one run."""
    flags = [f"-D{budget}" for budget in budgets.split()]
    with tempfile.TemporaryDirectory() as directory:  # spin writes into the current one
        done = subprocess.run(["spin", "-T", f"-n{seed}", "-u5000", "-DREPLAY", *flags, str(MODEL)],
                              cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "begun" in lines and not any("Error" in line for line in lines), done.stdout[-3000:]
    return lines[lines.index("begun"):]


def host(worker):
    return f"host{(worker - 1) // 4}"


class Replay:
    """The tables of one run, and the connections 0 and 1 of workers, 2 and 3 of what they left, 4 and
    5 of heirs and settlers."""

    def __init__(self, db, co, budgets):
        self.db = db
        self.co = co
        self.connections = {}
        self.aborted = set()
        self.jobs = {}
        self.rows = {}      # of the model: ids of jobd.supervisor
        self.renewals = {}  # (host, row): the count when the host looked at the row
        self.copy = None
        with db.conn.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            for table in TABLES:
                cursor.execute(f"DELETE FROM {table}")
            cursor.execute("SET session_replication_role = origin")
        self.register(0)
        if "LATE" not in budgets:
            self.register(1)
        if "HANDS" in budgets:  # what a command left that died
            db.sql("UPDATE public.jobs SET status = 'GO', assigned_host = %s, assigned_pid = %s"
                   " WHERE id = %s", host(9), 1009, self.jobs[1])
        self.is_guarded = db.value(
            "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.jobs'::regclass"
            " AND NOT tgisinternal AND tgtype & 2 <> 0 AND tgtype & 16 <> 0)")

    # ---- statements ----

    def connection(self, number):
        conn = self.connections.get(number)
        if conn is None:
            conn = self.connections[number] = self.db.connect()
            with conn.cursor() as cursor:  # where a step waits for a lock, the model is wrong
                cursor.execute("SET lock_timeout = '5s'; SET TimeZone = 'UTC'; SET jobd.writer = 'registry-jobd'")
        return conn

    def execute(self, number, text, values=()):
        if number in self.aborted and text not in ("COMMIT", "ROLLBACK"):
            return []
        with self.connection(number).cursor() as cursor:
            cursor.execute(text, list(values) or None)
            return [dict(row) for row in cursor] if cursor.description else []

    def run(self, number, name, **values):
        """The statement, with its parameters by the names that it declares."""
        values = {key.replace("_", " "): value for key, value in values.items()}
        values.update({"co id": self.co, "finish summary": "by the model", "actor": "model"})
        arguments = []
        for declaration in declared(name):
            assert declaration in values, \
                f"{name}.sql has a new parameter ({declaration}): say in {__file__} what it is"
            arguments.append(values[declaration])
        statement = (STATEMENTS / f"{name}.sql").read_text().rstrip()
        try:
            self.execute(number, f"PREPARE statement AS {statement}")
            return self.execute(number, f"EXECUTE statement ({', '.join(['%s'] * len(arguments))})",
                                arguments)
        finally:
            if number not in self.aborted and not self.is_failed(number):
                self.execute(number, "DEALLOCATE statement")

    def is_failed(self, number):
        return (self.connection(number).info.transaction_status
                == psycopg2.extensions.TRANSACTION_STATUS_INERROR)

    def register(self, job):
        row, = self.run(6, "job_register", plugin="Example.NoopJob", parameters="[]", status="Q", host=None,
                        pid=None, delay_in_seconds=0, requeue_interval=None, retry_interval=None,
                        max_retry=None, register_summary="", allow_a_duplicate=True,
                        the_supervisor_that_runs_it_here=None, its_key=None,
                        its_chain_goes_on_after_a_failure=False)
        self.jobs[job] = row["id"]

    # ---- the steps of the model ----

    def sql(self, name, c=6, **k):
        """One statement. `by` is a worker of the model."""
        by = k.get("by")
        holder = {"host": host(by) if by else None, "pid": 1000 + by if by else None}
        job = self.jobs.get(k.get("job"))
        if name in ("lane_take", "job_claim", "lane_free", "lane_resume", "job_resume"):
            return self.run_lane(name, c, holder, **k)
        if name in ("lane_lock", "settle"):
            recorded = self.jobs.get(k.get("job", 0) - 1)
            return self.run(c, name, supervisor=self.rows[k["row"]], summary="lost",
                            its_start_ticks=by or None, pid_of_one_worker=holder["pid"],
                            the_job_that_its_turn_recorded=recorded)
        if name.startswith("supervisor_"):
            return getattr(self, name)(c=c, **k)
        if name == "job_register":
            return self.register(k["job"]) if k["job"] not in self.jobs else None
        if name == "settle_job":
            return self.run(c, name, id=job, status=STATUSES[k["status"]], comment_of_the_record="model",
                            **holder)
        if name == "job_reclaim":
            return self.run(c, name, id=job, lane_token=k["token"], **holder)
        if name == "job_finish":
            return self.run(c, name, id=job, statuses_expected=["GO"], new_status="OK",
                            an_error_of_the_successor_that_time_may_mend_is_raised=False, **holder)
        return self.run(c, name, id=job, start_summary="started", **holder)  # job_start, job_cancel

    def run_lane(self, name, c, holder, token, by=None, row=None, new=None):
        try:
            return self.run(c, name, supervisor=self.rows.get(row), worker_pid=holder["pid"],
                            worker_start_ticks=by, token=token, lane_token=token, new_token=new,
                            lower_bound=0, its_programs_run=True,
                            **{"the_worker's_generation_of_models": 1}, **holder)
        except psycopg2.errors.ForeignKeyViolation:
            self.aborted.add(c)
            return []

    def supervisor_register(self, row, host, **_k):  # pylint: disable=redefined-outer-name
        found, = self.run(6, "supervisor_register", token=1000 + row, kind="daemon", host=f"host{host}",
                          pid=100 + row, boot="boot", start_ticks=row, version="", workers=1,
                          lease_in_milliseconds=60000, schema_needed=0)
        self.rows[row] = found["id"]
        self.run(6, "supervisor_models", supervisor=found["id"], its_models='[{"model": "Example.NoopJob"}]',
                 their_generation=1, the_problem=None)

    def supervisor_renew(self, row, **_k):
        self.run(6, "supervisor_renew", id=self.rows[row], token=1000 + row, workers=1, busy=0,
                 counters_as_JSON=None, what_is_in_the_way_of_its_workers=None, for_how_many_seconds=0)

    def supervisor_others(self, host, row, **_k):  # pylint: disable=redefined-outer-name
        for peer in self.run(6, "supervisor_others", own_id=self.rows[row]):
            self.renewals[host, peer["id"]] = peer.get("renewals")

    def token(self, row, token):
        return 1000 + row if token == 1 else 2000 + token

    def supervisor_condemn(self, host, row, token, new, **_k):  # pylint: disable=redefined-outer-name
        if "renewals when looked at" not in declared("supervisor_condemn"):
            self.db.sql("UPDATE jobd.supervisor SET seen = now() - interval '1 hour' WHERE id = %s"
                        " AND %s", self.rows[row], self.is_lapsed)
        self.run(6, "supervisor_condemn", id=self.rows[row], token=self.token(row, token),
                 new_token=self.token(row, new),
                 renewals_when_looked_at=self.renewals.get((host, self.rows[row])))

    def supervisor_remove(self, c, row, token, **_k):
        self.run(c, "supervisor_remove", id=self.rows[row], token=self.token(row, token))

    def other(self, job, status, refused):
        """As the Registry's own programs write: by id, whatever the row says now."""
        if refused and not self.is_guarded:
            return  # by a schema that has no guard
        conn = self.db.connect()
        try:
            conn.cursor().execute("UPDATE public.jobs SET status = %s WHERE id = %s",
                                  (STATUSES[status], self.jobs[job]))
            assert not refused
        except psycopg2.Error:
            assert refused
        finally:
            conn.close()

    # ---- transactions, and what is lost ----

    def begin(self, c):
        self.execute(c, "BEGIN")

    def commit(self, c):
        self.execute(c, "ROLLBACK" if c in self.aborted else "COMMIT")
        self.aborted.discard(c)

    def rollback(self, c):
        self.execute(c, "ROLLBACK")

    def orphan(self, c):
        self.lost(c + 2)
        if c in self.connections:
            self.connections[c + 2] = self.connections.pop(c)

    def lost(self, c):
        if c in self.connections:
            self.connections.pop(c).close()
        self.aborted.discard(c)

    def snapshot(self):
        self.copy = [self.db.value(f"SELECT COALESCE(json_agg(t), '[]') FROM {table} t")
                     for table in TABLES]

    def failover(self):
        for number in list(self.connections):
            self.lost(number)
        self.db.sql("SET session_replication_role = replica")
        for table in reversed(TABLES):
            self.db.sql(f"DELETE FROM {table}")
        for table, rows in zip(TABLES, self.copy):
            self.db.sql(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"
                        f" SELECT * FROM json_populate_recordset(NULL::{table}, %s)", json.dumps(rows))
        self.db.sql("SET session_replication_role = origin")

    # ---- the tables, as the model says them ----

    def state(self):
        numbers = []
        for job in (0, 1):
            row = self.db.job(self.jobs[job]) if job in self.jobs else None
            pid = row and row["assigned_pid"]
            assert not pid or row["assigned_host"] == host(pid - 1000)
            numbers += [STATUSES.index(row["status"]) if row else 0, pid - 1000 if pid else 0]
        lane = self.db.sql("SELECT * FROM jobd.lane WHERE supervisor_id IS NOT NULL")
        rows = {number: row for row, number in self.rows.items()}
        numbers += ([rows[lane[0]["supervisor_id"]] + 1, lane[0]["worker_pid"] - 1000, lane[0]["token"]]
                    if lane else [0, 0, 0])
        found = {row["id"]: row["token"] for row in self.db.sql("SELECT id, token FROM jobd.supervisor")}
        for row in range(4):
            token = found.get(self.rows.get(row), 0)
            numbers.append(token - 2000 if token >= 2000 else 1 if token else 0)
        return numbers + self.locks()

    def locks(self):
        """Whether a transaction that is under way has locked job 0, job 1, and the lane."""
        return [int(self.db.sql(f"SELECT FROM {table} t WHERE t.{key} = %s", value)
                    != self.db.sql(f"SELECT FROM {table} t WHERE t.{key} = %s FOR UPDATE SKIP LOCKED",
                                   value))
                for table, key, value in (("public.jobs", "id", self.jobs.get(0)),
                                          ("public.jobs", "id", self.jobs.get(1)),
                                          ("jobd.lane", "co_id", self.co))]

    def play(self, lines):
        for at, line in enumerate(lines):
            word, *rest = line.split()
            if word == "state":
                assert self.state() == list(map(int, rest)), "\n".join(lines[:at + 1])
                continue
            if word == "sql":
                word = rest.pop(0)
                self.is_lapsed = condemns(lines[at:])
                self.sql(word, **numbers(rest))
            elif word in ("begin", "commit", "rollback", "orphan", "lost", "snapshot", "failover", "other"):
                getattr(self, word)(**numbers(rest))

    def end(self):
        for number in list(self.connections):
            self.lost(number)


def numbers(words):
    return {key: int(value) for key, value in (word.split("=") for word in words)}


def condemns(lines):
    """Whether the model says in the next state that a supervisor is condemned."""
    state = next(line for line in lines if line.startswith("state")).split()[8:12]
    return "2" in state or "3" in state


needs_spin = pytest.mark.skipif(not shutil.which("spin"), reason="spin is not installed")


@needs_spin
@pytest.mark.limit(300)
def test_everything_is_replayed():
    """The runs reach every statement of the model, and each kind of loss."""
    steps = {" ".join(word for word in line.split() if "c=" not in word and "=0" not in word)
             for budgets, seeds in RUNS for seed in seeds for line in simulate(budgets, seed)}
    begun = {" ".join(step.split()[:2]) for step in steps}
    missing = {f"sql {name}" for name in re.findall(r'printf\("sql (\w+)', MODEL.read_text())} - begun
    assert not missing, "other seeds are needed for these"
    assert {"failover", "orphan"} <= steps and any("refused=1" in step for step in steps)


@needs_spin
@pytest.mark.limit(300)
@pytest.mark.parametrize("budgets, seeds", RUNS, ids=[budgets for budgets, _ in RUNS])
def test_replay(empty_queue, cos, budgets, seeds):
    """Laws 1 to 4, 11 and 13: the statements do what the model says, step by step."""
    co, = cos(1)
    steps = 0
    for seed in seeds:
        lines = simulate(budgets, seed)
        replay = Replay(empty_queue, co, budgets)
        try:
            replay.play(lines)
        finally:
            replay.end()
        steps += sum(line.startswith("state") for line in lines)
    print(f"checked: {steps} steps of {len(seeds)} runs, each as the model says")
