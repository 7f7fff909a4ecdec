"""The database dies, hangs, refuses, fills up, changes: jobs go on where they can, none is lost, run
twice or stuck, the supervisor never blocks, and its log stays short."""
import contextlib
import itertools
import os
import shutil
import subprocess

import psycopg2
import pytest
from conftest import LOGIN, SCHEMA, wait_for
from lab import Standby, add_all, check_lanes, power_off, proxy, watchdog  # noqa: F401
from laws import ANY, COUNT, check_steps, cut, wait_begun, wait_seconds

LOST = r"^<3>(no connection to the database|the database refuses the connection)"
BACK = r"connected to the database again"


def check_log(running, lost, others=10):
    """One line for each loss, one for each return; warnings and errors in all not many more."""
    assert (running.count(LOST), running.count(BACK)) == (lost, lost)
    assert not running.count(r"\(\)"), "a reason is missing"
    lines = running.count(r"^<[0-4]>")
    assert lines <= lost + others, f"{lines} warnings"
    print(f"checked: {lost} x lost, {lost} x back, {lines} warnings in all")


def check_ends(rows, trace, uncertain=0):
    """All complete; but for a few that were claimed, and never begun, when the reply was lost."""
    begun, failed = trace.begun(), [row for row in rows if row["status"] != "OK"]
    assert len(begun) == len(set(begun)), "a job ran twice"
    assert {row["id"] for row in rows if row["status"] == "OK"} <= set(trace.ended())
    for row in failed:
        assert row["status"] == "X" and row["id"] not in begun, row
    assert len(failed) <= uncertain, failed
    print(f"checked: {len(rows) - len(failed)} complete, {len(failed)} settled that never began")


# ---- restarts, terminations, refusals ----

@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restart_under_load(server, empty_queue, daemon, cos, trace, watchdog, mode):
    """PostgreSQL is restarted while jobs run and wait. What a plugin does meanwhile is not thrown
    away: it completes, with all its records once."""
    db = empty_queue
    running = daemon(env=watchdog.env(), lease="1min", sweep="1s")
    ids = cos(4)
    long, = add_all(db, [(ids[0], {"trace": trace.path, "count": 40, "sleep_ms": 100,
                                   "records": 3})])
    wait_begun(trace, long)
    short = add_all(db, [(co, {"trace": trace.path, "sleep_ms": 20, "records": 1})
                         for _ in range(20) for co in ids[1:]])
    wait_for(lambda: len(trace.ended()) > 10)
    db.close()
    server.stop(mode)
    print(f"injected: PostgreSQL restarted, {mode}, while 4 jobs ran")
    running.wait_log(LOST)
    wait_for(lambda: set(trace.begun()) - set(trace.ended()) <= {long})
    server.start()
    rows = db.wait_final(long, *short, timeout=40)
    assert rows[0]["status"] == "OK" and rows[0]["finish_summary"] == "counted to 40"
    check_ends(rows, trace, uncertain=3)
    check_lanes(trace)
    check_steps(db, long, 40, 3)
    for job in set(short) & set(trace.ended()):
        check_steps(db, job, 1, 1)
    watchdog.check()
    check_log(running, 1, others=20)


def test_backends_terminated(empty_queue, daemon, cos, trace, watchdog, rng):
    """Connections are cut at random under load: every plugin's work counts, once."""
    db = empty_queue
    daemon(env=watchdog.env(), sweep="1s")
    params = {"trace": trace.path, "count": 3, "sleep_ms": 60, "records": 2}
    ids = cos(5)
    jobs = add_all(db, [(co, params) for _ in range(10) for co in ids])
    cut = 0
    while db.value("SELECT count(*) FROM public.jobs WHERE status IN ('Q', 'A', 'GO')") > 5:
        cut += db.value(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE application_name LIKE 'registry-jobd%%' AND datname = current_database()"
            " ORDER BY random() LIMIT 2) two")
        wait_seconds(db, rng.uniform(0.1, 0.4))
    print(f"injected: {cut} connections cut")
    rows = db.wait_final(*jobs, timeout=30)
    check_ends(rows, trace, uncertain=cut)
    check_lanes(trace)
    for job in trace.ended():
        check_steps(db, job, 3, 2)
    watchdog.check()


@pytest.fixture
def login(empty_queue):
    """A login of the daemon's own role: superusers are not counted."""
    name = f"login_{empty_queue.name}"
    with empty_queue.conn.cursor() as cursor:
        cursor.execute((SCHEMA / "roles.sql").read_text())
        cursor.execute(f"CREATE ROLE {name} LOGIN; GRANT registry_jobd TO {name}")
    return name


def test_role_connection_limit(empty_queue, daemon, cos, add_job, trace, watchdog, login):
    """The role may have two connections, the supervisor's and one for four workers: jobs take
    longer, and that is all."""
    db = empty_queue
    db.sql(f"ALTER ROLE {login} CONNECTION LIMIT 2")
    print("injected: CONNECTION LIMIT 2 for a supervisor and four workers")
    running = daemon(env=watchdog.env(), conninfo=db.cluster.conninfo(db.name, login))
    ids = cos(4)
    jobs = add_all(db, [(co, {"trace": trace.path, "sleep_ms": 20})
                        for _ in range(3) for co in ids])
    check_ends(db.wait_final(*jobs, timeout=40), trace)
    check_lanes(trace)
    watchdog.check()
    check_log(running, 0, others=25)


def hog(db, user, hogs):
    """Opens connections until the server refuses one; returns how many."""
    for n in itertools.count():
        try:
            hogs.append(psycopg2.connect(db.cluster.conninfo(db.name, user)))
        except psycopg2.OperationalError as error:
            assert "too many" in str(error) or "slots" in str(error), error
            return n


def test_too_many_clients(empty_queue, daemon, trace, watchdog, login, cos):
    """Others use up max_connections, just when the daemon has lost all of its own: the running job
    completes when there is room again."""
    db = empty_queue
    co, other = cos(2)
    hogs = []

    def is_out():
        """Not even one that is just being accepted, or has just been terminated."""
        for _ in range(5):
            killed = cut(db, ANY)
            if killed + hog(db, login, hogs):
                return False
            wait_seconds(db, 0.05)
        return True

    try:
        hog(db, login, hogs)
        for _ in range(10):
            hogs.pop().close()
        running = daemon(env=watchdog.env(), lease="1min", heartbeat="1s", sweep="1s",
                         conninfo=db.cluster.conninfo(db.name, login))
        job, = add_all(db, [(co, {"trace": trace.path, "count": 20, "sleep_ms": 100,
                                  "records": 2})])
        wait_begun(trace, job)
        wait_for(is_out)
        assert job not in trace.ended(), "too slow"
        print(f"injected: {len(hogs)} connections of others, and none left for the daemon")
        waiting, = add_all(db, [(other, {"trace": trace.path})])
        wait_for(lambda: job in trace.ended())
        wait_seconds(db, 1)
        assert db.status(job) != "OK" and db.status(waiting) == "Q"
    finally:
        for conn in hogs:
            conn.close()
    rows = db.wait_final(job, waiting, timeout=30)
    check_ends(rows, trace)
    check_steps(db, job, 20, 2)
    watchdog.check()
    assert running.count(LOST) == running.count(BACK) <= 3


def test_away_for_longer_than_the_lease(server, empty_queue, daemon, cos, trace, watchdog):
    """Others might have taken over: what ran is ended, settled when the database is back, and its
    retry and the jobs behind it run."""
    db = empty_queue
    running = daemon(env=watchdog.env(), heartbeat="1s", lease="3s", sweep="1s")
    co, = cos(1)
    job, = add_all(db, [(co, {"trace": trace.path, "sleep_ms": 600000})], retry_interval=3600)
    following, = add_all(db, [(co, {"trace": trace.path})])
    wait_begun(trace, job)
    db.close()
    server.stop("fast")
    print("injected: PostgreSQL away for longer than the lease of 3 s")
    running.wait_log(r"ended by its plugin|worker \d+ |ending what runs")
    wait_for(lambda: job in trace.ended() or not running.workers())
    server.start()
    rows = db.wait_final(job, following, timeout=30)
    assert [row["status"] for row in rows] == ["X", "OK"], rows
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", job) == 1
    check_lanes(trace)
    watchdog.check()
    check_log(running, 1)


# ---- a failover ----

@pytest.mark.limit(90)
def test_promoted_standby(server, empty_queue, daemon, cos, trace, watchdog):
    """The primary dies, and its replica is promoted: the daemon finds it by the list of hosts in
    conninfo, and nothing is lost, run twice or stuck."""
    db = empty_queue
    standby = Standby(server)
    try:
        running = daemon(env=watchdog.env(), lease="1min", sweep="1s",
                         conninfo=f"host={server.dir},{standby.dir} dbname={db.name}"
                                  f" user={LOGIN} target_session_attrs=read-write")
        ids = cos(4)
        long, = add_all(db, [(ids[0], {"trace": trace.path, "count": 40, "sleep_ms": 100,
                                       "records": 3})])
        wait_begun(trace, long)
        short = add_all(db, [(co, {"trace": trace.path, "sleep_ms": 20})
                             for _ in range(20) for co in ids[1:]])
        wait_for(lambda: len(trace.ended()) > 10)
        ended = set(trace.ended())
        db.close()
        power_off(server)
        print("injected: SIGKILL to the primary under load; its standby is promoted")
        running.wait_log(LOST)
        standby.promote()
        db.cluster = standby
        lag = [job for job in ended if db.status(job) == "Q"]
        assert not lag, "the standby does not know what has ended"
        rows = db.wait_final(long, *short, timeout=40)
        assert rows[0]["status"] == "OK"
        check_ends(rows, trace, uncertain=3)
        check_lanes(trace)
        check_steps(db, long, 40, 3)
        after, = add_all(db, [(ids[1], {"trace": trace.path})])
        assert db.wait_final(after)[0]["status"] == "OK"
        watchdog.check()
        check_log(running, 1, others=20)
        running.kill()
    finally:
        db.close()
        db.cluster = server
        standby.remove()
        server.start()


# ---- connections that say nothing ----

def test_half_open_supervisor(empty_queue, daemon, cos, trace, watchdog, proxy):
    """The supervisor's connection is dead, and nobody says so. It is replaced before the lease is
    in doubt: the running job does not notice, and notifications are heard again."""
    db = empty_queue
    running = daemon(env=watchdog.env(), heartbeat="1s", lease="6s",
                     conninfo=proxy.conninfo(db.name))
    co, other = cos(2)
    job, = add_all(db, [(co, {"trace": trace.path, "count": 80, "sleep_ms": 100, "records": 1})])
    wait_begun(trace, job)
    assert proxy.half_open("supervisor") == 1
    print("injected: the supervisor's connection swallows everything")
    running.wait_log(LOST)
    running.wait_log(BACK)
    second, = add_all(db, [(other, {"trace": trace.path, "sleep_ms": 600000})])
    wait_begun(trace, second)
    db.cancel(second)
    wait_for(lambda: second in trace.ended())
    assert db.status(job) == "GO"
    assert db.wait_final(job)[0]["status"] == "OK"
    check_steps(db, job, 80, 1)
    watchdog.check()
    check_log(running, 1)


def test_black_hole(empty_queue, daemon, cos, trace, watchdog, proxy):
    """For a while everything vanishes, what is open and what is new, on its way to the database."""
    db = empty_queue
    running = daemon(env=watchdog.env(), heartbeat="1s", lease="18s", sweep="1s",
                     conninfo=proxy.conninfo(db.name))
    ids = cos(2)
    job, = add_all(db, [(ids[0], {"trace": trace.path, "count": 30, "sleep_ms": 100,
                                  "records": 1})])
    wait_begun(trace, job)
    proxy.black_hole()
    print("injected: a black hole around the database")
    running.wait_log(LOST)
    waiting, = add_all(db, [(ids[1], {"trace": trace.path})])
    wait_seconds(db, 1)
    assert db.status(waiting) == "Q"
    proxy.cut()  # a firewall that has forgotten them
    proxy.forward()
    rows = db.wait_final(job, waiting, timeout=40)
    check_ends(rows, trace)
    check_steps(db, job, 30, 1)
    watchdog.check()
    check_log(running, 1)


def test_half_open_worker(empty_queue, daemon, cos, trace, watchdog, proxy):
    """A worker's connection is dead when it tells the end of a job, or dies just after the server
    has heard that: the job is complete, and the one behind it is not stuck."""
    db = empty_queue
    running = daemon(env=watchdog.env(), conninfo=proxy.conninfo(db.name), sweep="1s")
    both, replies = cos(2)
    params = {"trace": trace.path, "sleep_ms": 450}  # too short for a percentage

    def begin(co):
        job, = add_all(db, [(co, params)])
        wait_for(lambda: (db.job(job)["start_summary"] or "").startswith("counting"))
        return job

    first = begin(both)
    assert proxy.half_open("worker") == 1
    second = begin(replies)
    assert proxy.half_open("worker", replies=True) == 1
    following = add_all(db, [(co, {"trace": trace.path}) for co in (both, replies)])
    print("injected: one worker's connection swallows all, another's the replies only")
    rows = db.wait_final(first, second, *following, timeout=50)
    assert [row["status"] for row in rows[:2]] == ["OK", "OK"]
    check_ends(rows, trace, uncertain=1)
    check_lanes(trace)
    watchdog.check()
    check_log(running, 0)


# ---- errors ----

FAIL = """
CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('public.fault_' || TG_ARGV[0]) <= TG_ARGV[1]::int THEN
    IF TG_ARGV[2] = 'sleep' THEN PERFORM pg_sleep(60); END IF;
    RAISE EXCEPTION 'injected at %', TG_ARGV[0] USING ERRCODE = TG_ARGV[2];
  END IF;
  RETURN NEW;
END $$;
"""
# What fails, and when; sequences do not roll back, so that each fails so many times in all.
PHASES = {
    "take": "INSERT OR UPDATE ON jobd.lane FOR EACH ROW WHEN (NEW.token IS NOT NULL)",
    "claim": "UPDATE ON public.jobs FOR EACH ROW WHEN (NEW.status = 'A')",
    "start": "UPDATE ON public.jobs FOR EACH ROW WHEN (OLD.status = 'A' AND NEW.status = 'GO')",
    "record": "INSERT ON public.job_history_records FOR EACH ROW WHEN"
              " (NEW.record_key LIKE 'step%')",
    "finish": "UPDATE ON public.jobs FOR EACH ROW WHEN (NEW.status = 'OK')",
    "heartbeat": "UPDATE ON jobd.supervisor FOR EACH ROW",
}


def inject(db, what, times, *phases):
    with db.conn.cursor() as cursor:
        cursor.execute(FAIL)
        for phase in phases:
            cursor.execute(f"CREATE SEQUENCE public.fault_{phase}")
            cursor.execute(f"GRANT ALL ON SEQUENCE public.fault_{phase} TO {LOGIN}")
            cursor.execute(f"CREATE TRIGGER a_fault_{phase} BEFORE {PHASES[phase]}"
                           f" EXECUTE FUNCTION public.fail('{phase}', '{times}', '{what}')")
    print(f"injected: {what} in the first {times} of each of {', '.join(phases)}")


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "57014", "53100", "53200"])
def test_errors_that_pass(empty_queue, daemon, cos, trace, watchdog, state):
    """Serialization failures, deadlocks, timeouts, a full disk, no memory: whatever meets one is
    tried again, and no job fails by it."""
    db = empty_queue
    inject(db, state, 2, *PHASES)
    running = daemon(env=watchdog.env(), heartbeat="1s", sweep="1s", ready=False)
    ids = cos(3)
    jobs = add_all(db, [(co, {"trace": trace.path, "records": 2})
                        for _ in range(5) for co in ids])
    rows = db.wait_final(*jobs, timeout=40)
    check_ends(rows, trace)
    check_lanes(trace)
    for job in jobs:
        check_steps(db, job, 1, 2)
    met = {phase: db.value(f"SELECT last_value FROM public.fault_{phase}") for phase in PHASES}
    assert all(n >= 2 for phase, n in met.items() if phase != "heartbeat"), met
    watchdog.check()
    check_log(running, 0, others=45)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_isolation_of_the_database(empty_queue, daemon, cos, trace, watchdog, isolation):
    """The database's own settings ask for another isolation, deferrable, and for short times."""
    db = empty_queue
    # Before the settings, which are meant for the daemon's connections.
    ids = cos(6)
    jobs = add_all(db, [(co, {"trace": trace.path, "records": 2, "count": 2})
                        for _ in range(10) for co in ids])
    for setting in (f"default_transaction_isolation = '{isolation}'",
                    "default_transaction_deferrable = on", "statement_timeout = '50ms'",
                    "lock_timeout = '10ms'", "search_path = nowhere", "datestyle = 'SQL, DMY'"):
        db.cluster.admin(f"ALTER DATABASE {db.name} SET {setting}")
    print(f"injected: default_transaction_isolation = {isolation}, and more")
    running = daemon(env=watchdog.env(), sweep="1s")
    check_ends(db.wait_final(*jobs, timeout=30), trace)
    check_lanes(trace)
    for job in jobs:
        check_steps(db, job, 2, 2)
    watchdog.check()
    check_log(running, 0, others=0)


def test_slow_heartbeats(empty_queue, daemon, cos, trace, watchdog):
    """Statements of the supervisor take longer than they may: they are given up and asked again,
    the loop goes on, and the running job is not touched."""
    db = empty_queue
    running = daemon(env=watchdog.env(), heartbeat="1s", lease="12s")
    job, = add_all(db, [(cos(1)[0], {"trace": trace.path, "count": 70, "sleep_ms": 100})])
    wait_begun(trace, job)
    inject(db, "sleep", 2, "heartbeat")
    wait_for(lambda: db.value("SELECT last_value FROM public.fault_heartbeat") >= 3, 30)
    assert db.wait_final(job)[0]["status"] == "OK"
    watchdog.check()
    assert running.count(LOST) == running.count(BACK) <= 2
    assert not running.count("ending what runs")


@pytest.mark.parametrize("what", ["claim", "finish"])
def test_waits_for_a_lock(empty_queue, daemon, cos, trace, watchdog, what):
    """Somebody holds a lock that the claim or the finish waits for: other COs go on, and so does
    this one when the lock is free."""
    db = empty_queue
    running = daemon(env=watchdog.env(), heartbeat="1s", lease="30s")
    slow, other = cos(2)
    if what == "finish":
        job, = add_all(db, [(slow, {"trace": trace.path, "sleep_ms": 300})])
        wait_begun(trace, job)
    else:
        # In the same transaction as the lock: nobody sees the job without it.
        job, = add_all(db, [(slow, {"trace": trace.path})], status="N")
    lock = db.connect(autocommit=False)
    with lock.cursor() as cursor:
        if what == "claim":
            cursor.execute("LOCK TABLE public.cos IN SHARE MODE")
            db.sql("UPDATE public.jobs SET status = 'Q' WHERE id = %s", job)
            cursor.execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (job,))
        else:
            cursor.execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (job,))
    print(f"injected: a lock on job {job} for its {what}")
    seen = add_all(db, [(other, {"trace": trace.path}) for _ in range(10)])
    assert {row["status"] for row in db.wait_final(*seen)} == {"OK"}
    wait_seconds(db, 3)
    lock.rollback()
    lock.close()
    row, = db.wait_final(job, timeout=30)
    assert row["status"] == "OK" and trace.begun().count(job) == 1
    watchdog.check()
    check_log(running, 0)


# ---- no space, no writing ----

@pytest.fixture
def tiny(server):
    """A tablespace of two megabytes: fill() leaves nothing of it, free() gives it back."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    directory = server.dir / "tiny"
    directory.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "tiny",
                           str(directory)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system to be had: {done.stderr.strip()}")

    class Tiny:
        space = directory / "space"
        filler = directory / "filler"

        def fill(self):
            with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)

        def free(self):
            self.filler.unlink()

    made = Tiny()
    try:
        made.space.mkdir()
        shutil.chown(made.space, "postgres")
        server.admin(f"CREATE TABLESPACE tiny LOCATION '{made.space}'")
        yield made
        with contextlib.suppress(OSError):
            made.free()
        server.admin("DROP TABLESPACE IF EXISTS tiny")
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=False)


@pytest.mark.parametrize("table", ["job_history_records", "jobs"])
def test_disk_full(tiny, empty_queue, daemon, cos, trace, watchdog, table):
    """The disk is full, really, under the Registry's own table: jobs wait for space, and are
    complete, records included, when there is some."""
    db = empty_queue
    full, other = cos(2)
    try:
        for name in (table, *[row["indexname"] for row in db.sql(
                "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
                " AND tablename = %s", table)]):
            kind = "TABLE" if name == table else "INDEX"
            db.sql(f"ALTER {kind} public.{name} SET TABLESPACE tiny")
        running = daemon(env=watchdog.env(), sweep="1s", heartbeat="1s")
        before = add_all(db, [(full, {"trace": trace.path, "records": 5})])
        db.wait_final(*before)
        # They begin when the disk is full, however long that takes.
        db.sql("UPDATE public.cos SET status = 'S' WHERE id IN (%s, %s)", full, other)
        jobs = add_all(db, [(full, {"trace": trace.path, "records": 400, "count": 2}),
                            (full, {"trace": trace.path, "records": 400}),
                            (other, {"trace": trace.path, "sleep_ms": 300, "records": 400})])
        tiny.fill()
        print(f"injected: no space for {table}")
        if table == "jobs":
            with contextlib.suppress(psycopg2.errors.DiskFull):
                for _ in range(1000):  # no room in its pages either
                    db.sql("INSERT INTO public.jobs (co_id, status, created, parameters) VALUES"
                           " (%s, 'X', now(), repeat('x', 3000))", full)
        db.sql("UPDATE public.cos SET status = 'A' WHERE id IN (%s, %s)", full, other)
        running.wait_log(r"No space left|53100|could not extend", 20)
        wait_seconds(db, 2)
        assert not [job for job in jobs if db.status(job) == "OK"] or table == "jobs"
        trouble = "(workers do not start|the database does not take what workers write): .*No space left"
        running.wait_log(trouble)
        wait_for(lambda: db.value("SELECT trouble ~ %s FROM jobd.supervisor", trouble))
        tiny.free()
        running.wait_log("(workers start|the database takes what workers write) again, after ")
        wait_for(lambda: db.value("SELECT trouble IS NULL FROM jobd.supervisor"))
        assert running.count(trouble) <= 2, "said again and again"
        rows = db.wait_final(*jobs, timeout=45)
        check_ends(rows, trace)
        for job, count in zip(jobs, (2, 1, 1)):
            check_steps(db, job, count, 400)
        watchdog.check()
        check_log(running, 0, others=25)
        running.stop()
    finally:
        # The database leaves the tablespace before that goes.
        with contextlib.suppress(OSError):
            tiny.free()
        db.sql("ALTER INDEX ALL IN TABLESPACE tiny SET TABLESPACE pg_default")
        db.sql(f"ALTER TABLE public.{table} SET TABLESPACE pg_default")


@pytest.mark.parametrize("how", ["reload", "new sessions"])
def test_read_only(server, empty_queue, daemon, cos, trace, watchdog, how):
    """The server takes no writes for a while, as in a switchover: the daemon waits, with one line,
    and goes on; the running job completes."""
    db = empty_queue
    running = daemon(env=watchdog.env(), lease="1min", heartbeat="1s", sweep="1s")
    ids = cos(2)
    job, = add_all(db, [(ids[0], {"trace": trace.path, "count": 20, "sleep_ms": 100,
                                  "records": 2})])
    wait_begun(trace, job)
    db.sql("SET default_transaction_read_only = off")
    admin = psycopg2.connect(server.conninfo("postgres", "postgres")
                             + " options='-c default_transaction_read_only=off'")
    admin.autocommit = True
    do = admin.cursor().execute
    try:
        if how == "reload":
            do("ALTER SYSTEM SET default_transaction_read_only = on")
            do("SELECT pg_reload_conf()")
        else:
            do(f"ALTER DATABASE {db.name} SET default_transaction_read_only = on")
            cut(db, ANY)
        print(f"injected: default_transaction_read_only, {how}")
        running.wait_log(LOST)
        with db.conn.cursor() as cursor:
            cursor.execute("BEGIN READ WRITE")
            cursor.execute("INSERT INTO public.jobs (co_id, plugin, parameters, status, created,"
                           " start_after_time) VALUES (%s, %s, '[]', 'Q', now(), now() -"
                           " interval '1d') RETURNING id", (ids[1], COUNT))
            waiting = cursor.fetchone()["id"]
            cursor.execute("COMMIT")
        wait_for(lambda: job in trace.ended())
        wait_seconds(db, 1)
        assert db.status(job) != "OK" and db.status(waiting) == "Q"
    finally:
        do("ALTER SYSTEM RESET default_transaction_read_only")
        do("SELECT pg_reload_conf()")
        do(f"ALTER DATABASE {db.name} RESET default_transaction_read_only")
        admin.close()
    rows = db.wait_final(job, waiting, timeout=40)
    assert [row["status"] for row in rows] == ["OK", "OK"]
    check_steps(db, job, 20, 2)
    watchdog.check()
    check_log(running, 1)
