"""What the tests of the laws have in common: what they see of jobs and records, what they do to
connections, and what has to be true in the end.
"""
import re

import psycopg2
from conftest import wait_for

COUNT = "Example.CountJob"
# Patterns of application_name; the command that runs a job itself is none of these.
WORKER = "registry-jobd worker"
ANY = "registry-jobd %"

REFUSE = """
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE 'refused by a test' USING ERRCODE = '{}'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON public.job_history_records FOR EACH ROW
  WHEN (NEW.record_key LIKE '{}') EXECUTE FUNCTION public.refuse()"""


# ---- jobs and records ----

def wait_begun(trace, *jobs):
    wait_for(lambda: set(jobs) <= set(trace.begun()), what=f"{jobs} begun")


def wait_seconds(db, seconds):
    """By the database's clock."""
    now = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT clock_timestamp() > %s + make_interval(secs => %s)", now,
                              seconds), seconds + 5)


def wait_asleep(db, proxy, job):
    """Until the plugin has had the answer to its start summary: whatever is sent after that through
    the proxy has come through, too. It sleeps for less than the interval of its progress."""
    wait_for(lambda: (db.job(job)["start_summary"] or "").startswith("counting"))
    conn = psycopg2.connect(proxy.conninfo(db.name))
    conn.cursor().execute("SELECT 1")
    conn.close()


def steps(db, job):
    """The records that CountJob itself wrote, in the order of their ids, as (step, record)."""
    return [tuple(int(word) for word in re.findall(r"\d+", row["record_key"]))
            for row in db.history(job) if row["record_key"].startswith("step ")]


def check_steps(db, job, count, records):
    """Each that the plugin handed over is there once, and in its order."""
    assert steps(db, job) == [(i, k) for i in range(1, count + 1) for k in range(1, records + 1)]


def refuse_records(db, state="42501", key="step %"):
    """Records with such a key meet this SQLSTATE, until allow_records()."""
    db.sql(REFUSE.format(state, key))


def allow_records(db):
    db.sql("DROP TRIGGER refuse ON public.job_history_records")


def check_complete(db, trace, ids):
    """All of them Complete, each called once, one at a time, and nothing is held."""
    rows = db.wait_final(*ids, timeout=40)
    wrong = [(row["id"], row["status"], row["finish_summary"]) for row in rows
             if row["status"] != "OK"]
    assert not wrong, wrong
    assert sorted(trace.begun()) == sorted(ids), "a job ran twice, or not at all"
    trace.check_one_at_a_time()
    db.wait_idle()


# ---- connections ----

def cut(db, application=WORKER, only_waiting=False):
    """Ends connections, all, or only those that wait for a lock; returns how many."""
    return db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE"
                    " application_name LIKE %s AND datname = current_database()"
                    " AND (wait_event_type = 'Lock' OR NOT %s)", application, only_waiting)


def waiting(db, application=ANY):
    """The backends that wait for a lock."""
    return {row["pid"] for row in db.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE %s"
        " AND datname = current_database() AND wait_event_type = 'Lock'", application)}
