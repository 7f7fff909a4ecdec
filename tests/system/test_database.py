"""The database goes away and comes back: the daemon waits, says so once, and goes on."""
import contextlib
import os
import signal

import pytest
from conftest import HOST, wait_for

SUPERVISOR = "registry-jobd supervisor"
WORKER = "registry-jobd worker"


def terminate(db, application):
    return db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name LIKE %s AND datname = current_database()",
                    application)


def backends(db, application):
    return db.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
                    " AND datname = current_database()", application)


def warnings(running):
    return [line for line in running.log().splitlines() if line[:3] in ("<3>", "<4>")]


def test_away_at_start(server, empty_queue, daemon, add_job):
    """A daemon that is started before PostgreSQL waits with one line in its log."""
    db = empty_queue
    job = add_job(2)
    db.close()
    server.stop("fast")
    running = daemon(ready=False)
    wait_for(lambda: warnings(running))
    # Three more attempts: the back-off begins with fractions of a second.
    with contextlib.suppress(AssertionError):
        wait_for(lambda: len(warnings(running)) > 1 or running.process.poll() is not None, 2)
    assert running.process.poll() is None
    assert len(warnings(running)) == 1, running.log()
    server.start()
    assert db.wait_final(job)[0]["status"] == "OK"
    assert running.stop() == 0


def test_away_while_idle(server, empty_queue, daemon, add_job):
    """Restarted while the daemon is idle: it comes back, listens again, and runs what came."""
    db = empty_queue
    running = daemon()
    db.wait_final(add_job(2))
    db.wait_idle()
    db.close()
    server.stop("fast")
    wait_for(lambda: warnings(running))
    server.start()
    before = add_job(2)
    db.wait_final(before)
    after = add_job(3)
    db.wait_final(after)
    assert running.stop() == 0


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_away_while_running(server, empty_queue, daemon, add_job, trace, mode):
    """A job that is running when the server crashes is finished afterwards: once, and OK."""
    db = empty_queue
    running = daemon(lease="1min")
    job = add_job(2, "Example.CountJob", {"trace": trace.path, "count": 1, "sleep_ms": 1500})
    wait_for(lambda: trace.begun())
    following = add_job(2, "Example.CountJob", {"trace": trace.path})
    db.close()
    server.stop(mode)
    wait_for(lambda: running.count("away|lost|database"), 5)
    server.start()
    rows = db.wait_final(job, following, timeout=40)
    assert trace.begun() == [job, following]
    assert rows[1]["status"] == "OK"
    # The end could be told to the new server; or, the plugin having met the outage, why not.
    assert rows[0]["status"] == "OK" or "database" in rows[0]["finish_summary"]
    trace.check_one_at_a_time()


def test_finish_across_an_outage(server, empty_queue, daemon, add_job, trace):
    """A plugin that ends while the database is away: its end is told when it is back."""
    db = empty_queue
    daemon(lease="1min")
    job = add_job(2, "Example.CountJob", {"trace": trace.path, "sleep_ms": 800})
    wait_for(lambda: trace.begun())
    db.close()
    server.stop("fast")
    wait_for(lambda: trace.ended())
    server.start()
    row = db.wait_final(job, timeout=30)[0]
    assert trace.begun() == [job]
    assert row["status"] == "OK" or "database" in row["finish_summary"]


def test_supervisor_backend_terminated(empty_queue, daemon, add_job, trace):
    """pg_terminate_backend of the supervisor's connection: running jobs do not notice, and
    notifications are heard again."""
    db = empty_queue
    running = daemon()
    job = add_job(3, "Example.CountJob", {"trace": trace.path, "sleep_ms": 700})
    wait_for(lambda: trace.begun())
    for n in range(1, 4):
        assert terminate(db, SUPERVISOR) == 1
        running.wait_log("connected to the database again", times=n)
        assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert db.wait_final(job)[0]["status"] == "OK"
    assert running.stop() == 0


def test_worker_backend_terminated_while_idle(empty_queue, daemon, add_job):
    """An idle worker's connection was cut: the next job runs all the same."""
    db = empty_queue
    running = daemon(workers=1)
    for n in range(1, 6):
        assert db.wait_final(add_job(2))[0]["status"] == "OK"
        db.wait_idle()
        assert terminate(db, WORKER) == 1
        running.wait_log(r"worker \d+ terminated", times=n)  # its heir may be there already


def test_worker_backend_terminated_while_running(empty_queue, daemon, add_job, trace):
    """The worker's connection is cut under a running plugin: the finish is told over another."""
    db = empty_queue
    daemon()
    for i in range(3):
        job = add_job(2, "Example.CountJob", {"trace": trace.path, "sleep_ms": 400})
        wait_for(lambda job=job: job in trace.begun())
        assert terminate(db, WORKER) >= 1
        following = add_job(2)
        rows = db.wait_final(job, following)
        assert rows[1]["status"] == "OK"
        assert rows[0]["status"] == "OK" or "database" in rows[0]["finish_summary"]
    assert len(trace.begun()) == 3


@pytest.mark.limit(90)
def test_backends_terminated_at_random(empty_queue, daemon, add_job, trace, rng):
    """Backends are cut all the time under load: no job runs twice, none is stuck."""
    db = empty_queue
    daemon(sweep="1s")
    ids = [add_job(2 + i % 3, "Example.CountJob", {"trace": trace.path, "sleep_ms": 5})
           for i in range(300)]

    def cut_or_done():
        terminate(db, "registry-jobd%")
        return db.value("SELECT count(*) FROM public.jobs WHERE status = 'Q'") < 100
    # A few per second: at more than that nobody gets anything done, which is all right.
    wait_for(cut_or_done, 60, interval=0.3)
    rows = db.wait_final(*ids, timeout=40)
    started = trace.begun()
    assert len(started) == len(set(started)), "a job ran twice"
    for row in rows:
        assert row["status"] in ("OK", "X")
        if row["status"] == "OK":
            assert row["id"] in started
    trace_of_done = set(trace.ended())
    assert {row["id"] for row in rows if row["status"] == "OK"} <= trace_of_done


def test_lost_listen_is_found_by_the_sweep(empty_queue, daemon, add_job):
    """LESSONS 16: a job whose notification nobody sent is found at the next sweep."""
    db = empty_queue
    daemon(sweep="1s")
    conn = db.connect(autocommit=False)
    cursor = conn.cursor()
    cursor.execute("SET session_replication_role = replica")  # no triggers
    cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, created) VALUES"
                   " (2, 'Example.NoopJob', 'Q', now()) RETURNING id")
    job = cursor.fetchone()["id"]
    cursor.execute("INSERT INTO jobd.queue VALUES (%s, 2, NULL, true, '')", (job,))
    conn.commit()
    conn.close()
    assert db.wait_final(job, timeout=5)[0]["status"] == "OK"


def test_nonsense_notifications(empty_queue, daemon, add_job):
    """Anybody may NOTIFY: nonsense is ignored, and a CO that does not exist costs nothing."""
    db = empty_queue
    running = daemon()
    for payload in ("", "queued", "queued x", "queued -1", "queued 0", "queued 99999999999999",
                    "cancel 1", "cancel", "queued 4000", "x" * 7000, "queued 2 3", "%s%n"):
        db.sql("SELECT pg_notify('registry_jobd', %s)", payload)
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert running.process.poll() is None and running.stop() == 0


def test_no_connection_to_be_had(empty_queue, daemon, add_job):
    """Workers that cannot connect (limit of the database) try again; jobs wait, none fails."""
    db = empty_queue
    running = daemon(workers=4)
    db.cluster.admin("DO $$ BEGIN CREATE ROLE few LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object"
                     " OR unique_violation THEN NULL; END $$")
    db.cluster.admin(f"ALTER DATABASE {db.name} ALLOW_CONNECTIONS false")
    ids = [add_job(co) for co in (2, 3, 4)]
    running.wait_log("workers do not start: ")
    assert {db.status(job) for job in ids} == {"Q"}
    db.cluster.admin(f"ALTER DATABASE {db.name} ALLOW_CONNECTIONS true")
    assert {row["status"] for row in db.wait_final(*ids, timeout=30)} == {"OK"}


def test_read_only_server(empty_queue, daemon, add_job):
    """LESSONS 17: a standby is no database for us; the daemon waits for the primary."""
    db = empty_queue
    db.cluster.admin(f"ALTER DATABASE {db.name} SET default_transaction_read_only = on")
    running = daemon(ready=False)
    wait_for(lambda: warnings(running))
    job = None
    with db.conn.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
    job = add_job(2)
    assert db.status(job) == "Q" and running.process.poll() is None
    db.cluster.admin(f"ALTER DATABASE {db.name} RESET default_transaction_read_only")
    assert db.wait_final(job, timeout=40)[0]["status"] == "OK"


def test_lock_on_jobs(empty_queue, daemon, add_job):
    """The Registry's upgrade locks the table for a while: the supervisor does not block."""
    db = empty_queue
    running = daemon()
    lock = db.connect(autocommit=False)
    job = add_job(2, delay=1)
    lock.cursor().execute("LOCK TABLE public.jobs IN ACCESS EXCLUSIVE MODE")
    wait_for(lambda: backends(db, WORKER))
    seen = db.value("SELECT seen FROM jobd.supervisor")
    wait_for(lambda: db.value("SELECT seen FROM jobd.supervisor") > seen, 10)
    lock.rollback()
    lock.close()
    assert db.wait_final(job)[0]["status"] == "OK"
    assert running.stop() == 0


def test_supervisor_row_removed(empty_queue, daemon, add_job, trace):
    """A supervisor whose row is gone was given up for dead: it kills what it runs and begins
    anew."""
    db = empty_queue
    running = daemon(heartbeat="1s", lease="4s")
    job = add_job(2, "Example.CountJob", {"trace": trace.path, "end": "sleep",
                                          "ignore_cancel": True})
    wait_for(lambda: trace.begun())
    pid = db.job(job)["assigned_pid"]
    # As others would: settled, lane freed, row removed.
    db.undo("UPDATE public.jobs SET status = 'X' WHERE id = %s", job)
    db.sql("UPDATE jobd.lane SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL,"
           " token = NULL, since = NULL")
    db.sql("DELETE FROM jobd.supervisor")
    wait_for(lambda: pid not in running.workers(), 10)
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor WHERE host = %s", HOST) == 1)
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert db.status(job) == "X"


def test_supervisor_is_not_held_up_by_a_stopped_backend(empty_queue, daemon, add_job):
    """Law 8: a database that hangs does not keep the daemon from ending at a signal."""
    db = empty_queue
    running = daemon(stop_timeout="0")
    db.wait_final(add_job(2))
    db.wait_idle()
    backend = db.value("SELECT pid FROM pg_stat_activity WHERE application_name = %s"
                       " AND datname = current_database()", SUPERVISOR)
    os.kill(backend, signal.SIGSTOP)
    try:
        running.signal(signal.SIGTERM)
        assert running.wait(45) == 0
    finally:
        os.kill(backend, signal.SIGCONT)


def wait_renewals(db, seconds):
    """Waits until the supervisor has renewed its row this long from now."""
    start = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT seen > %s + make_interval(secs => %s) FROM jobd.supervisor",
                              start, seconds), seconds + 5, "a renewal")


@pytest.mark.parametrize("what", ["settle", "cancel poll", "table"])
def test_heartbeat_does_not_queue_behind_a_lock(empty_queue, daemon, add_job, trace, what):
    """LESSONS 7: somebody holds a lock that a statement of the supervisor waits for, longer than
    the lease. Heartbeats go on, and the jobs of other COs are not touched."""
    db = empty_queue
    daemon(heartbeat="1s", lease="4s", cancel_poll="1s" if what == "cancel poll" else "1h",
           sweep="1s")
    bystander = add_job(3, "Example.CountJob", {"trace": trace.path, "end": "sleep"})
    job = add_job(2, "Example.CountJob", {"trace": trace.path, "end": "sleep"})
    wait_for(lambda: len(trace.begun()) == 2)
    pid = db.job(job)["assigned_pid"]
    lock = db.connect(autocommit=False)
    with lock.cursor() as cursor:
        if what == "settle":
            cursor.execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (job,))
            os.kill(pid, signal.SIGKILL)
        else:
            cursor.execute("LOCK TABLE public.jobs IN ACCESS EXCLUSIVE MODE")
            if what == "table":
                os.kill(pid, signal.SIGKILL)
    try:
        wait_renewals(db, 6)
    finally:
        lock.rollback()
        lock.close()
    assert db.status(bystander) == "GO"
    if what != "cancel poll":
        assert "SIGKILL" in db.wait_status(job, "X")["finish_summary"]
    assert db.status(bystander) == "GO"


def test_schema_missing(plain_db, daemon, add_job):
    """Without our schema the daemon says so once, waits, and works when it is there."""
    from conftest import install_schema
    running = daemon(ready=False, conninfo=plain_db.conninfo, heartbeat="1s", sweep="1s",
                     unknown_models="fail")
    running.wait_log("schema install")
    with contextlib.suppress(AssertionError):
        wait_for(lambda: len(warnings(running)) > 1, 4)
    assert len(warnings(running)) == 1, running.log()
    install_schema(plain_db.cluster, plain_db.name)
    plain_db.wait_idle(timeout=15)
    assert not plain_db.value("SELECT count(*) FROM public.jobs j JOIN jobd.queue q"
                              " ON q.job_id = j.id WHERE q.ready AND j.co_id = 2")
