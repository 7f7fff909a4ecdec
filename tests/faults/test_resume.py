"""A connection that is lost at any moment costs no job: nothing fails, nothing runs twice."""
import subprocess

import psycopg2
import pytest
from conftest import wait_for
from lab import proxy  # noqa: F401  (a fixture)

COUNT = "Example.CountJob"


def check(db, trace, ids):
    rows = db.wait_final(*ids, timeout=40)
    wrong = [(row["id"], row["status"], row["finish_summary"]) for row in rows
             if row["status"] != "OK"]
    assert not wrong, wrong
    assert sorted(trace.begun()) == sorted(ids), "a job ran twice, or not at all"
    trace.check_one_at_a_time()
    db.wait_idle()


def wait_asleep(db, proxy, job):
    """Until the plugin has had the answer to its start summary: whatever is sent after that through
    the proxy has come through, too. It sleeps for less than the interval of its progress."""
    wait_for(lambda: (db.job(job)["start_summary"] or "").startswith("counting"))
    conn = psycopg2.connect(proxy.conninfo(db.name))
    conn.cursor().execute("SELECT 1")
    conn.close()


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
    check(db, trace, [first, second])
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
    db.sql("UPDATE public.jobs SET status = 'X', finish_summary = 'by others' WHERE id = %s", second)
    db.sql("UPDATE jobd.lane SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL,"
           " token = NULL, since = NULL")
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
        wait_for(lambda: first in trace.begun())
        db.sql("UPDATE jobd.lane SET supervisor_id = NULL, worker_pid = NULL, worker_ticks = NULL,"
               " token = NULL, since = NULL")
        assert db.value(CUT)
        print("injected: a worker of a drain of two jobs loses its lane")
        assert drain.wait(60) == 0
    assert [db.status(first), db.status(second)] == ["OK", "OK"]
    print("checked: the second job was run")


CUT = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
       " WHERE application_name = 'registry-jobd worker' AND datname = current_database()")


def fail_over(db, finished, claimed):
    """Every connection ends, and {finish `finished`, claim `claimed`} has never happened, nor what
    came after it."""
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("UPDATE public.jobs SET status = 'GO', finish_time = NULL,"
                       " finish_summary = NULL WHERE id = %s", (finished,))
        cursor.execute("UPDATE public.jobs SET status = 'Q', assigned_host = NULL,"
                       " assigned_pid = NULL, start_time = NULL, start_summary = NULL"
                       " WHERE id = %s", (claimed,))
        cursor.execute(CUT)
    conn.close()
    print(f"injected: a failover that loses the finish of job {finished} and all of job {claimed}")


def test_failover_under_a_plugin(empty_queue, daemon, add_job, trace):
    """Both plugins were called: neither is called again, and neither job stays as it is."""
    db = empty_queue
    running = daemon(workers=1, sweep="1s")
    first = add_job(2, COUNT, {"trace": trace.path})
    second = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1000})
    wait_for(lambda: second in trace.begun())
    assert db.status(first) == "OK"
    fail_over(db, first, second)
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
    """The same before the second was started: it was not called, and runs."""
    db = empty_queue
    first = add_job(2, COUNT, {"trace": trace.path})
    second = add_job(2, COUNT, {"trace": trace.path})
    db.sql("CREATE SEQUENCE public.hangs")
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
    fail_over(db, first, second)
    rows = db.wait_final(first, second)
    assert [row["status"] for row in rows] == ["X", "OK"], rows
    assert trace.begun() == [first, second]
    running.wait_log(f"job {first}: In Progress again after a lost connection")
    db.wait_idle()
    print("checked: the first is settled as Failed, the second ran once")


def test_old_row_of_the_same_pid(empty_queue, daemon, add_job, trace):
    """What another runner with this worker's PID left Assigned long ago is none of its business."""
    db = empty_queue
    running = daemon(workers=1)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 500})
    following = add_job(2, COUNT, {"trace": trace.path})
    wait_for(lambda: job in trace.begun())
    old = add_job(2, COUNT, {"trace": trace.path}, delay=3600)
    db.sql("UPDATE public.jobs SET status = 'A', modified = modified - interval '1 day',"
           " assigned_host = o.assigned_host, assigned_pid = o.assigned_pid"
           " FROM (SELECT assigned_host, assigned_pid FROM public.jobs WHERE id = %s) AS o"
           " WHERE jobs.id = %s", job, old)
    assert db.value(CUT)
    print("injected: a lost connection, and an old row with the worker's PID")
    check(db, trace, [job, following])
    assert db.status(old) == "A" and not running.count(f"job {old}:")
    print("checked: the old row was left alone")


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
    check(db, trace, [job])
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
    wait_for(lambda: trace.begun())
    db.cancel(job)
    wait_for(lambda: job in trace.ended())
    db.wait_idle()
    following = add_job(2, COUNT, {"trace": trace.path})
    assert db.wait_final(following)[0]["status"] == "OK"
    assert not running.count("had to end|not connected|worker .* (exited|killed)")
    print("injected: a connection lost at the end of a turn; checked: the worker serves the next")


@pytest.mark.limit(90)
def test_backends_cut_under_load(empty_queue, daemon, add_job, trace, rng):
    """Workers' connections are cut all the time, between claim and answer too: every job is
    Complete. Before, a claim whose answer was lost cost its job."""
    db = empty_queue
    running = daemon(sweep="1s")
    ids = [add_job(2 + i % 3, COUNT, {"trace": trace.path, "records": 1, "sleep_ms": 2})
           for i in range(400)]
    cuts = 0

    def cut_or_done():
        nonlocal cuts
        if rng.random() < 0.8:
            cuts += db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                             " WHERE application_name = 'registry-jobd worker'"
                             " AND datname = current_database()")
        return not db.value("SELECT count(*) FROM jobd.queue")
    wait_for(cut_or_done, 60, interval=0.02)
    check(db, trace, ids)
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
    check(db, trace, ids)
    print(f"injected: three {mode} restarts; checked: {len(ids)} jobs complete, each once")
