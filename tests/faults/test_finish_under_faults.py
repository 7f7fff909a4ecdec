"""Law 5, while things break: a job that ran is finished, as what it was, and the next one begins,
though the worker's connection is lost at any of its steps."""
import subprocess

from conftest import wait_for
from lab import proxy  # noqa: F401  (a fixture)
from laws import COUNT, WORKER, check_complete, cut, wait_asleep, wait_begun, waiting


def test_start_that_was_lost(empty_queue, daemon, add_job):
    """A crash of the server can take the start back, whose commit did not wait for the disk."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 20, "sleep_ms": 100})
    db.wait_status(job, "GO")
    db.undo("UPDATE public.jobs SET status = 'A', start_time = NULL, start_summary = NULL"
           " WHERE id = %s", job)
    assert cut(db)
    print("injected: the row says Assigned again, and the worker's connection is gone")
    row, = db.wait_final(job)
    assert row["status"] == "OK" and row["finish_summary"] == "counted to 20"
    assert row["start_time"] and row["start_summary"].startswith("Started Example.CountJob on ")
    print("checked: Complete, with its start")


def test_lost_while_parameters_are_checked(empty_queue, daemon, add_job):
    """A connection that is lost over the ids in a job's parameters is opened again."""
    db = empty_queue
    person = db.value("SELECT min(id) FROM public.people WHERE co_id = 2")
    daemon(workers=1)
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("LOCK TABLE public.people IN ACCESS EXCLUSIVE MODE")
        job = add_job(2, COUNT, {"person_id": person})
        wait_for(lambda: waiting(db, WORKER), what="the check of the id")
        assert cut(db)
    conn.close()
    print("injected: a worker's backend terminated while it checked an id")
    row, = db.wait_final(job)
    assert row["status"] == "OK" and row["finish_summary"] == "counted to 1"
    print("checked: Complete")


def test_progress_goes_on_after_an_outage(empty_queue, daemon, add_job):
    """Progress that was skipped while the connection was away is shown over the next one."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 1000, "sleep_ms": 20})
    wait_for(lambda: db.job(job)["percent_complete"], what="progress")
    assert cut(db)
    seen = db.job(job)["percent_complete"]
    print("injected: the worker's backend terminated at", seen, "%")
    wait_for(lambda: db.job(job)["percent_complete"] > seen, what="more progress")
    assert db.status(job) == "GO"
    db.cancel(job)
    wait_for(lambda: not db.value("SELECT count(*) FROM jobd.lane WHERE co_id = 2"
                                  " AND token IS NOT NULL"), what="the lane is free")
    print("checked: the same plugin went on to", db.job(job)["percent_complete"], "%")


def test_answer_to_a_finish_lost(empty_queue, daemon, add_job, trace, proxy):
    """It was finished by ourselves: the log does not say that somebody canceled it."""
    db = empty_queue
    running = daemon(workers=1, conninfo=proxy.conninfo(db.name))
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 400})
    wait_asleep(db, proxy, job)
    assert proxy.half_open("worker", replies=True) == 1
    db.wait_status(job, "OK")
    proxy.cut("worker")
    print("injected: the answer to a finish is lost, with its connection")
    running.wait_log(f"job {job}: complete: counted")
    assert not running.count("its plugin ended")
    check_complete(db, trace, [job])
    print("checked: it is logged as any other finish")


def test_connection_lost_with_the_last_word(empty_queue, daemon, add_job, trace):
    """Lost after the lane was given back: the next turn of the same worker has a connection."""
    db = empty_queue
    db.sql("CREATE FUNCTION public.cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$")
    db.sql("CREATE TRIGGER cut BEFORE INSERT ON public.job_history_records FOR EACH ROW"
           " WHEN (NEW.record_key = 'registry-jobd: stopped') EXECUTE FUNCTION public.cut()")
    running = daemon(workers=1)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 60000})
    wait_begun(trace, job)
    db.cancel(job)
    wait_for(lambda: job in trace.ended())
    db.wait_idle()
    following = add_job(2, COUNT, {"trace": trace.path})
    assert db.wait_final(following)[0]["status"] == "OK"
    assert not running.count("had to end|not connected|worker .* (exited|killed)")
    print("injected: a connection lost at the end of a turn; checked: the worker serves the next")


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
