"""Law 14: a row that the database refuses to let be assigned holds up its CO alone, and says so."""
import json
import os
import re

import pytest
from conftest import wait_for
from test_explain import COUNT, FAILED, as_anybody, why  # noqa: F401, pylint: disable=W0611

MOST = 2147483647


@pytest.fixture
def queue(empty_queue):
    return empty_queue


# ---- counters ----

def test_highest_revision(queue, daemon, add_job):
    """Whatever is done to a job, its revision stays where it cannot be raised any more."""
    daemon()
    jobs = [add_job(2, COUNT, {"records": 3, "sleep_ms": 10}, revision=MOST),
            add_job(2, COUNT, {"end": "fail"}, revision=MOST),
            add_job(2, COUNT, "{", revision=MOST), add_job(2)]
    rows = queue.wait_final(*jobs)
    assert [row["status"] for row in rows] == ["OK", "X", "X", "OK"]
    assert [row["revision"] for row in rows[:3]] == [MOST] * 3


def test_highest_revision_by_hand(queue, command, daemon, add_job, trace):
    """People cancel a job that waits and one that runs, and settle one that nobody runs."""
    waits = add_job(3, revision=MOST)
    left = add_job(3, status="GO", assigned_host="elsewhere", assigned_pid=7, revision=MOST)
    for verb, job in (("cancel", waits), ("settle", left)):
        assert command(verb, job).returncode == 0
    assert [queue.status(job) for job in (waits, left)] == ["CX", "X"]
    daemon()
    runs = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 60000}, revision=MOST)
    wait_for(lambda: runs in trace.begun())
    assert command("cancel", runs).returncode == 0
    wait_for(lambda: runs in trace.ended(), 5)
    assert queue.job(runs)["revision"] == MOST


def test_highest_revision_of_a_dead_worker(queue, daemon, add_job, trace):
    """What an heir settles, and the retry count of its successor."""
    daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 60000}, revision=MOST,
                  retry_interval=MOST, retry_count=MOST)
    wait_for(lambda: job in trace.begun())
    os.kill(queue.job(job)["assigned_pid"], 9)
    row, = queue.wait_final(job)
    assert row["status"] == "X" and row["revision"] == MOST
    successor, = queue.live(requeued_from_job_id=job)
    assert successor["status"] == "Q" and successor["retry_count"] == MOST


def test_start_time_long_past(queue, daemon, add_job):
    """An infinite time in the queue is no error of every look at it."""
    job = add_job(2, delay=1000)
    held = queue.connect(autocommit=False)
    queue.sql("UPDATE jobd.queue SET due = '-infinity' WHERE job_id = %s", job)
    with held.cursor() as cursor:  # as another host that is at it
        cursor.execute("SELECT FROM jobd.queue WHERE job_id = %s FOR UPDATE", (job,))
        running = daemon()
        queue.wait_final(add_job(3))
        assert running.count("could not look at the queue") == 0
    held.close()


# ---- claims ----

TRIGGER = """
CREATE FUNCTION public.of_the_site() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.status = 'A' AND NEW.register_summary = 'poison' THEN
    RAISE EXCEPTION 'the site says no to job %', NEW.id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER of_the_site BEFORE UPDATE ON public.jobs
  FOR EACH ROW EXECUTE FUNCTION public.of_the_site()"""
CAUSES = {
    "trigger": (TRIGGER, "DROP TRIGGER of_the_site ON public.jobs", "the site says no to job {}"),
    "constraint": ("ALTER TABLE public.jobs ADD CONSTRAINT site CHECK (assigned_pid IS NULL OR"
                   " register_summary <> 'poison')",
                   "ALTER TABLE public.jobs DROP CONSTRAINT site",
                   'new row for relation "jobs" violates check constraint "site"'),
    "index": ("CREATE UNIQUE INDEX site ON public.jobs (register_summary)"
              " WHERE register_summary = 'poison' AND assigned_pid IS NOT NULL;"
              "INSERT INTO public.jobs (co_id, status, register_summary, assigned_pid, created)"
              " VALUES (4, 'OK', 'poison', 1, now())",
              "DROP INDEX site", 'duplicate key value violates unique constraint "site"'),
    "function": ("CREATE FUNCTION public.gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " IF NEW.status = 'A' AND NEW.register_summary = 'poison' THEN"
                 " PERFORM public.not_there(NEW.id); END IF; RETURN NEW; END $$;"
                 "CREATE TRIGGER gone BEFORE UPDATE ON public.jobs"
                 " FOR EACH ROW EXECUTE FUNCTION public.gone()",
                 "DROP TRIGGER gone ON public.jobs",
                 "function public.not_there(integer) does not exist"),
}


def poison(db, add_job, co, cause="trigger"):
    db.sql(CAUSES[cause][0])
    job = add_job(co, register_summary="poison")
    return job, CAUSES[cause][2].format(job)


def refused(db, job, times=1):
    """Waits until the job was refused so many times; the row of its lane."""
    def is_noted():
        rows = db.sql("SELECT * FROM jobd.lane WHERE refused_job = %s AND refusals >= %s", job,
                      times)
        return rows[0] if rows else None
    return wait_for(is_noted, 20, f"job {job} refused {times} times")


def pause_for_long(db, co):
    """The next try is far away, and the look that was to find it has found nothing."""
    before = db.value("WITH before AS (SELECT retry_at FROM jobd.lane WHERE co_id = %s FOR UPDATE)"
                      " UPDATE jobd.lane SET retry_at = now() + interval '55 s' FROM before"
                      " WHERE co_id = %s RETURNING before.retry_at", co, co)
    wait_for(lambda: db.value("SELECT now() > %s + interval '500 ms'", before))


def test_the_registry_cancels_it(queue, daemon, add_job):
    """As its pages do, by the row's id: the CO goes on at once."""
    daemon()
    job, _ = poison(queue, add_job, 2)
    behind = add_job(2)
    refused(queue, job)
    pause_for_long(queue, 2)
    assert queue.cancel(job) == 1
    assert queue.wait_final(behind, timeout=5)[0]["status"] == "OK"


def test_clock_put_back(queue, daemon, add_job):
    """A pause that ends in an hour is none."""
    job, _ = poison(queue, add_job, 2)
    running = daemon()
    refused(queue, job)
    queue.sql(CAUSES["trigger"][1])
    running.stop()
    queue.sql("UPDATE jobd.lane SET retry_at = now() + interval '1 hour'")
    daemon()
    assert queue.wait_final(job, timeout=5)[0]["status"] == "OK"


@pytest.mark.parametrize("cause", CAUSES)
def test_poison_row(queue, daemon, add_job, command, cause):
    """Its CO waits, no worker dies, other COs run at once, and a cancel lets the CO go on at once."""
    db = queue
    running = daemon(workers=2)
    db.wait_final(add_job(3))
    workers = set(running.workers())
    job, words = poison(db, add_job, 2, cause)
    behind = add_job(2)
    lane = refused(db, job, times=2)
    assert lane["refused_words"] == words and lane["supervisor_id"] is None
    for co in (3, 4) * 5:
        db.wait_final(add_job(co), timeout=3)
    assert workers <= set(running.workers()) and running.count("worker .* exited") == 0
    assert running.count("the turn of CO .* had to end") == 0
    assert [db.status(job), db.status(behind)] == ["Q", "Q"]

    assert why(command, job, "refused", words, f"registry-job cancel {job}")["behind"] is None
    assert why(command, behind, "behind_refused", words)["behind"] == job
    found = [f for f in json.loads(command("doctor", "--json").stdout)["checks"]
             if f["check"] == "refused"]
    assert [f["result"] for f in found] == ["error"] and words in found[0]["text"]
    assert f"registry-job cancel {job}" in found[0]["remedy"]

    pause_for_long(db, 2)
    done = command("settle", job)
    assert done.returncode == FAILED and words in done.stderr
    assert command("cancel", job).returncode == 0
    assert db.wait_final(behind)[0]["status"] == "OK"
    assert db.status(job) == "CX"
    assert "no job is" in command("doctor").stdout
    assert running.stop() == 0


def test_mended(queue, daemon, add_job):
    """When the cause is gone, the job is tried again by itself, and runs before the others."""
    db = queue
    running = daemon()
    job, _ = poison(db, add_job, 2)
    behind = add_job(2)
    refused(db, job)
    db.sql(CAUSES["trigger"][1])
    rows = db.wait_final(job, behind)
    assert [row["status"] for row in rows] == ["OK", "OK"]
    assert rows[0]["start_time"] <= rows[1]["start_time"]
    assert running.count(rf"job {job}: could not be assigned") >= 1


def test_behind_others(queue, daemon, add_job, trace):
    """Met in the middle of a turn: what ran before has its end, and runs once."""
    db = queue
    db.sql(TRIGGER)
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 100})
    job = add_job(2, register_summary="poison")
    running = daemon()
    refused(db, job)
    assert db.status(first) == "OK" and trace.begun() == [first]
    assert not db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL")
    assert running.count("had to end") == 0


def test_one_that_comes_before(queue, daemon, add_job):
    """A job with a lower id that becomes ready is not kept waiting by the note."""
    db = queue
    early = add_job(2, delay=1000)
    daemon()
    job, _ = poison(db, add_job, 2)
    refused(db, job)
    db.sql("UPDATE jobd.lane SET retry_at = now() + interval '50 s' WHERE co_id = 2")
    db.sql("UPDATE public.jobs SET start_after_time = now() - interval '1 hour' WHERE id = %s",
           early)
    assert db.wait_final(early)[0]["status"] == "OK"
    assert db.status(job) == "Q"


def test_pause_grows(queue, daemon, add_job, db):
    """The pause doubles up to half a minute, for every daemon, and hints do not shorten it."""
    daemon()
    job, _ = poison(queue, add_job, 2)
    refused(queue, job)
    queue.sql("UPDATE jobd.lane SET refusals = 3, retry_at = now() WHERE co_id = 2")
    queue.sql("NOTIFY registry_jobd, 'queued 2'")
    lane = refused(queue, job, times=4)
    pause = queue.value("SELECT extract(epoch FROM retry_at - now())::float8 FROM jobd.lane"
                        " WHERE co_id = 2")
    assert 2 < pause <= 8
    for i in range(50):
        queue.sql("SELECT pg_notify('registry_jobd', 'queued 2')")
    add_job(3)
    queue.wait_final(add_job(3))
    assert refused(queue, job)["retry_at"] == lane["retry_at"]
    queue.sql("UPDATE jobd.lane SET refusals = 2147483647, retry_at = now() WHERE co_id = 2")
    queue.sql("NOTIFY registry_jobd, 'queued 2'")
    wait_for(lambda: queue.value("SELECT retry_at > now() + interval '25 s' FROM jobd.lane"
                                 " WHERE co_id = 2"))
    assert refused(queue, job)["refusals"] == MOST


def test_drain(queue, command, add_job):
    """A drain leaves the job where it is, says so, and ends."""
    job, words = poison(queue, add_job, 2)
    other = add_job(3)
    done = command("-r", "-c", "all")
    assert queue.status(other) == "OK" and queue.status(job) == "Q"
    assert re.search(rf"job {job}: could not be assigned.*{words}", done.stderr)


def test_locked_row_is_said(queue, daemon, add_job, command):
    """Somebody's lock on the first job holds up its CO, and is named; when it ends, there is no pause."""
    db = queue
    job = add_job(2)
    holder = db.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM public.jobs WHERE id = %s FOR UPDATE", (job,))
    running = daemon()
    refused(db, job)
    why(command, job, "refused", "lock timeout")
    db.wait_final(add_job(3), timeout=5)
    workers = set(running.workers())
    holder.close()
    assert db.wait_final(job, timeout=8)[0]["status"] == "OK"
    assert workers <= set(running.workers())
