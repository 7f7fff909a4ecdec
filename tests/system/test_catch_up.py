"""Rows of jobs that come without our triggers are found without a restart."""
import contextlib

import pytest
from conftest import insert_job, wait_for
from test_schema import WRONG


@contextlib.contextmanager
def without_triggers(db, how):
    """A subscriber, and a restore."""
    on, off = {"replica": ("SET session_replication_role = replica", "SET session_replication_role = origin"),
               "disabled": ("ALTER TABLE public.jobs DISABLE TRIGGER USER",
                            "ALTER TABLE public.jobs ENABLE TRIGGER USER")}[how]
    db.sql(on)
    yield
    db.sql(off)


def look(db, add_job):
    """Waits until the daemon has seen the highest id by a look of its own."""
    with without_triggers(db, "replica"):
        job = add_job(2)
    db.wait_final(job)


def fill(db, n):
    """So many rows that are final: a walk of a hundred a second takes its time."""
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 2, 'P.M', 'OK', now()"
           " FROM generate_series(1, %s)", n)


@pytest.mark.parametrize("how", ["replica", "disabled"])
def test_new_rows_are_found(empty_queue, daemon, add_job, how):
    """Above the highest id: with the next sweep, and said."""
    db = empty_queue
    running = daemon(sweep="1s")
    db.wait_final(add_job(2))
    with without_triggers(db, how):
        job = add_job(2)
        later = add_job(3, delay=3)
    assert db.wait_final(job)[0]["status"] == "OK"
    assert db.wait_final(later)[0]["status"] == "OK"
    assert running.count("repaired . rows of the queue")


def test_rows_that_are_committed_late_are_found(empty_queue, daemon, add_job):
    """An id from the sequence before others, committed after them: the overlap."""
    db = empty_queue
    fill(db, 20000)
    daemon(sweep="1s")
    other = db.connect(autocommit=False)
    with other.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        job = insert_job(cursor, 2, "Example.NoopJob", [])
        look(db, add_job)
    other.commit()
    other.close()
    assert db.wait_final(job, timeout=10)[0]["status"] == "OK"


def test_old_rows_are_found(empty_queue, daemon, add_job):
    """Far below the highest id, made Queued again or canceled: the walk comes by."""
    db = empty_queue
    fill(db, 400)
    old, stale = add_job(2, status="X"), add_job(4, delay=86400)
    db.sql("SELECT setval('public.jobs_id_seq', 1000000)")
    daemon(sweep="1s")
    look(db, add_job)
    with without_triggers(db, "replica"):
        db.sql("UPDATE public.jobs SET status = 'Q' WHERE id = %s", old)
        db.sql("UPDATE public.jobs SET status = 'CX' WHERE id = %s", stale)
    assert db.wait_final(old)[0]["status"] == "OK"
    wait_for(lambda: not db.sql(WRONG))


def test_many_rows_are_found(empty_queue, daemon):
    """More than one look takes, beyond a gap in the ids."""
    db = empty_queue
    daemon(sweep="1s", workers=1)
    db.sql("SELECT setval('public.jobs_id_seq', 2000000)")
    with without_triggers(db, "replica"):
        db.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 4, 'Example.NoopJob',"
               " CASE WHEN i > 45000 THEN 'Q' ELSE 'OK' END, now() FROM generate_series(1, 45010) i")
    wait_for(lambda: not db.value("SELECT count(*) FROM public.jobs WHERE status = 'Q'"), 30)


def test_a_healthy_queue_is_left_alone(empty_queue, daemon, add_job, trace):
    """While jobs come and go the looks repair nothing, and wait for nobody."""
    db = empty_queue
    running = daemon(sweep="1s")
    jobs = [add_job(2 + i % 3, "Example.CountJob", {"sleep_ms": 10, "count": 1, "trace": trace.path})
            for i in range(300)]
    other = db.connect(autocommit=False)
    other.cursor().execute("SELECT FROM public.jobs WHERE id = %s FOR UPDATE", (jobs[0],))
    other.rollback()
    other.close()
    db.wait_final(*jobs, timeout=40)
    assert not running.count("repaired") and not running.count("without triggers")
    trace.check_one_at_a_time()
