"""Harness of the system tests: the real daemon and command, real plugins, a real PostgreSQL.

Each pytest process has a private cluster, each test its own database in it, copied from a
template that was loaded once. Nothing sleeps to wait for something: wait_for() polls, and every
wait has an end.

Environment: RJ_BUILD, the build directory (build/dev); RJ_PLUGINS, the plugins ($RJ_BUILD/plugins);
RJ_SLOW, a factor for all deadlines (sanitizers, valgrind).
"""
import contextlib
import faulthandler
import fcntl
import glob
import itertools
import json
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
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
    "conninfo": "database", "timezone": "database", "workers": "pool", "max_jobs_per_turn": "pool",
    "max_turn_time": "pool", "max_jobs_per_worker": "pool", "idle_timeout": "pool",
    "core_dumps": "pool",
    "sweep": "timers", "cancel_poll": "timers", "heartbeat": "timers", "lease": "timers",
    "stop_timeout": "timers", "start_timeout": "timers", "cancel_grace": "timers",
    "directory": "plugins", "unknown_models": "plugins",
    "load": "plugins", "level": "log", "listen": "database", "stall": "timers",
    "failed": "hooks", "timeout": "hooks",
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
            report.sections.append((f"processes of {process.name}", process.dump()))
        database = item.stash.get(DATABASE, None)
        if database and call.when == "call":
            with contextlib.suppress(Exception):
                report.sections.extend(database.report())


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

    # xdist rarely runs a process's tests in another thread, where nothing can interrupt them.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
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


def is_gone(pid):
    """Not there, or a zombie."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0] in "ZX"
    return True


# ---- PostgreSQL ----

def postgres_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return pathlib.Path(found[-1] if found else shutil.which("initdb")).parent


OWNER = "registry"  # of the database and of the Registry's tables
LOGIN = "jobd"  # the role of the programs, with the rights of schema/roles.sql and no others
ROLES = ("registry_jobd", "registry_jobd_nester")


class Cluster:
    """A throw-away PostgreSQL, reached through a socket in its own directory only. The tests look
    at it as its superuser."""

    env = None  # of the server; None: that of the tests

    def __init__(self):
        self.bin = postgres_bin()
        self.as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="rj-", dir="/tmp"))
        self.dir.chmod(0o1777)  # for the server's files, and for configurations that are ours
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
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                              env=self.env)
        if done.returncode:
            raise RuntimeError("could not start PostgreSQL: " + (self.dir / "log").read_text())

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def remove(self):
        with contextlib.suppress(Exception):
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def conninfo(self, database, user=LOGIN):
        return f"host={self.dir} dbname={database} user={user}"

    def admin(self, statement):
        conn = psycopg2.connect(self.conninfo("postgres", "postgres"))
        try:
            conn.autocommit = True
            conn.cursor().execute(statement)
        finally:
            conn.close()

    def load(self, database, path, user=OWNER):
        command = [str(self.bin / "psql"), "-qXd", self.conninfo(database, user), "-v",
                   "ON_ERROR_STOP=1", "-f", str(path)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))


def make_templates(cluster):
    """What the databases of tests are copied from."""
    make_roles(cluster)
    cluster.admin(f"CREATE DATABASE plain OWNER {OWNER}")  # the Registry as it comes
    cluster.load("plain", DATA)
    cluster.admin(f"CREATE DATABASE template TEMPLATE plain OWNER {OWNER}")
    install_schema(cluster, "template")
    cluster.names = (f"test_{i}" for i in itertools.count(1))


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    try:
        make_templates(cluster)
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def server(cluster):
    """The cluster, which is up again after the test whatever happens in it."""
    yield cluster
    if not cluster.is_running():
        cluster.start()


def make_roles(cluster):
    cluster.admin(f"CREATE ROLE {OWNER} LOGIN")
    for role in ROLES:
        cluster.admin(f"CREATE ROLE {role}")
    cluster.admin(f"CREATE ROLE {LOGIN} LOGIN IN ROLE {', '.join(ROLES)}")


def install_schema(cluster, database, zone="UTC"):
    """As README says, and the rights of the role."""
    path = cluster.dir / f"{database}.conf"
    path.write_text(f"[database]\nconninfo = {cluster.conninfo(database, OWNER)}\ntimezone = {zone}\n")
    done = run_command(path, "schema", "install")
    if done.returncode:
        raise RuntimeError(f"schema install: {done.returncode}: {done.stderr}")
    cluster.load(database, SCHEMA / "roles.sql")


class Database:
    """The test's own database, and what tests ask it."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.conninfo = cluster.conninfo(name)
        self.owners = cluster.conninfo(name, OWNER)
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

    def undo(self, query, *args):
        """As sql(), for what nobody may do to a job while a daemon is alive: what a failover undoes,
        or others of ours have done. To the guard it is one of ours; the triggers follow."""
        self.sql("SET application_name = 'registry-job: a test'")
        try:
            return self.sql(query, *args)
        finally:
            self.sql("SET application_name = 'test'")

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
        return self.lines("SELECT id, co_id, status, assigned_pid AS pid, start_after_time AS after,"
                          " start_time AS start, finish_time AS finish, left(plugin, 30) AS plugin,"
                          " left(finish_summary, 70) AS summary FROM public.jobs"
                          " WHERE job_id IS NULL ORDER BY id DESC LIMIT 30")

    def lines(self, query):
        return "\n".join(" ".join(f"{k}={v}" for k, v in row.items()) for row in self.sql(query))

    def report(self):
        """Titles and texts: the jobs, what keeps them from starting, and who is connected. What a test has
        locked is not waited for."""
        self.sql("SET lock_timeout = '2s'; SET statement_timeout = '5s'")
        with contextlib.suppress(psycopg2.Error):
            yield "jobs", self.dump()
        for title, query in {
            "queue": "SELECT * FROM jobd.queue ORDER BY job_id LIMIT 30",
            "lanes": "SELECT * FROM jobd.lane ORDER BY co_id LIMIT 30",
            "supervisors": "SELECT s.*, (SELECT string_agg(m.model || ' ' || m.generation, ', ')"
                           " FROM jobd.model m WHERE m.supervisor_id = s.id) AS models"
                           " FROM jobd.supervisor s ORDER BY id LIMIT 30",
            "sessions": "SELECT pid, application_name AS name, state, wait_event AS waits,"
                        " now() - xact_start AS xact, pg_blocking_pids(pid) AS behind,"
                        " left(query, 200) AS query FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        }.items():
            with contextlib.suppress(psycopg2.Error):
                yield title, self.lines(query)


ADOPT = """UPDATE jobd.origin SET database_oid = d.oid
             FROM pg_database d WHERE d.datname = current_database()"""


def new_database(request, cluster, template):
    name = next(cluster.names)
    cluster.admin(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")
    database = Database(cluster, name)
    if template == "template":
        database.sql(ADOPT)
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


def without_jobs(db):
    """The database without the shipped jobs and their history."""
    db.sql("DELETE FROM public.job_history_records")
    db.sql("UPDATE public.jobs SET requeued_from_job_id = NULL, job_id = NULL")
    db.sql("DELETE FROM public.jobs")
    return db


@pytest.fixture
def empty_queue(db):
    return without_jobs(db)


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
        # w[4]: the start ticks of the process, which only the soak lives long enough to need.
        events = [(w[0], int(w[1]), int(w[2]), int(w[3]), self.epoch + int(w[5]), " ".join(w[6:]))
                  for w in lines]
        return sorted(events, key=lambda event: event[4])

    def begun(self):
        return [event[1] for event in self.events() if event[0] == "begin"]

    def ended(self):
        return [event[1] for event in self.events() if event[0] == "end"]

    def check_one_at_a_time(self, killed=()):
        """Law 1 as the plugins saw it: in each CO, begin and end alternate, but for jobs whose
        process was killed."""
        running = {}
        for what, job, co, pid, _, _ in self.events():
            if what == "begin":
                assert running.get(co) is None, f"CO {co}: job {job} beside {running[co]}"
                running[co] = None if job in killed else (job, pid)
            elif job not in killed:  # it may have come to its end all the same
                assert running.get(co) == (job, pid)
                running[co] = None


@pytest.fixture
def trace(tmp_path):
    tmp_path.chmod(0o1777)
    return Trace(tmp_path / "trace")


# ---- the daemon ----

def write_config(path, exec_models=(), limits=None, quarantine=None, registry=None, **settings):
    """`limits`: {"": {"memory": "64M"}, "Plugin.Model": {...}}, a section for each name; `quarantine`
    alike; `registry`: keys of [registry]."""
    sections = {}
    for key, value in settings.items():
        if value is not None:
            sections.setdefault(SECTIONS[key], []).append(f"{key} = {value}\n")
    with open(path, "w", encoding="utf-8") as file:
        for name, lines in sections.items():
            file.write(f"[{name}]\n" + "".join(lines))
        if registry:
            file.write("[registry]\n" + "".join(f"{k} = {v}\n" for k, v in registry.items()))
        for section, blocks in (("limits", limits), ("quarantine", quarantine)):
            for name, keys in (blocks or {}).items():
                file.write(f'[{section} "{name}"]\n' if name else f"[{section}]\n")
                file.write("".join(f"{k} = {v}\n" for k, v in keys.items()))
        for name, keys in dict(exec_models).items():
            file.write(f'[exec "{name}"]\n' + "".join(f"{k} = {v}\n" for k, v in keys.items()))
    return path


class Daemon:
    """One registry-jobd."""

    def __init__(self, name, config, log_path, env=None, settings=None, exec_models=(), prefix=(),
                 program=None):
        self.name = name
        self.config = config
        self.log_path = log_path
        self.settings = settings or {}
        self.exec_models = exec_models
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, str(program or DAEMON), "--config", str(config)], stdin=subprocess.DEVNULL,
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

    def dump(self):
        """The daemon and its children: state, what each waits for in the kernel, its title."""
        return subprocess.run(["ps", "-o", "pid,stat,etimes,wchan:30,args", "-p", str(self.pid),
                               "--ppid", str(self.pid)], capture_output=True, text=True,
                              check=False).stdout

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

    def start(ready=True, env=None, exec_models=(), prefix=(), program=None, **settings):
        name = f"daemon-{len(daemons) + 1}"
        settings = {**DEFAULTS, "conninfo": db.conninfo, **settings}
        config = write_config(tmp_path / f"{name}.conf", exec_models, **settings)
        started = Daemon(name, config, tmp_path / f"{name}.log", env, settings, exec_models,
                         prefix, program)
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


class OtherUser:
    """An ordinary user, whom limits and permissions bind: as root runs the daemon for a test."""

    def __init__(self, directory):
        self.uid = 64211 if os.geteuid() == 0 else os.geteuid()  # 64211: nobody's
        self.dir = directory
        self.config = directory / "daemon.conf"
        self.prefix = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}",
                       "--clear-groups"] if os.geteuid() == 0 else []


@pytest.fixture
def other_user(monkeypatch):
    """The daemon of this test runs as an ordinary user, who gets a copy of its configuration."""
    for path in (DAEMON, PLUGINS):
        for part in (path, *path.parents):
            if os.geteuid() == 0 and not part.stat().st_mode & 0o001:
                pytest.skip(f"{part} is not open to other users, as whom root runs the daemon")
    with tempfile.TemporaryDirectory(prefix="rj-user.", dir="/tmp") as name:
        user = OtherUser(pathlib.Path(name))
        user.dir.chmod(0o755)
        wrapper = user.dir / "daemon"
        wrapper.write_text(f'#!/bin/sh\ninstall -m 644 "$2" {user.config}\n'
                           f"exec {' '.join(user.prefix)} {DAEMON} --config {user.config}\n")
        wrapper.chmod(0o755)
        monkeypatch.setitem(globals(), "DAEMON", wrapper)
        yield user


# ---- the command ----

def new_id(done):
    """The id that a registration has printed."""
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[0])


def run_command(config, *args, timeout=30, prefix=(), program=None, **kwargs):
    return subprocess.run([*prefix, str(program or COMMAND), "--config", str(config), *map(str, args)],
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


class Terminal:
    """The command, with a terminal for all that it reads and writes."""

    def __init__(self, command, *args, columns=80, **env):
        self.main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen([*command.argv, *map(str, args)], stdin=other, stdout=other,
                                        stderr=other, start_new_session=True,
                                        env={**os.environ, "TERM": "xterm", **env})
        os.close(other)
        os.set_blocking(self.main, False)
        self.shown = ""

    def read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.main, 65536):
                self.shown += data.decode()

    def wait_for(self, words):
        def has():
            self.read()
            return words in self.shown
        wait_for(has, what=words)

    def type(self, text):
        os.write(self.main, text.encode())

    def end(self):
        """The exit code. What was shown is in lines()."""
        def has_ended():
            self.read()
            return self.process.poll() is not None
        wait_for(has_ended)
        self.read()
        os.close(self.main)
        return self.process.returncode

    def lines(self):
        return self.shown.replace("\r\n", "\n").splitlines()


@pytest.fixture
def rng():
    """Random, and said which: a failure can be had again with RJ_SEED."""
    seed = int(os.environ.get("RJ_SEED") or random.SystemRandom().randrange(2**32))
    print(f"RJ_SEED={seed}")
    return random.Random(seed)
