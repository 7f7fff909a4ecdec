"""Harness of the system tests: the real daemon and command, real plugins, a real PostgreSQL.

Each pytest process has a private cluster, each test its own database in it, copied from a
template that was loaded once. Nothing sleeps to wait for something: wait_for() polls, and every
wait has an end.

Environment: RJ_BUILD, the build directory (build/dev); RJ_PLUGINS, the plugins ($RJ_BUILD/plugins);
RJ_SLOW, a factor for all deadlines (sanitizers, valgrind).
"""
import contextlib
import faulthandler
import glob
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("RJ_BUILD") or ROOT / "build" / "dev")
PLUGINS = pathlib.Path(os.environ.get("RJ_PLUGINS") or BUILD / "plugins")
DAEMON = BUILD / "src" / "registry-jobd"
COMMAND = BUILD / "src" / "registry-job"
DATA = ROOT / "tests" / "data" / "registry-5.sql"
SCHEMA = ROOT / "schema"
HOST = socket.gethostname()
SLOW = float(os.environ.get("RJ_SLOW", "1"))
LIMIT = 60  # seconds of one test, unless @pytest.mark.limit(n)

SECTIONS = {
    "conninfo": "database", "workers": "pool", "max_jobs_per_turn": "pool",
    "max_turn_time": "pool", "max_jobs_per_worker": "pool", "idle_timeout": "pool",
    "sweep": "timers", "cancel_poll": "timers", "heartbeat": "timers", "lease": "timers",
    "stop_timeout": "timers", "start_timeout": "timers", "cancel_grace": "timers",
    "directory": "plugins",
    "load": "plugins", "level": "log", "listen": "database", "stall": "timers",
}
# Long enough that nothing is found by accident: a test that is about a timer says so.
DEFAULTS = {"workers": 4, "sweep": "1h", "cancel_poll": "1h", "heartbeat": "2s", "lease": "30s",
            "stop_timeout": "10s", "directory": PLUGINS, "load": "Example"}


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): wall-clock limit of the test")


def pytest_addoption(parser):
    parser.addoption("--repeat", type=int, default=1, help="run every test so many times")


def pytest_generate_tests(metafunc):
    n = metafunc.config.getoption("repeat")
    if n > 1:
        metafunc.fixturenames.append("_repeat")
        metafunc.parametrize("_repeat", range(n))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, "report_" + report.when, report)
    if report.failed:
        for process in item.stash.get(PROCESSES, []):
            report.sections.append((f"log of {process.name}", process.log()[-20000:]))
        database = item.stash.get(DATABASE, None)
        if database and call.when == "call":
            with contextlib.suppress(Exception):
                report.sections.append(("jobs", database.dump()))


PROCESSES = pytest.StashKey()
DATABASE = pytest.StashKey()


class TimeUp(BaseException):
    """The test took longer than it may; no `except Exception` may swallow it."""


@pytest.fixture(autouse=True)
def wall_clock_limit(request):
    marker = request.node.get_closest_marker("limit")
    seconds = (marker.args[0] if marker else LIMIT) * SLOW

    def on_alarm(_signal, _frame):
        faulthandler.dump_traceback(sys.__stderr__)
        raise TimeUp(f"the test took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def wait_for(condition, timeout=20, what=None, interval=0.01):
    """Polls until condition() is true, and returns its value."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or condition}; last: {value!r}")
        time.sleep(interval)


# ---- PostgreSQL ----

def postgres_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return pathlib.Path(found[-1] if found else shutil.which("initdb")).parent


class Cluster:
    """A throw-away PostgreSQL, reached through a socket in its own directory only."""

    def __init__(self):
        self.bin = postgres_bin()
        self.as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="rj-", dir="/tmp"))
        self.dir.chmod(0o755)
        if self.as_postgres:
            shutil.chown(self.dir, "postgres")
        self.data = self.dir / "data"
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync")
        settings = {"listen_addresses": "''", "unix_socket_directories": f"'{self.dir}'",
                    "fsync": "off", "max_connections": "200", "shared_buffers": "64MB",
                    "timezone": "'Europe/Berlin'", "log_min_messages": "warning",
                    "log_line_prefix": "'%m %p %d '", "logging_collector": "off"}
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.writelines(f"{key} = {value}\n" for key, value in settings.items())
        self.start()

    def run(self, program, *args):
        command = [*self.as_postgres, str(self.bin / program), *map(str, args)]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, timeout=90,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout.decode(errors='replace')}")

    def is_running(self):
        return (self.data / "postmaster.pid").exists()

    def start(self):
        # pg_ctl keeps its output open in the server: it must not be our pipe.
        command = [*self.as_postgres, str(self.bin / "pg_ctl"), "-D", str(self.data), "-w",
                   "-t", "60", "-l", str(self.dir / "log"), "start"]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, timeout=90,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError("could not start PostgreSQL: " + (self.dir / "log").read_text())

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def remove(self):
        with contextlib.suppress(Exception):
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def conninfo(self, database, user="postgres"):
        return f"host={self.dir} dbname={database} user={user}"

    def admin(self, statement):
        conn = psycopg2.connect(self.conninfo("postgres"))
        try:
            conn.autocommit = True
            conn.cursor().execute(statement)
        finally:
            conn.close()

    def load(self, database, path):
        command = [str(self.bin / "psql"), "-qXd", self.conninfo(database), "-v",
                   "ON_ERROR_STOP=1", "-f", str(path)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    try:
        cluster.admin("CREATE DATABASE plain")  # the Registry as it comes
        cluster.load("plain", DATA)
        cluster.admin("CREATE DATABASE template TEMPLATE plain")
        install_schema(cluster, "template")
        cluster.names = (f"test_{i}" for i in itertools.count(1))
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def server(cluster):
    """The cluster, which is up again after the test whatever happens in it."""
    yield cluster
    if not cluster.is_running():
        cluster.start()


def install_schema(cluster, database):
    path = cluster.dir / f"{database}.conf"
    path.write_text(f"[database]\nconninfo = {cluster.conninfo(database)}\n")
    done = run_command(path, "schema", "install")
    if done.returncode:
        raise RuntimeError(f"schema install: {done.returncode}: {done.stderr}")


class Database:
    """The test's own database, and what tests ask it."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.conninfo = cluster.conninfo(name)
        self._conn = None

    def connect(self, user="postgres", autocommit=True):
        conn = psycopg2.connect(self.cluster.conninfo(self.name, user),
                                cursor_factory=psycopg2.extras.RealDictCursor,
                                application_name="test")
        conn.autocommit = autocommit
        return conn

    @property
    def conn(self):
        if self._conn is None or self._conn.closed:
            self._conn = self.connect()
        return self._conn

    def close(self):
        if self._conn is not None:
            self._conn.close()

    def sql(self, query, *args):
        """Runs a statement; a list of dicts, or how many rows were affected."""
        with self.conn.cursor() as cursor:
            cursor.execute(query, args or None)
            return [dict(row) for row in cursor] if cursor.description else cursor.rowcount

    def value(self, query, *args):
        rows = self.sql(query, *args)
        return next(iter(rows[0].values())) if rows else None

    def job(self, job_id):
        rows = self.sql("SELECT * FROM public.jobs WHERE id = %s", job_id)
        return rows[0] if rows else None

    def status(self, job_id):
        return self.value("SELECT status FROM public.jobs WHERE id = %s", job_id)

    def history(self, job_id):
        return self.sql("SELECT * FROM public.job_history_records WHERE job_id = %s ORDER BY id",
                        job_id)

    def live(self, **where):
        clause = "".join(f" AND {key} IS NOT DISTINCT FROM %s" for key in where)
        return self.sql("SELECT * FROM public.jobs WHERE job_id IS NULL AND deleted IS NOT TRUE"
                        + clause + " ORDER BY id", *where.values())

    def wait_status(self, job_id, *statuses, timeout=20):
        """Waits until the job has one of these statuses, and returns the job."""
        def has():
            row = self.job(job_id)
            return row if row and row["status"] in statuses else None
        return wait_for(has, timeout, f"job {job_id} in {statuses}")

    def wait_final(self, *job_ids, timeout=20):
        ids = list(job_ids)

        def are():
            rows = self.sql("SELECT * FROM public.jobs WHERE id = ANY (%s) ORDER BY id", ids)
            waiting = [row["id"] for row in rows if row["status"] in ("Q", "A", "GO")]
            return None if waiting else rows
        return wait_for(are, timeout, f"jobs {ids} final")

    def wait_idle(self, timeout=20):
        """Waits until no active CO has anything ready and nobody holds a lane."""
        wait_for(lambda: not self.value("SELECT count(*) FROM jobd.queue JOIN public.cos c"
                                        " ON c.id = queue.co_id AND c.status = 'A' WHERE ready") and
                 not self.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL"),
                 timeout, "nothing to do")

    def cancel(self, job_id, actor="tester"):
        """As the Registry does it: without a guard on the status it read before."""
        return self.sql(
            "UPDATE public.jobs SET status = 'CX', finish_summary = %s, revision = revision + 1,"
            " finish_time = date_trunc('second', now() AT TIME ZONE 'UTC'), actor_identifier = %s"
            " WHERE id = %s AND status IN ('Q', 'A', 'GO')",
            f"Job canceled by {actor}", actor, job_id)

    def dump(self):
        rows = self.sql("SELECT id, co_id, status, assigned_pid AS pid, start_after_time AS after,"
                        " start_time AS start, finish_time AS finish, left(plugin, 30) AS plugin,"
                        " left(finish_summary, 70) AS summary FROM public.jobs"
                        " WHERE job_id IS NULL ORDER BY id DESC LIMIT 30")
        return "\n".join(" ".join(f"{k}={v}" for k, v in row.items()) for row in rows)


def new_database(request, cluster, template):
    name = next(cluster.names)
    cluster.admin(f"CREATE DATABASE {name} TEMPLATE {template}")
    database = Database(cluster, name)
    request.node.stash[DATABASE] = database
    return database


def drop_database(database):
    database.close()
    if database.cluster.is_running():
        database.cluster.admin(f"DROP DATABASE {database.name} WITH (FORCE)")


@pytest.fixture
def db(request, cluster):
    """A database with the shipped data and our schema."""
    database = new_database(request, cluster, "template")
    yield database
    drop_database(database)


@pytest.fixture
def plain_db(request, cluster):
    """A database as the Registry leaves it, without anything of ours."""
    database = new_database(request, cluster, "plain")
    yield database
    drop_database(database)


@pytest.fixture
def empty_queue(db):
    """The database without the shipped jobs and their history."""
    db.sql("DELETE FROM public.job_history_records")
    db.sql("UPDATE public.jobs SET requeued_from_job_id = NULL, job_id = NULL")
    db.sql("DELETE FROM public.jobs")
    return db


@pytest.fixture
def cos(db):
    """add_cos(n): ids of n new active COs."""
    def add(n):
        rows = db.sql(
            "INSERT INTO public.cos (name, description, status, created, modified, revision,"
            " deleted, actor_identifier) SELECT 'Test ' || i, '', 'A', now(), now(), 0, false, ''"
            " FROM generate_series(1, %s) i RETURNING id", n)
        return [row["id"] for row in rows]
    return add


JOB_COLUMNS = {"status": "Q", "revision": 0, "deleted": False, "actor_identifier": "",
               "register_summary": "Started via JobCommand by www-data (uid 33)"}


def php_json(params):
    """As PHP's json_encode writes it: no blanks, \\/ and \\u."""
    if not params:
        return "[]"
    return json.dumps(params, separators=(",", ":")).replace("/", "\\/")


def insert_job(cursor, co, plugin, params, delay=0, **columns):
    row = {**JOB_COLUMNS, "co_id": co, "plugin": plugin,
           "parameters": php_json(params) if isinstance(params, (dict, list)) else params,
           **columns}
    now = "date_trunc('second', now() AT TIME ZONE 'UTC')"
    times = {"register_time": now, "created": now, "modified": now,
             "start_after_time": f"{now} + make_interval(secs => {float(delay)})"}
    times = {key: value for key, value in times.items() if key not in row}
    cursor.execute(
        f"INSERT INTO public.jobs ({', '.join([*row, *times])}) VALUES"
        f" ({', '.join(['%s'] * len(row) + list(times.values()))}) RETURNING id",
        list(row.values()))
    return next(iter(dict(cursor.fetchone()).values()))


@pytest.fixture
def add_job(db):
    """add_job(co, plugin, params, delay=seconds, **columns): a row as PHP would insert it."""
    def add(co, plugin="Example.NoopJob", params=(), **columns):
        with db.conn.cursor() as cursor:
            return insert_job(cursor, co, plugin, list(params) if params == () else params,
                              **columns)
    return add


class Trace:
    """What the plugin wrote about its own calls."""

    def __init__(self, path):
        self.path = str(path)
        # The plugin writes the monotonic clock; tests compare with the database's times.
        self.epoch = (time.time_ns() - time.monotonic_ns()) // 1000

    def events(self):
        """(what, job, CO, PID, microseconds since 1970, reason) in the order of their times."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8") as file:
            lines = [line.split() for line in file.read().splitlines()]
        events = [(w[0], int(w[1]), int(w[2]), int(w[3]), self.epoch + int(w[4]), " ".join(w[5:]))
                  for w in lines]
        return sorted(events, key=lambda event: event[4])

    def begun(self):
        return [event[1] for event in self.events() if event[0] == "begin"]

    def ended(self):
        return [event[1] for event in self.events() if event[0] == "end"]

    def check_one_at_a_time(self):
        """Law 1 as the plugins saw it: in each CO, begin and end alternate."""
        running = {}
        for what, job, co, pid, _, _ in self.events():
            if what == "begin":
                assert running.get(co) is None, f"CO {co}: job {job} beside {running[co]}"
                running[co] = (job, pid)
            else:
                assert running.get(co) == (job, pid)
                running[co] = None


@pytest.fixture
def trace(tmp_path):
    tmp_path.chmod(0o777)
    return Trace(tmp_path / "trace")


# ---- the daemon ----

def write_config(path, exec_models=(), limits=None, **settings):
    """`limits`: {"": {"memory": "64M"}, "Plugin.Model": {...}}, a section for each name."""
    sections = {}
    for key, value in settings.items():
        if value is not None:
            sections.setdefault(SECTIONS[key], []).append(f"{key} = {value}\n")
    with open(path, "w", encoding="utf-8") as file:
        for name, lines in sections.items():
            file.write(f"[{name}]\n" + "".join(lines))
        for name, keys in (limits or {}).items():
            file.write(f'[limits "{name}"]\n' if name else "[limits]\n")
            file.write("".join(f"{k} = {v}\n" for k, v in keys.items()))
        for name, keys in dict(exec_models).items():
            file.write(f'[exec "{name}"]\n' + "".join(f"{k} = {v}\n" for k, v in keys.items()))
    return path


class Daemon:
    """One registry-jobd."""

    def __init__(self, name, config, log_path, env=None, settings=None, exec_models=(), prefix=()):
        self.name = name
        self.config = config
        self.log_path = log_path
        self.settings = settings or {}
        self.exec_models = exec_models
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, str(DAEMON), "--config", str(config)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def count(self, pattern):
        return len(re.findall(pattern, self.log(), re.MULTILINE))

    def wait_log(self, pattern, timeout=20, times=1):
        wait_for(lambda: self.count(pattern) >= times or self.process.poll() is not None, timeout,
                 f"{times} x {pattern!r} in the log of {self.name}")
        assert self.count(pattern) >= times, f"{self.name} ended without {pattern!r}"

    def wait_ready(self):
        self.wait_log(r"ready: ")
        return self

    def workers(self):
        """PIDs of the children."""
        with contextlib.suppress(FileNotFoundError):
            text = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
            return [int(word) for word in text.split()]
        return []

    def reload(self, **settings):
        self.settings.update(settings)
        write_config(self.config, self.exec_models, **self.settings)
        self.signal(signal.SIGHUP)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=30):
        return self.process.wait(timeout * SLOW)

    def stop(self, timeout=30):
        """SIGTERM; returns the exit code. SIGKILL, and a failure, when it takes too long."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout * SLOW)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not end in {timeout} s") from None
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait(30)


@pytest.fixture
def daemon(request, db, tmp_path):
    """daemon(**settings): starts a registry-jobd that is ready; all are killed at the end."""
    daemons = request.node.stash.setdefault(PROCESSES, [])

    def start(ready=True, env=None, exec_models=(), prefix=(), **settings):
        name = f"daemon-{len(daemons) + 1}"
        settings = {**DEFAULTS, "conninfo": db.conninfo, **settings}
        config = write_config(tmp_path / f"{name}.conf", exec_models, **settings)
        started = Daemon(name, config, tmp_path / f"{name}.log", env, settings, exec_models,
                         prefix)
        daemons.append(started)
        return started.wait_ready() if ready else started

    yield start
    for started in daemons:
        with contextlib.suppress(ProcessLookupError):
            os.kill(started.pid, signal.SIGCONT)
        started.kill()
    # Sanitizers write into the log and go on.
    for started in daemons:
        assert not re.search(r"ERROR: \w+Sanitizer|runtime error:", started.log()), started.log()


# ---- the command ----

def run_command(config, *args, timeout=30, prefix=(), **kwargs):
    return subprocess.run([*prefix, str(COMMAND), "--config", str(config), *map(str, args)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout * SLOW, check=False, **kwargs)


@pytest.fixture
def command(db, tmp_path):
    """command(*args): runs registry-job; with .returncode, .stdout and .stderr."""
    config = write_config(tmp_path / "command.conf", **{**DEFAULTS, "conninfo": db.conninfo})

    def run(*args, **kwargs):
        return run_command(config, *args, **kwargs)

    run.config = config
    run.argv = [str(COMMAND), "--config", str(config)]
    return run


@pytest.fixture
def rng():
    """Random, and said which: a failure can be had again with RJ_SEED."""
    seed = int(os.environ.get("RJ_SEED") or random.SystemRandom().randrange(2**32))
    print(f"RJ_SEED={seed}")
    return random.Random(seed)
