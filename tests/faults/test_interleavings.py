"""Found by asking of every step: and if something else happens just now? One test for each."""
import os
import signal

import pytest
from conftest import wait_for

COUNT = "Example.CountJob"
REFUSE = """
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.record_key NOT LIKE 'registry-jobd%%' THEN RAISE 'no' USING ERRCODE = '{}'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON public.job_history_records FOR EACH ROW
  EXECUTE FUNCTION public.refuse()"""


def allow(db):
    db.sql("DROP TRIGGER refuse ON public.job_history_records")


def records(db, job):
    return [r for r in db.history(job) if not r["record_key"].startswith("registry-jobd")]


def cut_all(db):
    return db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'registry-jobd%%'"
                    " AND datname = current_database()")


def lanes_taken(db):
    """How often lanes were taken or given back so far, as PostgreSQL counts."""
    return db.value("SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_all_tables"
                    " WHERE schemaname = 'jobd' AND relname = 'lane'") or 0


def test_suspended_co_beside_another_daemon(empty_queue, daemon, add_job):
    """LESSONS 7: a job of a CO that is not active is nobody's business. That its lane is given back
    may not send everybody there again."""
    db = empty_queue
    for _ in range(2):
        daemon(sweep="1h")
    db.sql("UPDATE public.cos SET status = 'S' WHERE id = 2")
    job = add_job(2)
    print("injected: a job of a suspended CO, two daemons")
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.lane WHERE co_id = 2"))
    others = [add_job(3) for _ in range(3)]  # time passes
    db.wait_final(*others)
    before = lanes_taken(db)
    db.wait_final(*[add_job(3, delay=1)])
    assert lanes_taken(db) - before < 40, "daemons wake each other without end"
    assert db.status(job) == "Q"
    db.sql("UPDATE public.cos SET status = 'A' WHERE id = 2")
    add_job(2)  # tells of the CO
    assert db.wait_final(job)[0]["status"] == "OK"
    print("checked: nobody turns in a circle, and the job runs when its CO is active")


def test_lease_is_the_same_on_both_sides(empty_queue, daemon):
    """Law 1: others must not count a shorter lease than the daemon itself."""
    daemon(lease="3900ms", heartbeat="1s")
    assert empty_queue.value("SELECT extract(epoch FROM lease)::float FROM jobd.supervisor") == 3.9


@pytest.mark.parametrize("how", ["refused", "locked"])
def test_history_that_cannot_be_written(empty_queue, daemon, add_job, trace, how):
    """LESSONS 5: the last records of a dead worker cannot be written; its CO goes on all the same,
    and they are written when they can be."""
    db = empty_queue
    running = daemon(workers=1)
    # Of the two records of a step the first is written at once, the second with the next step.
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 3000, "records": 2, "count": 30})
    following = add_job(2, COUNT, {"trace": trace.path})
    wait_for(lambda: records(db, job))
    lock = db.connect(autocommit=False)
    if how == "refused":
        db.sql(REFUSE.format("42501"))
    else:
        lock.cursor().execute("LOCK TABLE public.people IN ACCESS EXCLUSIVE MODE")
    assert len(records(db, job)) == 1
    print(f"injected: job_history_records {how}, the worker killed")
    os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    rows = db.wait_final(job, following, timeout=15)
    assert [row["status"] for row in rows] == ["X", "OK"]
    assert running.count("have to wait") == 1
    if how == "refused":
        allow(db)
    lock.rollback()
    lock.close()
    wait_for(lambda: len(records(db, job)) == 2)
    print("checked: the CO went on; the records came later, each once")


def test_records_of_a_worker_that_ends_well(empty_queue, daemon, add_job, trace):
    """Law 10: a worker that could not write its last records and is retired later leaves them."""
    db = empty_queue
    running = daemon(workers=1)
    db.sql(REFUSE.format("42501"))
    job = add_job(2, COUNT, {"trace": trace.path, "records": 1})
    db.wait_final(job)
    running.wait_log("could not be written")
    allow(db)
    print("injected: records refused until after the finish")
    assert running.stop() == 0
    assert len(records(db, job)) == 1
    print("checked: the record is there")


def test_one_record_that_is_nonsense(empty_queue, daemon, add_job):
    """One record that the server does not take costs itself alone."""
    db = empty_queue
    running = daemon()
    db.sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF"
           " NEW.record_key = 'step 1 record 8' THEN RAISE 'bad' USING ERRCODE = '22012';"
           " END IF; RETURN NEW; END $$")
    db.sql("CREATE TRIGGER refuse BEFORE INSERT ON public.job_history_records FOR EACH ROW"
           " EXECUTE FUNCTION public.refuse()")
    job = add_job(2, COUNT, {"records": 10, "end": "kill"})
    assert db.wait_final(job)[0]["status"] == "X"
    running.wait_log("leaving it out")
    assert len(wait_for(lambda: (r := records(db, job)) and len(r) == 9 and r)) == 9
    wait_for(lambda: db.value("SELECT counters ->> 'records_lost' FROM jobd.supervisor") == "1")
    print("injected: one record of ten that is an error; checked: the other nine are there, and the"
          " one is counted")


@pytest.mark.parametrize("poll", ["1h", "1s"])
def test_shutdown_of_a_canceled_job(empty_queue, daemon, add_job, trace, poll):
    """A shutdown comes to its SIGKILL although the job is seen as canceled again and again."""
    db = empty_queue
    running = daemon(workers=1, cancel_poll=poll, stop_timeout="0", lease="18s")
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 100000, "ignore_cancel": True,
                             "trap_term": True})
    wait_for(lambda: trace.begun())
    db.cancel(job)
    running.signal(signal.SIGTERM)
    assert running.wait(12) == 0
    assert not db.value("SELECT count(*) FROM jobd.lane WHERE supervisor_id IS NOT NULL")
    print("injected: cancel, then SIGTERM, against a plugin that hears neither; checked: ended")


def test_failover_undoes_a_lane(empty_queue, daemon, add_job, trace):
    """What an asynchronous standby had not got: that a lane was taken, and its job. The worker that
    is still at it ends; what follows is not beside it for longer than a look."""
    db = empty_queue
    first = daemon(workers=1, sweep="1s")
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 20000})
    wait_for(lambda: trace.begun())
    pid = db.job(job)["assigned_pid"]
    # Not Queued, as it would be: then somebody would run it again, rightly.
    db.sql("UPDATE public.jobs SET status = 'X' WHERE id = %s", job)
    db.sql("DELETE FROM jobd.lane")
    cut_all(db)
    print("injected: lane and job undone, all connections cut")
    wait_for(lambda: pid not in first.workers(), 10)
    first.wait_log("does not hold its lane any more")
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    print("checked: the worker was ended, the CO goes on")


def test_failover_undoes_a_finish(empty_queue, daemon, add_job, trace):
    """What an asynchronous standby had not got: the finish of one job, and the claim of the next,
    which runs already. Neither is called a second time by the worker, and neither stays for ever."""
    db = empty_queue
    daemon(workers=1, sweep="1s", cancel_poll="1s")
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 100})
    second = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1500})
    wait_for(lambda: len(trace.begun()) == 2)
    pid = db.job(second)["assigned_pid"]
    db.sql("UPDATE public.jobs SET status = 'GO', finish_time = NULL, finish_summary = NULL"
           " WHERE id = %s", first)
    db.sql("UPDATE public.jobs SET status = 'Q', assigned_host = NULL, assigned_pid = NULL,"
           " start_time = NULL, start_summary = NULL WHERE id = %s", second)
    cut_all(db)
    print("injected: {finish, claim} and a start undone, all connections cut")
    rows = db.wait_final(first, second)
    assert rows[0]["status"] == "X"
    again = [event for event in trace.events() if event[0] == "begin" and event[3] == pid]
    assert [event[1] for event in again] == [first, second]
    db.wait_idle()
    print("checked: settled; the worker that had run both ran nothing more")


def test_settling_behind_a_locked_head(empty_queue, daemon, add_job, trace):
    """Somebody holds a lock on the head of one CO: the dead worker of another CO is settled all the
    same, because a worker that takes a lane does not wait for long."""
    db = empty_queue
    daemon(workers=2)
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_for(lambda: trace.begun())
    lock = db.connect(autocommit=False)
    head = add_job(3, COUNT, {"trace": trace.path}, delay=3600)
    with lock.cursor() as cursor:
        cursor.execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (head,))
    db.sql("UPDATE jobd.queue SET ready = true WHERE job_id = %s", head)
    db.sql("SELECT pg_notify('registry_jobd', 'queued 3')")
    wait_for(lambda: db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                              " AND application_name = 'registry-jobd worker'"))
    os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    print("injected: a lock on the head of one CO, a worker of another killed")
    assert db.wait_status(job, "X", timeout=6)
    lock.rollback()
    lock.close()
    assert db.wait_final(head)[0]["status"] == "OK"
    print("checked: settled meanwhile; the head ran when it was free")


def test_many_dead_workers_behind_a_lock(empty_queue, daemon, add_job, trace, cos):
    """Many dead workers wait to write their history: one refusal is enough for all of their jobs to be
    settled, heartbeats do not wait behind them, and jobs of other COs go on."""
    db = empty_queue
    running = daemon(workers=10, lease="9s", heartbeat="1s")
    bystander = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    # Of the two records of a step the first is written at once, the second with the next step.
    jobs = [add_job(co, COUNT, {"sleep_ms": 5000, "records": 2, "count": 30}) for co in cos(8)]
    wait_for(lambda: all(records(db, job) for job in jobs))
    lock = db.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.job_history_records IN SHARE MODE")
    for job in jobs:
        os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    print("injected: a share lock on the history, eight workers killed")
    assert {row["status"] for row in db.wait_final(*jobs, timeout=15)} == {"X"}
    running.wait_log("job [0-9]+: failed: terminated", times=8)
    settled = running.log().rpartition(": failed: terminated")[0]
    assert settled.count("have to wait") < 4, "each waited for the lock before its job was settled"
    start = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT seen > %s + interval '5 s' FROM jobd.supervisor", start), 12)
    assert db.status(bystander) == "GO" and not running.count("lease could not be renewed")
    lock.rollback()
    lock.close()
    wait_for(lambda: all(len(records(db, job)) == 2 for job in jobs))
    print("checked: all settled at once, the lease held, the records written afterwards")


def test_connection_lost_while_dead_workers_wait(empty_queue, daemon, add_job, cos):
    """The supervisor loses its connection while records and settlements of many dead workers are on
    their way: nothing of it is forgotten, none is written twice, and every slot serves again."""
    db = empty_queue
    daemon(workers=4, lease="9s", heartbeat="1s")
    jobs = [add_job(co, COUNT, {"sleep_ms": 5000, "records": 2, "count": 30}) for co in cos(4)]
    wait_for(lambda: all(records(db, job) for job in jobs))
    lock = db.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.job_history_records, public.jobs IN SHARE MODE")
    pids = [db.job(job)["assigned_pid"] for job in jobs]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    waiting = ("FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
               " AND application_name = 'registry-jobd supervisor' AND query LIKE %s")
    # Settlements come when the server has refused the records, a second later.
    for what in ("%INSERT INTO public.job_history_records%", "%WITH holder AS%") * 2:
        wait_for(lambda w=what: db.value(f"SELECT count(*) {waiting}", w))
        db.sql(f"SELECT pg_terminate_backend(pid) {waiting}", what)
        print(f"injected: a connection cut whose {what} waited for a lock")
    lock.rollback()
    lock.close()
    assert {row["status"] for row in db.wait_final(*jobs)} == {"X"}
    wait_for(lambda: all(len(records(db, job)) == 2 for job in jobs))
    again = [add_job(co, COUNT, {"sleep_ms": 200}) for co in (2, 3, 4, 1)]
    assert {row["status"] for row in db.wait_final(*again)} == {"OK"}
    db.wait_idle()
    assert all(len(records(db, job)) == 2 for job in jobs)
    print("checked: all settled, their records there once, the slots free")


def test_settling_beside_one_that_is_refused(empty_queue, daemon, add_job, trace):
    """Somebody holds a lock on the job of one dead worker: others that die are settled all the same,
    whichever slot they have."""
    db = empty_queue
    daemon(workers=4)
    jobs = [add_job(co, COUNT, {"trace": trace.path, "end": "sleep"}) for co in (2, 3, 4)]
    wait_for(lambda: len(trace.begun()) == 3)
    pids = [db.job(job)["assigned_pid"] for job in jobs]
    first = min(range(3), key=lambda i: trace.begun().index(jobs[i]))
    lock = db.connect(autocommit=False)
    lock.cursor().execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (jobs[first],))
    os.kill(pids[first], signal.SIGKILL)
    waits = ("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
             " AND application_name = 'registry-jobd supervisor'")
    for other in {0, 1, 2} - {first}:
        wait_for(lambda: not db.value(waits))
        wait_for(lambda: db.value(waits))  # it is tried again
        os.kill(pids[other], signal.SIGKILL)
        print("injected: a worker killed while the settlement of another one waits for a lock")
        assert db.wait_status(jobs[other], "X", timeout=15)
    assert db.status(jobs[first]) == "GO"
    lock.rollback()
    lock.close()
    assert db.wait_final(jobs[first])[0]["status"] == "X"
    print("checked: settled beside it, and it as well when the lock was gone")


@pytest.mark.parametrize("has_third", [True, False])
def test_failover_undoes_a_promotion(empty_queue, daemon, add_job, trace, has_third):
    """A job whose claim was undone is not ready any more: it is settled, it and no other."""
    db = empty_queue
    daemon(workers=1, sweep="1s")
    first = add_job(2, COUNT, {"trace": trace.path})
    second = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1500})
    third = [add_job(2, COUNT, {"trace": trace.path})] if has_third else []
    wait_for(lambda: second in trace.begun())
    undo = db.connect(autocommit=False)
    with undo.cursor() as cursor:
        cursor.execute("UPDATE public.jobs SET status = 'Q', assigned_host = NULL, assigned_pid ="
                       " NULL, start_time = NULL, start_summary = NULL WHERE id = %s", (second,))
        cursor.execute("UPDATE jobd.queue SET ready = false, due = (now() AT TIME ZONE 'UTC')"
                       " + interval '4 s' WHERE job_id = %s", (second,))
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                       " application_name = 'registry-jobd worker'"
                       " AND datname = current_database()")
    undo.commit()
    undo.close()
    print("injected: claim, start and promotion undone, the worker's connection cut")
    rows = db.wait_final(first, second, *third, timeout=25)
    assert [row["status"] for row in rows] == ["OK", "X"] + ["OK"] * len(third)
    assert trace.begun() == [first, second, *third]
    print("checked: settled, and run once")
