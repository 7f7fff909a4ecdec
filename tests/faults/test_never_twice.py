"""Law 3: never twice. Whichever answer is lost, whatever a failover undoes, no plugin is called a second
time for a job, and no job is lost or stays as it is."""
import subprocess

import pytest
from conftest import LOGIN, wait_for
from lab import proxy  # noqa: F401  (a fixture)
from laws import ANY, COUNT, WORKER, check_complete, cut, wait_asleep, wait_begun

LOSE_LANES = ("UPDATE jobd.lane SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL,"
              " token = NULL, since = NULL")


def fail_over(db, claimed, finished=None, delay=None, application=WORKER):
    """These connections end, and as on a standby that lagged behind {finish `finished`, claim
    `claimed`} has never happened, nor what came after; with `delay`, that it fell due neither."""
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("SET application_name = 'registry-job: a test'")  # as Database.undo()
        cursor.execute("UPDATE public.jobs SET status = 'GO', finish_time = NULL,"
                       " finish_summary = NULL WHERE id = %s", (finished,))
        cursor.execute("UPDATE public.jobs SET status = 'Q', assigned_host = NULL,"
                       " assigned_pid = NULL, start_time = NULL, start_summary = NULL"
                       " WHERE id = %s", (claimed,))
        if delay:
            cursor.execute("UPDATE jobd.queue SET ready = false, due = (now() AT TIME ZONE 'UTC')"
                           " + make_interval(secs => %s) WHERE job_id = %s", (delay, claimed))
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE application_name LIKE %s AND datname = current_database()",
                       (application,))
    conn.close()
    print(f"injected: a failover that loses the finish of job {finished} and all of job {claimed}")


def test_claim_without_an_answer(empty_queue, daemon, add_job, trace, proxy):
    """The server finishes one job and assigns the next, and its answer never arrives: the worker
    finds the job that it was given, and runs it."""
    db = empty_queue
    running = daemon(workers=1, conninfo=proxy.conninfo(db.name))
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 400})
    second = add_job(2, COUNT, {"trace": trace.path})
    wait_asleep(db, proxy, first)
    assert proxy.half_open("worker", replies=True) == 1
    db.wait_status(second, "A")
    assert db.status(first) == "OK"
    proxy.cut("worker")
    print("injected: the answer to a finish that claims is lost, with its connection")
    check_complete(db, trace, [first, second])
    running.wait_log(f"job {second}: assigned before the connection was lost, going on with it")
    assert not running.count("terminated")
    print("checked: both jobs complete, each once, by the same worker")


def test_lane_lost_with_the_answer(empty_queue, daemon, add_job, trace, proxy):
    """The same, and meanwhile others have settled this worker: it does not run what is no longer
    its own."""
    db = empty_queue
    daemon(workers=1, conninfo=proxy.conninfo(db.name))
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 400})
    second = add_job(2, COUNT, {"trace": trace.path})
    wait_asleep(db, proxy, first)
    proxy.half_open("worker", replies=True)
    db.wait_status(second, "A")
    db.undo("UPDATE public.jobs SET status = 'X', finish_summary = 'by others' WHERE id = %s", second)
    db.sql(LOSE_LANES)
    proxy.cut("worker")
    following = add_job(2, COUNT, {"trace": trace.path})
    assert db.wait_final(following)[0]["status"] == "OK"
    assert db.status(second) == "X" and trace.begun() == [first, following]
    print("injected: answer and lane lost; checked: the job that others settled was not run")


def test_number_of_jobs_of_a_drain(empty_queue, command, add_job, trace):
    """A worker that ends without its lane has run one job: the second of two is left to others."""
    db = empty_queue
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1000})
    second = add_job(3, COUNT, {"trace": trace.path})
    with subprocess.Popen([command.argv[0], "--config", str(command.config), "-r", "-c", "all",
                           "-m", "2", "-p", "1"], stdin=subprocess.DEVNULL) as drain:
        wait_begun(trace, first)
        db.sql(LOSE_LANES)
        assert cut(db)
        print("injected: a worker of a drain of two jobs loses its lane")
        assert drain.wait(60) == 0
    assert [db.status(first), db.status(second)] == ["OK", "OK"]
    print("checked: the second job was run")


def test_old_row_of_the_same_pid(empty_queue, daemon, add_job, trace):
    """What another runner with this worker's PID left Assigned long ago is none of its business."""
    db = empty_queue
    running = daemon(workers=1)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 500})
    following = add_job(2, COUNT, {"trace": trace.path})
    wait_begun(trace, job)
    old = add_job(2, COUNT, {"trace": trace.path}, delay=3600)
    db.undo("UPDATE public.jobs SET status = 'A', modified = modified - interval '1 day',"
           " assigned_host = o.assigned_host, assigned_pid = o.assigned_pid"
           " FROM (SELECT assigned_host, assigned_pid FROM public.jobs WHERE id = %s) AS o"
           " WHERE jobs.id = %s", job, old)
    assert cut(db)
    print("injected: a lost connection, and an old row with the worker's PID")
    check_complete(db, trace, [job, following])
    assert db.status(old) == "A" and not running.count(f"job {old}:")
    print("checked: the old row was left alone")


@pytest.mark.parametrize("application", [WORKER, ANY], ids=["worker", "all"])
def test_failover_under_a_plugin(empty_queue, daemon, add_job, trace, application):
    """Both plugins were called: neither is called again, and neither job stays as it is. The worker
    alone loses its connection, or its supervisor, too."""
    db = empty_queue
    running = daemon(workers=1, sweep="1s", cancel_poll="1s")
    first = add_job(2, COUNT, {"trace": trace.path})
    second = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1500})
    wait_begun(trace, second)
    assert db.status(first) == "OK"
    fail_over(db, second, first, application=application)
    rows = db.wait_final(first, second)
    assert [row["status"] for row in rows] == ["X", "X"], rows
    third = add_job(2, COUNT, {"trace": trace.path})
    assert db.wait_final(third)[0]["status"] == "OK"
    assert trace.begun() == [first, second, third]
    running.wait_log(f"job {second}: Queued again after a lost connection")
    assert not running.count("had to end")
    db.wait_idle()
    print("checked: both are settled as Failed, each was called once, and the CO goes on")


def test_failover_before_a_start(empty_queue, daemon, add_job, trace):
    """The finish of one job and the claim of the next are undone before this one was started: it was
    not called, and runs."""
    db = empty_queue
    first = add_job(2, COUNT, {"trace": trace.path})
    second = add_job(2, COUNT, {"trace": trace.path})
    db.sql("CREATE SEQUENCE public.hangs")
    db.sql(f"GRANT ALL ON SEQUENCE public.hangs TO {LOGIN}")
    db.sql("CREATE FUNCTION public.hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           f" IF EXISTS (SELECT FROM public.jobs WHERE id = {second} AND status = 'A')"
           " AND current_setting('application_name') = 'registry-jobd worker'"
           " AND nextval('public.hangs') = 1 THEN PERFORM pg_sleep(60); END IF;"
           " RETURN NULL; END $$")
    db.sql("CREATE TRIGGER hang BEFORE UPDATE ON public.jobs FOR EACH STATEMENT"
           " EXECUTE FUNCTION public.hang()")
    running = daemon(workers=1, sweep="1s")
    wait_for(lambda: db.value("SELECT is_called FROM public.hangs"), what="the start")
    assert db.status(first) == "OK" and db.status(second) == "A"
    fail_over(db, second, first)
    rows = db.wait_final(first, second)
    assert [row["status"] for row in rows] == ["X", "OK"], rows
    assert trace.begun() == [first, second]
    running.wait_log(f"job {first}: In Progress again after a lost connection")
    db.wait_idle()
    print("checked: the first is settled as Failed, the second ran once")


@pytest.mark.parametrize("has_third", [True, False])
def test_failover_undoes_a_promotion(empty_queue, daemon, add_job, trace, has_third):
    """A job whose claim was undone is not ready any more: it is settled, it and no other."""
    db = empty_queue
    daemon(workers=1, sweep="1s")
    first = add_job(2, COUNT, {"trace": trace.path})
    second = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1500})
    third = [add_job(2, COUNT, {"trace": trace.path})] if has_third else []
    wait_begun(trace, second)
    fail_over(db, second, delay=4)
    rows = db.wait_final(first, second, *third, timeout=25)
    assert [row["status"] for row in rows] == ["OK", "X"] + ["OK"] * len(third)
    assert trace.begun() == [first, second, *third]
    print("checked: settled, and run once")


def test_failover_undoes_a_lane(empty_queue, daemon, add_job, trace):
    """What an asynchronous standby had not got: that a lane was taken, and its job. The worker that
    is still at it ends; what follows is not beside it for longer than a look."""
    db = empty_queue
    first = daemon(workers=1, sweep="1s")
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 20000})
    wait_begun(trace, job)
    pid = db.job(job)["assigned_pid"]
    # Not Queued, as it would be: then somebody would run it again, rightly.
    db.undo("UPDATE public.jobs SET status = 'X' WHERE id = %s", job)
    db.sql("DELETE FROM jobd.lane")
    assert cut(db, ANY)
    print("injected: lane and job undone, all connections cut")
    wait_for(lambda: pid not in first.workers(), 10)
    first.wait_log("does not hold its lane any more")
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    print("checked: the worker was ended, the CO goes on")


@pytest.mark.limit(90)
def test_backends_cut_under_load(empty_queue, daemon, add_job, trace, rng):
    """Workers' connections are cut all the time, between claim and answer too: every job is
    Complete."""
    db = empty_queue
    running = daemon(sweep="1s")
    ids = [add_job(2 + i % 3, COUNT, {"trace": trace.path, "records": 1, "sleep_ms": 2})
           for i in range(400)]
    cuts = seen = 0

    def cut_or_done():
        nonlocal cuts, seen
        begun = len(trace.begun())
        if begun > seen and rng.random() < 0.8:  # a slow machine comes on, too
            cuts, seen = cuts + cut(db), begun
        return not db.value("SELECT count(*) FROM jobd.queue")
    wait_for(cut_or_done, 60, interval=0.02)
    check_complete(db, trace, ids)
    print(f"injected: {cuts} connections of workers cut")
    print(f"checked: {len(ids)} jobs complete, each once; claims found again:"
          f" {running.count('going on with it')}")


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_restarts_under_load(server, empty_queue, daemon, add_job, trace, mode):
    """PostgreSQL is restarted while jobs are claimed, started and finished: none fails."""
    db = empty_queue
    daemon(sweep="1s")
    ids = [add_job(2 + i % 3, COUNT, {"trace": trace.path, "records": 1, "sleep_ms": 5})
           for i in range(300)]
    for _ in range(3):
        seen = len(trace.begun())
        wait_for(lambda seen=seen: len(trace.begun()) > seen + 20 or len(trace.begun()) == 300)
        db.close()
        server.stop(mode)
        server.start()
    check_complete(db, trace, ids)
    print(f"injected: three {mode} restarts; checked: {len(ids)} jobs complete, each once")
