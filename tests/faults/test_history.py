"""Law 10: history survives. A record that a plugin handed over is in the table, once and in its order,
though its worker is killed, the table locked, or the database away."""
import os
import signal

import pytest
from conftest import wait_for
from laws import COUNT, allow_records, check_steps, refuse_records, steps, waiting


def test_records_wait_for_a_locked_table(empty_queue, daemon, add_job):
    """Law 10: the worker is killed while its record waits for a lock that others hold."""
    db = empty_queue
    daemon()
    lock = db.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.job_history_records IN SHARE MODE")
    job = add_job(2, COUNT, {"records": 1})
    backend = wait_for(lambda: waiting(db))
    os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    print("injected: a lock on the history, a worker killed whose record waits for it")
    # The server does not know yet that the worker is gone; somebody else comes for the record.
    wait_for(lambda: waiting(db) - backend)
    lock.rollback()
    lock.close()
    row, = db.wait_final(job)
    assert row["status"] == "X"
    wait_for(lambda: steps(db, job))
    db.wait_idle()
    check_steps(db, job, 1, 1)
    print("checked: Failed, and its record is there once")


@pytest.mark.parametrize("how", ["refused", "locked"])
def test_history_that_cannot_be_written(empty_queue, daemon, add_job, trace, how):
    """LESSONS 5: the last records of a dead worker cannot be written; its CO goes on all the same,
    and they are written when they can be."""
    db = empty_queue
    running = daemon(workers=1)
    # Of the two records of a step the first is written at once, the second with the next step.
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 3000, "records": 2, "count": 30})
    following = add_job(2, COUNT, {"trace": trace.path})
    wait_for(lambda: steps(db, job))
    lock = db.connect(autocommit=False)
    if how == "refused":
        refuse_records(db)
    else:
        lock.cursor().execute("LOCK TABLE public.people IN ACCESS EXCLUSIVE MODE")
    assert len(steps(db, job)) == 1
    print(f"injected: job_history_records {how}, the worker killed")
    os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    rows = db.wait_final(job, following, timeout=15)
    assert [row["status"] for row in rows] == ["X", "OK"]
    assert running.count("have to wait") == 1
    if how == "refused":
        allow_records(db)
    lock.rollback()
    lock.close()
    wait_for(lambda: len(steps(db, job)) >= 2)
    check_steps(db, job, 1, 2)
    print("checked: the CO went on; the records came later, each once")


def test_records_of_a_worker_that_ends_well(empty_queue, daemon, add_job, trace):
    """Law 10: a worker that could not write its last records and is retired later leaves them."""
    db = empty_queue
    running = daemon(workers=1)
    refuse_records(db)
    job = add_job(2, COUNT, {"trace": trace.path, "records": 1})
    db.wait_final(job)
    running.wait_log("could not be written")
    allow_records(db)
    print("injected: records refused until after the finish")
    assert running.stop() == 0
    check_steps(db, job, 1, 1)
    print("checked: the record is there")


def test_records_that_cannot_be_written(empty_queue, daemon, add_job):
    """The job is finished without them, as Failed, and its worker is replaced: what its ring holds
    is the supervisor's. The jobs behind it are run."""
    db = empty_queue
    refuse_records(db, "P0001")
    running = daemon(workers=1)
    first = add_job(2, COUNT, {"count": 1, "records": 1})
    second = add_job(2, COUNT, {})
    rows = db.wait_final(first, second)
    assert running.count(f"job {first}: its last history records could not be written") == 1
    assert [row["status"] for row in rows] == ["X", "OK"], rows
    assert rows[0]["assigned_pid"] != rows[1]["assigned_pid"]
    assert not running.count("had to end")
    allow_records(db)
    print("injected: records are refused; checked: the worker that has them runs no other job")


def test_one_record_that_is_nonsense(empty_queue, daemon, add_job):
    """One record that the server does not take costs itself alone."""
    db = empty_queue
    running = daemon()
    refuse_records(db, "22012", "step 1 record 8")
    job = add_job(2, COUNT, {"records": 10, "end": "kill"})
    assert db.wait_final(job)[0]["status"] == "X"
    running.wait_log("leaving it out")
    wait_for(lambda: len(steps(db, job)) >= 9)
    assert steps(db, job) == [(1, i) for i in range(1, 11) if i != 8]
    wait_for(lambda: db.value("SELECT counters ->> 'records_lost' FROM jobd.supervisor") == "1")
    print("injected: one record of ten that is an error; checked: the other nine are there, and the"
          " one is counted")


def test_full_ring_waits(server, empty_queue, daemon, add_job):
    """More records than the ring holds: the plugin waits for the database, and loses none."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 20, "sleep_ms": 10, "records": 400, "tag": "x" * 250})
    wait_for(lambda: steps(db, job), what="the first records")
    db.close()
    server.stop("fast")
    server.start()
    print("injected: PostgreSQL away while a plugin writes 8000 records, of which the ring holds"
          " 900")
    row, = db.wait_final(job)
    assert row["status"] == "OK"
    check_steps(db, job, 20, 400)
    print("checked: 8000 records are there, each once")
