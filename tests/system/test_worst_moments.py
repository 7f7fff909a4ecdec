"""What a fresh pair of eyes asked: and if it happens just then?"""
import os
import signal
import subprocess

import psycopg2
from conftest import wait_for

COUNT = "Example.CountJob"


def test_records_wait_for_a_locked_table(empty_queue, daemon, add_job):
    """Law 10: the worker is killed while its record waits for a lock that others hold."""
    db = empty_queue
    daemon()
    with psycopg2.connect(db.conninfo) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE public.job_history_records IN SHARE MODE")
        job = add_job(2, COUNT, {"records": 1, "tag": "kept"})
        wait_for(lambda: db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type ="
                                  " 'Lock' AND application_name LIKE 'registry-jobd w%%'"))
        os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
        wait_for(lambda: db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type ="
                                  " 'Lock' AND application_name LIKE 'registry-jobd s%%'"))
        other.rollback()
    row, = db.wait_final(job)
    assert row["status"] == "X"
    assert db.value("SELECT count(*) FROM job_history_records WHERE job_id = %s"
                    " AND comment = 'kept'", job) == 1


def test_a_failing_claim_leaves_the_finished_job_alone(empty_queue, daemon, add_job):
    """Laws 4 and 5: the next job's row cannot be changed; the one before it is Complete all the same."""
    db = empty_queue
    db.sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " IF NEW.status = 'A' AND NEW.parameters LIKE '%%bad%%' THEN RAISE 'refused'; END IF;"
           " RETURN NEW; END $$")
    db.sql("CREATE TRIGGER refuse BEFORE UPDATE ON public.jobs FOR EACH ROW"
           " EXECUTE FUNCTION public.refuse()")
    running = daemon(sweep="1s")
    good = add_job(2, COUNT, {"count": 3, "sleep_ms": 100, "tag": "good"})
    bad = add_job(2, COUNT, {"tag": "bad"})
    other = add_job(3, COUNT, {"tag": "other"})
    rows = db.wait_final(good, other)
    assert [row["status"] for row in rows] == ["OK", "OK"]
    assert db.status(bad) == "Q"
    forks = running.count("had to end")
    assert forks < 20, "workers are forked without a pause"
    db.sql("DROP TRIGGER refuse ON public.jobs")
    assert db.wait_final(bad, timeout=60)[0]["status"] == "OK"


def test_drain_runs_what_it_repaired(empty_queue, command, add_job):
    """A job that was written with the triggers disabled is not left behind."""
    db = empty_queue
    db.sql("ALTER TABLE public.jobs DISABLE TRIGGER USER")
    job = add_job(2, COUNT, {})
    db.sql("ALTER TABLE public.jobs ENABLE TRIGGER USER")
    assert db.value("SELECT count(*) FROM jobd.queue") == 0
    done = command("-r", "-c", "all")
    assert done.returncode == 0 and db.status(job) == "OK", done.stderr


def test_synchronous_over_a_lost_connection(empty_queue, daemon, command):
    """The command that looks after a job loses its connection: the job and its end do not suffer."""
    db = empty_queue
    daemon()
    running = subprocess.Popen(
        [*command.argv, "-q", "-c", "2", "-s", "-j", COUNT, "count=30", "sleep_ms=100"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: db.value("SELECT count(*) FROM jobs WHERE status = 'GO'"))
    assert db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name = 'registry-job'") == 1
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert db.status(int(out)) == "OK"
    assert db.value("SELECT count(*) FROM jobd.supervisor WHERE kind = 'command'") == 0


def test_due_just_when_the_lane_comes_back(empty_queue, daemon, add_job):
    """Law 1: a delayed job falls due while its lane is held, and freed a moment later."""
    db = empty_queue
    daemon(sweep="1h")
    db.sql("CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " IF NEW.supervisor_id IS NULL THEN PERFORM pg_sleep(2.5); END IF;"
           " RETURN NEW; END $$")
    db.sql("CREATE TRIGGER slow BEFORE UPDATE ON jobd.lane FOR EACH ROW"
           " EXECUTE FUNCTION public.slow()")
    later = add_job(2, COUNT, {"tag": "later"}, delay=2)
    first = add_job(2, COUNT, {"tag": "first"})
    db.wait_final(first)
    assert db.wait_final(later, timeout=15)[0]["status"] == "OK"
