"""Law 13: whatever becomes of clocks, and of copies of the database, nobody who lives is taken for dead,
and whoever is dead is not waited for longer. The server's clock is libfaketime's, and can be set."""
import glob
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from chaos import is_gone
from conftest import (ADOPT, DEFAULTS, OWNER, SLOW, Cluster, Daemon, Database, drop_database,
                      make_templates, run_command, wait_for, write_config)
from lab import Namespace, missing
from laws import COUNT, wait_begun

LEASE = round(4 * SLOW)
FAST = {"heartbeat": "1s", "lease": f"{LEASE}s", "sweep": "1s"}
# A lease, its margin, two looks of an observer, a fork.
TAKEOVER = LEASE / SLOW * 1.1 + 10
HOUR = 3600


class SettableCluster(Cluster):
    """A PostgreSQL whose clock can be set. Its intervals go on as those of the host."""

    def __init__(self):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not libraries:
            pytest.skip("no libfaketime")
        self.directory = Path(tempfile.mkdtemp(prefix="rj-clock-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.set(0)
        self.env = {**os.environ, "LD_PRELOAD": libraries[0], "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_TIMESTAMP_FILE": str(self.directory / "clock"),
                    "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        super().__init__()

    def set(self, seconds):
        """Ahead of the host's clock, or behind it."""
        new = self.directory / "new"
        new.write_text(f"{seconds:+d}s\n", encoding="ascii")
        new.rename(self.directory / "clock")

    def remove(self):
        super().remove()
        for path in self.directory.iterdir():
            path.unlink()
        self.directory.rmdir()


@pytest.fixture(scope="module", name="cluster")
def settable_cluster():
    cluster = SettableCluster()
    try:
        make_templates(cluster)
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(autouse=True)
def right_clock(cluster):
    cluster.set(0)
    yield
    cluster.set(0)


@pytest.fixture
def other_host():
    """What a daemon or command is started with, so that it runs on a host of another name."""
    if missing():
        pytest.skip(missing())
    namespace = Namespace("other.example")
    yield namespace.enter
    namespace.close()


def set_clock(cluster, db, seconds):
    """And the server has seen it."""
    before = db.value("SELECT clock_timestamp()")
    cluster.set(seconds)
    wait_for(lambda: abs((db.value("SELECT clock_timestamp()") - before).total_seconds()) > abs(seconds) / 2)
    print(f"injected: the server's clock, set by {seconds} s")


def renewals(db, daemon):
    return db.value("SELECT renewals FROM jobd.supervisor WHERE pid = %s", daemon.pid)


def wait_leases(db, daemon, n):
    """For so many leases of the daemon's own clock: it renews once a second."""
    before = renewals(db, daemon)
    wait_for(lambda: renewals(db, daemon) >= before + n * LEASE + 2, n * LEASE + 10)


@pytest.fixture
def fake(db):
    """fake(co): a daemon of another host that renews nothing, and holds the lane of a CO. Its id."""
    def add(co=None, seen="clock_timestamp()", lease=LEASE):
        row = db.value(
            "INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease,"
            f" job_id, seen) VALUES (1, 'daemon', 'far.example', 7, 'b', 1, '', 1, %s, 0, {seen}) RETURNING id",
            f"{lease} s")
        if co:
            db.sql("INSERT INTO jobd.lane (co_id, supervisor_id, worker_pid, worker_ticks, token, since)"
                   " VALUES (%s, %s, 78, 1, %s, clock_timestamp())", co, row, co)
        return row
    return add


# ---- the server's clock is set ----

@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 40 * 24 * HOUR])
def test_set_while_all_live(cluster, empty_queue, daemon, other_host, add_job, trace, seconds):
    """Two hosts, and the clock is set: nobody is condemned, jobs go on, and none runs beside another."""
    db = empty_queue
    one = daemon(prefix=other_host, **FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "count": 1000, "sleep_ms": 50})
    wait_begun(trace, job)
    two = daemon(**FAST)
    wait_for(lambda: renewals(db, two))
    following = add_job(2, COUNT, {"trace": trace.path})
    before = db.sql("SELECT id, token FROM jobd.supervisor ORDER BY id")
    set_clock(cluster, db, seconds)
    wait_leases(db, two, 2)
    assert db.sql("SELECT id, token FROM jobd.supervisor ORDER BY id") == before
    assert [db.status(job), db.status(following)] == ["GO", "Q"]
    assert not (one.count("is dead|taken|took|lease") or two.count("is dead|took|lease"))
    db.cancel(job)
    assert db.wait_final(following)[0]["status"] == "OK"
    assert db.wait_final(add_job(3))[0]["status"] == "OK"
    trace.check_one_at_a_time()


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_set_when_a_host_dies(cluster, empty_queue, daemon, other_host, add_job, trace, seconds):
    """A host dies and the clock is set: others take its lane over after a lease, not before, and not an
    hour later."""
    db = empty_queue
    one = daemon(prefix=other_host, **FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 600000}, retry_interval=3600)
    wait_begun(trace, job)
    two = daemon(**FAST)
    wait_leases(db, two, 0)
    following = add_job(2, COUNT, {"trace": trace.path})
    one.kill()
    died = time.monotonic()
    set_clock(cluster, db, seconds)
    rows = db.wait_final(job, following, timeout=TAKEOVER)
    # Its last renewal was up to a second, and more under load, before it died.
    assert time.monotonic() - died > LEASE - 2 * SLOW
    assert [row["status"] for row in rows] == ["X", "OK"]
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", job) == 1


@pytest.mark.parametrize("seconds", [-10, -2 * 24 * HOUR, HOUR])
@pytest.mark.parametrize("who", ["supervisor", "worker"])
def test_set_within_a_turn(cluster, empty_queue, daemon, add_job, trace, seconds, who):
    """Law 4: the clock is set between two jobs of a turn, and then it crashes: the second is settled,
    though it began before the turn did by the database's times."""
    db = empty_queue
    running = daemon(workers=1)
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1500})
    second = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"}, retry_interval=3600)
    wait_begun(trace, first)
    set_clock(cluster, db, seconds)
    wait_begun(trace, second)
    row = db.job(second)
    if who == "worker":
        os.kill(row["assigned_pid"], 9)
    else:
        running.kill()
        daemon()
    row, = db.wait_final(second)
    assert row["status"] == "X" and row["finish_summary"].startswith("terminated unexpectedly")
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", second) == 1
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert trace.begun() == [first, second]


def test_set_back_and_asked(cluster, empty_queue, daemon, command, add_job, trace):
    """The clock is set back within a turn: `why` and `doctor` still know whose job it is, and `settle`
    does not end it."""
    db = empty_queue
    daemon(workers=1, **FAST)
    jobs = [add_job(2, COUNT, {"trace": trace.path, "count": 1, "sleep_ms": 1500}),
            add_job(2, COUNT, {"trace": trace.path, "count": 1000, "sleep_ms": 50})]
    wait_begun(trace, jobs[0])
    set_clock(cluster, db, -2 * 24 * HOUR)
    wait_begun(trace, jobs[1])
    wait_for(lambda: db.status(jobs[1]) == "GO")
    assert '"running"' in command("why", jobs[1], "--json").stdout
    assert "nobody of ours" not in command("doctor").stdout
    assert "runs" in command("settle", jobs[1], "--force").stderr
    assert db.status(jobs[1]) == "GO"
    db.cancel(jobs[1])


# ---- observers ----

def test_fresh_observer(empty_queue, daemon, fake, add_job):
    """A daemon that has just started knows nobody to be dead, whatever the clock of the database says of
    him, until it has watched him for a lease."""
    db = empty_queue
    row = fake(co=2, seen="clock_timestamp() - interval '1 day'")
    job = add_job(2)
    started = time.monotonic()
    running = daemon(**FAST)
    running.wait_log(f"supervisor {row} .* is dead", TAKEOVER)
    assert time.monotonic() - started >= LEASE
    assert db.wait_final(job)[0]["status"] == "OK"


def test_counts_of_another_connection(empty_queue, daemon, fake):
    """What was seen before a new connection does not count: the database may be another one."""
    db = empty_queue
    running = daemon(**FAST)
    row = fake()
    wait_leases(db, running, 0)
    assert not running.count("is dead")
    cut_at = time.monotonic()
    assert db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name ="
                    " 'registry-jobd supervisor' AND datname = current_database()")
    print("injected: the supervisor's connection cut")
    running.wait_log(f"supervisor {row} .* is dead", TAKEOVER)
    assert time.monotonic() - cut_at >= LEASE


def test_odd_rows_stop_nobody(empty_queue, daemon, fake, add_job):
    """Law 14: rows with times that no clock has keep nobody from finding those that are dead."""
    db = empty_queue
    for seen, lease in (("'infinity'", 5), ("'-infinity'", 5), ("clock_timestamp()", 10**12),
                        ("clock_timestamp()", -5)):
        fake(seen=seen, lease=lease)
    row = fake(co=2)
    job = add_job(2)
    running = daemon(**FAST)
    running.wait_log(f"supervisor {row} .* is dead", TAKEOVER)
    assert db.wait_final(job)[0]["status"] == "OK"
    # The one with a lease of an hour, which is as long as a lease is believed to be.
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor") == 2, TAKEOVER)


def test_several_observers(empty_queue, daemon, fake, add_job):
    """Three daemons see the same death: it is settled once, and all of them live."""
    db = empty_queue
    three = [daemon(**FAST) for _ in range(3)]
    fake(co=2)
    job = add_job(2, status="GO", assigned_host="far.example", assigned_pid=78,
                  actor_identifier="registry-jobd", retry_interval=3600)
    assert db.wait_final(job, timeout=TAKEOVER)[0]["status"] == "X"
    for one in three:
        wait_leases(db, one, 1)
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", job) == 1
    assert db.value("SELECT count(*) FROM jobd.supervisor") == 3
    assert sum(one.count(rf"job {job}: failed") for one in three) == 1


def test_daemon_of_the_version_before(empty_queue, daemon, fake):
    """One that writes when it was seen, and counts nothing, lives; when it ends it is dead."""
    db = empty_queue
    running = daemon(**FAST)
    row = fake()

    def renew():
        db.sql("UPDATE jobd.supervisor SET seen = clock_timestamp() WHERE id = %s", row)
        return renewals(db, running)
    before = renewals(db, running)
    wait_for(lambda: renew() > before + 2 * LEASE, 2 * LEASE + 20, interval=0.2)
    assert not running.count("is dead")
    running.wait_log(f"supervisor {row} .* is dead", TAKEOVER)


def test_drain_says_what_it_left_alone(empty_queue, command, fake, add_job):
    """`registry-job -r` does not stay for a lease: it says which COs it left alone, and ends."""
    db = empty_queue
    fake(co=2, seen="clock_timestamp() - interval '1 hour'")
    fake(co=4)
    left, run, other, idle = add_job(2), add_job(3), add_job(4), add_job(5, delay=3600)
    done = command("-r", "-c", "all")
    assert done.returncode == 0, done.stderr
    assert [db.status(job) for job in (left, run, other, idle)] == ["Q", "OK", "Q", "Q"]
    said = re.findall(r"CO (\d+) was left alone: a daemon on far.example \(PID 7\)(.*)", done.stderr)
    assert [co for co, _ in said] == ["2", "4"], done.stderr
    assert "if it is dead" in said[0][1] and "if it is dead" not in said[1][1]
    done = command("-r", "-c", 4)
    assert re.findall(r"CO (\d+) was left alone", done.stderr) == ["4"]


def test_drain_settles_who_is_gone(empty_queue, daemon, command, add_job, trace):
    """A daemon that died on this host is dead at once, for a drain, too."""
    db = empty_queue
    running = daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_begun(trace, job)
    pid = db.job(job)["assigned_pid"]
    running.kill()
    wait_for(lambda: is_gone(pid))
    following = add_job(2)
    done = command("-r", "-c", "all")
    assert [db.status(job), db.status(following)] == ["X", "OK"], done.stderr
    assert "left alone" not in done.stderr


# ---- copies of the database ----

@pytest.fixture
def copy(db, cluster):
    """copy(): a copy of the database, made by pg_dump and psql."""
    made = []

    def make():
        database = Database(cluster, next(cluster.names))
        cluster.admin(f"CREATE DATABASE {database.name} OWNER {OWNER}")
        made.append(database)
        dumped = subprocess.run([cluster.bin / "pg_dump", "-Fc", "-d", cluster.conninfo(db.name, "postgres")],
                                check=True, timeout=60, stdin=subprocess.DEVNULL, capture_output=True)
        subprocess.run([cluster.bin / "pg_restore", "-d", cluster.conninfo(database.name, "postgres")],
                       input=dumped.stdout, check=True, timeout=60, capture_output=True)
        database.sql(ADOPT)
        return database

    yield make
    for database in made:
        drop_database(database)


def start_on(database, tmp_path):
    settings = {**DEFAULTS, "conninfo": database.conninfo, **FAST}
    config = write_config(tmp_path / "copy.conf", **settings)
    return config, lambda: Daemon("copy", config, tmp_path / "copy.log", settings=settings)


def test_daemon_on_a_copy(empty_queue, daemon, copy, add_job, trace, tmp_path):
    """A dump is restored beside the original, and a daemon started there: it settles the rows of the copy,
    after a lease, and touches no process of the original."""
    db = empty_queue
    running = daemon(**FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "count": 10000, "sleep_ms": 50})
    wait_begun(trace, job)
    db.wait_status(job, "GO")
    pid = db.job(job)["assigned_pid"]
    staging = copy()
    assert staging.status(job) == "GO"
    _, start = start_on(staging, tmp_path)
    other = start().wait_ready()
    try:
        print("injected: a daemon on a copy of the database")
        assert staging.wait_final(job, timeout=TAKEOVER)[0]["status"] == "X"
        wait_leases(db, running, 1)
        assert not is_gone(pid) and db.status(job) == "GO"
        assert not running.count("died|took|lease")
    finally:
        other.kill()
    db.cancel(job)


def test_drain_on_a_copy(empty_queue, daemon, copy, add_job, trace, tmp_path):
    """`registry-job -r` on a copy leaves the original's lanes there alone, and its processes."""
    db = empty_queue
    running = daemon(**FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "count": 10000, "sleep_ms": 50})
    wait_begun(trace, job)
    pid = db.job(job)["assigned_pid"]
    staging = copy()
    with staging.conn.cursor() as cursor:
        cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, created) VALUES"
                       " (2, 'Example.NoopJob', 'Q', now())")
    config, _ = start_on(staging, tmp_path)
    done = run_command(config, "-r", "-c", "all")
    assert done.returncode == 0 and "CO 2 was left alone" in done.stderr, done.stderr
    assert not is_gone(pid) and db.status(job) == "GO" and not running.count("died|took|lease")
    db.cancel(job)


# ---- PID namespaces ----

SPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--")


def pids_within(daemon):
    """{PID as the namespace sees it: PID here} of the workers of a daemon in SPACE."""
    def children(pid):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def within(pid):
        return int(re.search(r"NSpid:.*\s(\d+)\n", Path(f"/proc/{pid}/status").read_text())[1])
    return {within(pid): pid for supervisor in children(daemon.pid) for pid in children(supervisor)}


@pytest.fixture
def foreground(command):
    """foreground(pid, *args): `registry-job -s` with that PID, in a PID namespace of its own."""
    processes = []

    def start(pid, *args):
        script = f'echo {pid - 1} >/proc/sys/kernel/ns_last_pid; "$@" & wait'
        processes.append(subprocess.Popen([*SPACE, "sh", "-c", script, "sh", *command.argv, *map(str, args)],
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="PID namespaces need root")
@pytest.mark.parametrize("co", [2, 3])
@pytest.mark.parametrize("dies", ["worker", "command"])
def test_equal_pids(empty_queue, daemon, foreground, add_job, trace, dies, co):
    """Law 3: in two PID namespaces of one host a worker and a command have the same PID, and one of them
    dies: its job is settled, and the other's goes on. In one CO, and in two."""
    db = empty_queue
    running = daemon(prefix=SPACE, workers=1, **FAST)
    ours = add_job(2, COUNT, {"trace": trace.path, "count": 200, "sleep_ms": 50})
    wait_begun(trace, ours)
    pid = db.wait_status(ours, "GO")["assigned_pid"]
    process = foreground(pid, "-c", co, "-j", COUNT, "-s", "count=200", "sleep_ms=50")
    theirs = wait_for(lambda: db.value("SELECT id FROM public.jobs WHERE status = 'GO' AND id <> %s", ours))
    assert db.job(theirs)["assigned_pid"] == pid and db.job(theirs)["assigned_host"] == db.job(ours)["assigned_host"]
    if dies == "worker":
        os.kill(pids_within(running)[pid], 9)
        dead, living = ours, theirs
    else:
        process.kill()
        db.sql("UPDATE jobd.supervisor SET lease = '3 s' WHERE kind = 'command'")
        dead, living = theirs, ours
    print(f"injected: the {dies} killed, while PID {pid} of the other namespace runs a job")
    assert db.wait_final(dead, timeout=TAKEOVER)[0]["status"] == "X"
    row, = db.wait_final(living, timeout=30)
    assert row["status"] == "OK", row["finish_summary"]
