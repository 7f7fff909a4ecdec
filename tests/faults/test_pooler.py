"""PgBouncer between the daemon and PostgreSQL; and a daemon that does without notifications."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2
import pytest
from conftest import LOGIN, SLOW, run_command, wait_for
from lab import add_all, check_lanes, watchdog  # noqa: F401
from laws import wait_seconds

REFUSAL = r"(?i)pooler|pgbouncer"
LISTEN = "LISTEN registry_jobd"


def find_pgbouncer():
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class PgBouncer:
    """In a directory of its own, on a socket only."""

    def __init__(self, cluster, mode, **settings):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="rj-between-", dir="/tmp"))
        self.dir.chmod(0o755)
        self.config = self.dir / "pgbouncer.ini"
        self.users = self.dir / "users"
        self.users.write_text(f'"postgres" ""\n"{LOGIN}" ""\n')
        self.process = None
        self.cluster = cluster
        self.settings = "".join(f"{key} = {value}\n" for key, value in settings.items())
        if os.geteuid() == 0:
            for path in (self.dir, self.users):
                shutil.chown(path, "postgres")
        self.write(mode)
        self.start()

    def write(self, mode):
        self.config.write_text(
            f"[databases]\n* = host={self.cluster.dir}\n"
            f"[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {self.dir}\n"
            f"auth_type = trust\nauth_file = {self.users}\nadmin_users = postgres\n"
            f"pool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n"
            "default_pool_size = 20\nmax_client_conn = 100\nserver_login_retry = 1\n"
            f"logfile = {self.dir}/log\n{self.settings}")

    def start(self):
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen([*as_postgres, find_pgbouncer(), "-q", str(self.config)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd="/")
        wait_for(lambda: self.listens() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.dir / "log").read_text()

    def listens(self):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as conn:
            return conn.connect_ex(str(self.dir / ".s.PGSQL.6432")) == 0

    @contextlib.contextmanager
    def console(self):
        conn = psycopg2.connect(f"host={self.dir} port=6432 dbname=pgbouncer user=postgres")
        conn.autocommit = True
        with contextlib.closing(conn):
            yield conn.cursor()

    def reload(self, mode):
        """Another mode, for clients that connect from now on."""
        self.write(mode)
        with self.console() as console:
            console.execute("RELOAD")

    def idle_servers(self, database):
        with self.console() as console:
            console.execute("SHOW SERVERS")
            names = [column.name for column in console.description]
            rows = [dict(zip(names, row)) for row in console.fetchall()]
        return sum(row["database"] == database and row["state"] in ("idle", "used")
                   for row in rows)

    def conninfo(self, database):
        return f"host={self.dir} port=6432 dbname={database} user={LOGIN}"

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()  # at once: SIGTERM is PgBouncer's immediate shutdown
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def pooler(db):
    """pooler(mode, **settings): a PgBouncer in front of the test's database."""
    if not find_pgbouncer():
        pytest.skip("needs PgBouncer")
    made = []

    def make(mode, **settings):
        made.append(PgBouncer(db.cluster, mode, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_pooler_is_what_it_says(db, pooler):
    """Transaction mode shares servers between sessions, session mode does not: the tests below
    test something."""
    for mode, shared in (("session", False), ("transaction", True)):
        conninfo = pooler(mode).conninfo(db.name)
        conns = [psycopg2.connect(conninfo) for _ in range(2)]
        pids = set()
        for conn in conns:
            with conn, conn.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.add(cursor.fetchone()[0])
        assert len(pids) == (1 if shared else 2)
        for conn in conns:
            conn.close()


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_refused(empty_queue, daemon, pooler, cos, trace, watchdog, mode):
    """The supervisor refuses a pooler that shares servers, in one line that says what to do; jobs
    wait. When the pooler's mode is right, they run."""
    db = empty_queue
    bouncer = pooler(mode)
    running = daemon(ready=False, env=watchdog.env(), conninfo=bouncer.conninfo(db.name),
                     heartbeat="1s", sweep="1s")
    job, = add_all(db, [(cos(1)[0], {"trace": trace.path})])
    print(f"injected: PgBouncer, pool_mode = {mode}")
    wait_for(lambda: running.count(REFUSAL) or running.process.poll() is not None)
    if running.process.poll() is None:
        wait_seconds(db, 3)  # several attempts later
    lines = [line for line in running.log().splitlines() if line[:3] in ("<3>", "<4>")]
    assert len(lines) == 1, running.log()
    assert "session" in running.log(), "the remedy is not named"
    assert db.status(job) == "Q" and not running.count("ready: ")
    print(f"checked: one line: {lines[0]}")
    if running.process.poll() is not None:
        assert running.process.returncode == 78
        return
    bouncer.reload("session")
    bouncer.stop()
    bouncer.start()
    assert db.wait_final(job, timeout=30)[0]["status"] == "OK"
    watchdog.check()
    assert running.stop() == 0


@pytest.mark.parametrize("servers", [1, 2, 3, 4])
def test_refused_in_a_round(empty_queue, daemon, pooler, command, tmp_path, servers):
    """A pooler that gives its servers out in turns is recognised, however many it has; by the
    doctor as well."""
    db = empty_queue
    bouncer = pooler("transaction", server_round_robin=1)
    conninfo = bouncer.conninfo(db.name)
    conns = [psycopg2.connect(conninfo) for _ in range(servers)]
    pids = set()
    for conn in conns:  # each in a transaction
        with contextlib.closing(conn.cursor()) as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.add(cursor.fetchone()[0])
    assert len(pids) == servers
    for conn in conns:
        conn.rollback()  # or its server would not be given to anybody else
        conn.close()
    wait_for(lambda: bouncer.idle_servers(db.name) == servers)
    print(f"injected: PgBouncer, server_round_robin = 1, with {servers} idle servers")
    running = daemon(ready=False, conninfo=conninfo)
    running.wait_log(REFUSAL)
    assert not running.count("ready: ")
    config = tmp_path / "pooler.conf"
    config.write_text(pathlib.Path(command.config).read_text().replace(db.conninfo, conninfo))
    done = run_command(config, "doctor")
    assert done.returncode == 1 and re.search("^error +pooler ", done.stdout, re.MULTILINE), done
    print("checked: refused by the daemon, an error for the doctor")


def test_command_behind_a_pooler(empty_queue, pooler, command, cos, tmp_path):
    """The command does not care for the mode, or says why not."""
    db = empty_queue
    bouncer = pooler("transaction")
    config = tmp_path / "pooler.conf"
    config.write_text(pathlib.Path(command.config).read_text().replace(
        db.conninfo, bouncer.conninfo(db.name)))
    job, = add_all(db, [(cos(1)[0], {})])
    done = subprocess.run([command.argv[0], "--config", str(config), "show", str(job)],
                          capture_output=True, text=True, timeout=30 * SLOW, check=False)
    assert done.returncode == 0 and str(job) in done.stdout or \
        "pooler" in done.stderr.lower(), done
    print("checked: show works behind a pooler in transaction mode, or says why not")


def test_command_leaves_no_mark_on_a_shared_server(empty_queue, pooler, command, tmp_path):
    """Behind a pooler that shares servers a command must not make one of ours of whoever comes next:
    there the triggers do its work, and the guard knows it by its application_name."""
    db = empty_queue
    bouncer = pooler("transaction", server_round_robin=1)
    conninfo = bouncer.conninfo(db.name)
    config = tmp_path / "pooler.conf"
    config.write_text(pathlib.Path(command.config).read_text().replace(
        db.conninfo, conninfo + " application_name=mine"))
    done = run_command(config, "-c", 2, "-j", "Example.NoopJob")
    assert done.returncode == 0, done.stderr
    job = db.value("SELECT max(id) FROM public.jobs")
    assert db.value("SELECT count(*) FROM jobd.queue") == 1
    assert run_command(config, "cancel", job).returncode == 0
    assert db.status(job) == "CX" and not db.value("SELECT count(*) FROM jobd.queue")
    with contextlib.closing(psycopg2.connect(conninfo)) as conn:
        for _ in range(4):
            with conn, conn.cursor() as cursor:
                cursor.execute("SELECT current_setting('jobd.writer', true)")
                assert not cursor.fetchone()[0]


def test_session_mode(empty_queue, daemon, pooler, cos, trace, watchdog):
    """Session mode works in full: order, records, notifications, cancels; and the pooler may be
    restarted."""
    db = empty_queue
    bouncer = pooler("session")
    running = daemon(env=watchdog.env(), conninfo=bouncer.conninfo(db.name), lease="1min")
    ids = cos(6)
    jobs = add_all(db, [(co, {"trace": trace.path, "records": 1, "sleep_ms": 5})
                        for _ in range(10) for co in ids])
    assert {row["status"] for row in db.wait_final(*jobs, timeout=30)} == {"OK"}
    check_lanes(trace)
    job, = add_all(db, [(ids[0], {"trace": trace.path, "sleep_ms": 600000})])
    wait_for(lambda: job in trace.begun())
    db.cancel(job)
    wait_for(lambda: job in trace.ended())
    print("checked: order, records, notifications and a cancel through PgBouncer")
    bouncer.stop()
    print("injected: PgBouncer restarted")
    running.wait_log("no connection to the database")
    bouncer.start()
    running.wait_log("connected to the database again")
    job, = add_all(db, [(ids[0], {"trace": trace.path})])
    assert db.wait_final(job)[0]["status"] == "OK"
    watchdog.check()
    assert running.stop() == 0


# ---- [database] listen = no ----

@pytest.fixture
def statements(empty_queue):
    """All statements of the daemon from now on, as the server's log has them."""
    db = empty_queue
    log = db.cluster.dir / "log"
    db.cluster.admin(f"ALTER DATABASE {db.name} SET log_statement = 'all'")
    start = log.stat().st_size

    def read():
        with open(log, "rb") as file:
            file.seek(start)
            return [line for line in file.read().decode(errors="replace").splitlines()
                    if f" {db.name} " in line]
    return read


def test_listen_no(statements, empty_queue, daemon, cos, trace, watchdog):
    """Without notifications: jobs start by the sweep, a cancel arrives by the poll, delayed jobs
    start when they are due, order holds; and no LISTEN is sent."""
    db = empty_queue
    running = daemon(env=watchdog.env(), listen="no", sweep="1s", cancel_poll="1s", workers=3)
    ids = cos(4)
    jobs = add_all(db, [(co, {"trace": trace.path, "records": 1}) for _ in range(5) for co in ids])
    assert {row["status"] for row in db.wait_final(*jobs, timeout=15)} == {"OK"}
    check_lanes(trace)
    print("checked: jobs start by the sweep")

    job, = add_all(db, [(ids[0], {"trace": trace.path, "sleep_ms": 600000})])
    wait_for(lambda: job in trace.begun(), 5)
    start = time.monotonic()
    db.cancel(job)
    wait_for(lambda: job in trace.ended(), 5)
    assert db.status(job) == "CX"
    print(f"checked: a cancel arrives by the poll, after {time.monotonic() - start:.1f} s")

    delayed, = add_all(db, [(ids[1], {"trace": trace.path})], delay=3)
    row, = db.wait_final(delayed, timeout=15)
    late = (row["start_time"] - row["start_after_time"]).total_seconds()
    assert 0 <= late <= 1 + 1 * SLOW
    print(f"checked: a delayed job starts {late:.0f} s after its time")

    # Two COs share a worker's turns as before, and the daemon ends as before.
    last = add_all(db, [(co, {"trace": trace.path, "sleep_ms": 20}) for _ in range(3)
                        for co in ids])
    db.wait_final(*last, timeout=15)
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    seen = statements()
    assert len(seen) > 100, "the statements were not logged"
    assert not [line for line in seen if LISTEN in line]
    print(f"checked: no LISTEN among {len(seen)} lines of the server's log")
    watchdog.check()


def test_listen_no_finds_jobs_only_by_the_sweep(empty_queue, daemon, cos, trace):
    """The other side of it: what was there at the start is found, and nothing later, for an hour."""
    db = empty_queue
    first, = add_all(db, [(cos(1)[0], {"trace": trace.path})])
    daemon(listen="no")
    db.wait_final(first)
    db.wait_idle()
    wait_seconds(db, 1)  # it looks twice at the start
    job, = add_all(db, [(cos(1)[0], {"trace": trace.path})])
    wait_seconds(db, 1)
    assert db.status(job) == "Q"


def test_listen_yes_sends_it(statements, empty_queue, daemon):
    """As a check of the check above."""
    daemon()
    wait_for(lambda: [line for line in statements() if LISTEN in line])


@pytest.mark.parametrize("mode", ["transaction"])
def test_listen_no_is_no_remedy(empty_queue, daemon, pooler, cos, trace, mode):
    """Polling needs no LISTEN, but a session of its own still: either it works behind such a
    pooler, with all guards, or it is refused as well."""
    db = empty_queue
    bouncer = pooler(mode)
    running = daemon(ready=False, listen="no", sweep="1s", conninfo=bouncer.conninfo(db.name))
    ids = cos(3)
    jobs = add_all(db, [(co, {"trace": trace.path}) for _ in range(3) for co in ids])
    wait_for(lambda: running.count(REFUSAL) or running.process.poll() is not None
             or {row["status"] for row in db.live()} == {"OK"})
    if running.count(REFUSAL):
        assert {db.status(job) for job in jobs} == {"Q"}
    check_lanes(trace)
