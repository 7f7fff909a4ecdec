"""A connection that is lost at any moment costs no job: nothing fails, nothing runs twice."""
import pytest
from conftest import wait_for
from lab import proxy  # noqa: F401  (a fixture)

COUNT = "Example.CountJob"


@pytest.fixture
def server(cluster):
    yield cluster
    if not cluster.is_running():
        cluster.start()


def check(db, trace, ids):
    rows = db.wait_final(*ids, timeout=40)
    wrong = [(row["id"], row["status"], row["finish_summary"]) for row in rows
             if row["status"] != "OK"]
    assert not wrong, wrong
    assert sorted(trace.begun()) == sorted(ids), "a job ran twice, or not at all"
    trace.check_one_at_a_time()
    db.wait_idle()


def test_claim_without_an_answer(empty_queue, daemon, add_job, trace, proxy):
    """The server finishes one job and assigns the next, and its answer never arrives: the worker
    finds the job that it was given, and runs it."""
    db = empty_queue
    running = daemon(workers=1, conninfo=proxy.conninfo(db.name))
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 300})
    second = add_job(2, COUNT, {"trace": trace.path})
    wait_for(lambda: trace.begun())
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
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 300})
    second = add_job(2, COUNT, {"trace": trace.path})
    wait_for(lambda: trace.begun())
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
