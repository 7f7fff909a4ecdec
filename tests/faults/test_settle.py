"""Law 4: never stuck. What a dead worker leaves is settled soon, whatever locks, lost connections and
other dead workers are in the way, and keeps nobody else."""
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import LOGIN, wait_for
from laws import ANY, COUNT, WORKER, check_steps, cut, steps, wait_begun, wait_seconds, waiting


def test_settling_behind_a_locked_head(empty_queue, daemon, add_job, trace):
    """Somebody holds a lock on the head of one CO: the dead worker of another CO is settled all the
    same, because a worker that takes a lane does not wait for long."""
    db = empty_queue
    daemon(workers=2)
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_begun(trace, job)
    lock = db.connect(autocommit=False)
    head = add_job(3, COUNT, {"trace": trace.path}, delay=3600)
    with lock.cursor() as cursor:
        cursor.execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (head,))
    db.sql("UPDATE jobd.queue SET ready = true WHERE job_id = %s", head)
    db.sql("SELECT pg_notify('registry_jobd', 'queued 3')")
    wait_for(lambda: waiting(db, WORKER))
    os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    print("injected: a lock on the head of one CO, a worker of another killed")
    assert db.wait_status(job, "X", timeout=6)
    lock.rollback()
    lock.close()
    assert db.wait_final(head)[0]["status"] == "OK"
    print("checked: settled meanwhile; the head ran when it was free")


def test_settling_beside_one_that_is_refused(empty_queue, daemon, add_job, trace):
    """Somebody holds a lock on the job of one dead worker: others that die are settled all the same,
    whichever slot they have."""
    db = empty_queue
    daemon(workers=4)
    jobs = [add_job(co, COUNT, {"trace": trace.path, "end": "sleep"}) for co in (2, 3, 4)]
    wait_begun(trace, *jobs)
    pids = [db.job(job)["assigned_pid"] for job in jobs]
    first = min(range(3), key=lambda i: trace.begun().index(jobs[i]))
    lock = db.connect(autocommit=False)
    lock.cursor().execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (jobs[first],))
    os.kill(pids[first], signal.SIGKILL)
    for other in {0, 1, 2} - {first}:
        wait_for(lambda: not waiting(db))
        wait_for(lambda: waiting(db))  # it is tried again
        os.kill(pids[other], signal.SIGKILL)
        print("injected: a worker killed while the settlement of another one waits for a lock")
        assert db.wait_status(jobs[other], "X", timeout=15)
    assert db.status(jobs[first]) == "GO"
    lock.rollback()
    lock.close()
    assert db.wait_final(jobs[first])[0]["status"] == "X"
    print("checked: settled beside it, and it as well when the lock was gone")


def test_many_dead_workers_behind_a_lock(empty_queue, daemon, add_job, trace, cos):
    """Many dead workers wait to write their history: no job is settled later for the others',
    heartbeats do not wait behind them, and jobs of other COs go on."""
    db = empty_queue
    running = daemon(workers=22, lease="9s", heartbeat="1s")
    bystander = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    # Of the two records of a step the first is written at once, the second with the next step.
    jobs = [add_job(co, COUNT, {"sleep_ms": 5000, "records": 2, "count": 30}) for co in cos(20)]
    wait_for(lambda: all(steps(db, job) for job in jobs))
    lock = db.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.job_history_records IN SHARE MODE")
    for job in jobs:
        os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    print("injected: a share lock on the history, twenty workers killed")
    # One that waits for the lock is refused after a second: one after another they would take twenty.
    assert {row["status"] for row in db.wait_final(*jobs, timeout=6)} == {"X"}
    running.wait_log("job [0-9]+: failed: terminated", times=20)
    start = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT seen > %s + interval '5 s' FROM jobd.supervisor", start), 12)
    assert db.status(bystander) == "GO" and not running.count("lease could not be renewed")
    lock.rollback()
    lock.close()
    wait_for(lambda: all(len(steps(db, job)) == 2 for job in jobs))
    print("checked: all settled at once, the lease held, the records written afterwards")


def test_connection_lost_while_dead_workers_wait(empty_queue, daemon, add_job, cos):
    """Whoever settles loses the connection while records and settlements of many dead workers are on
    their way: nothing of it is forgotten, none is written twice, and every slot serves again."""
    db = empty_queue
    daemon(workers=4, lease="9s", heartbeat="1s")
    jobs = [add_job(co, COUNT, {"sleep_ms": 5000, "records": 2, "count": 30}) for co in cos(4)]
    wait_for(lambda: all(steps(db, job) for job in jobs))
    lock = db.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.job_history_records, public.jobs IN SHARE MODE")
    pids = [db.job(job)["assigned_pid"] for job in jobs]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for seconds in (0, 1.2) * 2:  # after a second the server refuses the first, and the next wait
        wait_seconds(db, seconds)
        n = wait_for(lambda: cut(db, ANY, only_waiting=True))
        print(f"injected: {n} connections cut on which a statement waited for a lock")
    lock.rollback()
    lock.close()
    assert {row["status"] for row in db.wait_final(*jobs)} == {"X"}
    for job in jobs:
        wait_for(lambda job=job: len(steps(db, job)) >= 2)
    again = [add_job(co, COUNT, {"sleep_ms": 200}) for co in (2, 3, 4, 1)]
    assert {row["status"] for row in db.wait_final(*again)} == {"OK"}
    db.wait_idle()
    for job in jobs:
        check_steps(db, job, 1, 2)
    print("checked: all settled, their records there once, the slots free")


@pytest.mark.parametrize("poll", ["1h", "1s"])
def test_shutdown_of_a_canceled_job(empty_queue, daemon, add_job, trace, poll):
    """A shutdown comes to its SIGKILL although the job is seen as canceled again and again."""
    db = empty_queue
    running = daemon(workers=1, cancel_poll=poll, stop_timeout="0", lease="18s")
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 100000, "ignore_cancel": True,
                             "trap_term": True})
    wait_begun(trace, job)
    db.cancel(job)
    running.signal(signal.SIGTERM)
    assert running.wait(12) == 0
    assert not db.value("SELECT count(*) FROM jobd.lane WHERE supervisor_id IS NOT NULL")
    print("injected: cancel, then SIGTERM, against a plugin that hears neither; checked: ended")


def test_note_over_a_new_connection(empty_queue, daemon, add_job, trace):
    """The connection goes right after the settlement, with the record that says how the job ended:
    the record comes over the next one, once."""
    db = empty_queue
    db.sql("CREATE SEQUENCE public.once")
    db.sql(f"GRANT ALL ON SEQUENCE public.once TO {LOGIN}")
    db.sql("CREATE FUNCTION public.cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " IF nextval('public.once') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
           " RETURN NEW; END $$")
    db.sql("CREATE TRIGGER cut BEFORE INSERT ON public.job_history_records FOR EACH ROW"
           " WHEN (NEW.record_key = 'registry-jobd: ended') EXECUTE FUNCTION public.cut()")
    running = daemon(workers=1)
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_begun(trace, job)
    os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    print("injected: the connection of the heir cut by its first record of how the job ended")
    assert db.wait_status(job, "X")
    wait_for(lambda: [row for row in db.history(job) if row["record_key"] == "registry-jobd: ended"])
    assert db.value("SELECT last_value FROM public.once") > 1
    running.wait_log("notes on the jobs of worker [0-9]+ have to wait")
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    keys = [row["record_key"] for row in db.history(job)]
    assert keys.count("registry-jobd: ended") == 1


def test_no_free_connection(empty_queue, cluster, daemon, add_job, trace):
    """A server without a free connection: the will waits for an heir that gets one, other COs go on."""
    db = empty_queue
    role = f"jobd_{os.getpid()}_{db.name}"
    db.sql(f"CREATE ROLE {role} LOGIN IN ROLE registry_jobd")
    try:
        running = daemon(workers=2, conninfo=cluster.conninfo(db.name, user=role))
        jobs = [add_job(co, COUNT, {"trace": trace.path, "end": "sleep"}) for co in (2, 3)]
        wait_begun(trace, *jobs)
        db.sql(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        os.kill(db.job(jobs[0])["assigned_pid"], signal.SIGKILL)
        print("injected: a worker killed while the server has no connection for its heir")
        running.wait_log("workers do not start: .*too many connections")
        assert [db.status(job) for job in jobs] == ["GO", "GO"]
        db.sql(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        row, = db.wait_final(jobs[0])
        assert row["status"] == "X" and "SIGKILL" in row["finish_summary"]
        assert db.status(jobs[1]) == "GO" and db.wait_final(add_job(2))[0]["status"] == "OK"
        assert running.stop() == 0
        print("checked: settled when there was a connection again; the other CO went on")
    finally:
        db.sql(f"DROP OWNED BY {role}")
        db.sql(f"DROP ROLE {role}")


def test_lock_on_one_settlement(empty_queue, daemon, add_job, trace):
    """With one worker in all, a locked job of a dead one keeps its own CO and nobody else, and no
    heartbeat; it is settled when the lock goes."""
    db = empty_queue
    running = daemon(workers=1, lease="9s", heartbeat="1s")
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_begun(trace, job)
    lock = db.connect(autocommit=False)
    lock.cursor().execute("SELECT 1 FROM public.jobs WHERE id = %s FOR UPDATE", (job,))
    os.kill(db.job(job)["assigned_pid"], signal.SIGKILL)
    print("injected: a lock on the job of the only worker, which is killed")
    behind = add_job(2)
    assert db.wait_final(add_job(3), add_job(4))[0]["status"] == "OK"
    wait_seconds(db, 12)  # several heirs
    assert db.wait_final(add_job(3))[0]["status"] == "OK"
    assert [db.status(job), db.status(behind)] == ["GO", "Q"]
    assert not running.count("lease could not be renewed")
    assert running.count("the jobs of worker [0-9]+ have to wait") == 1
    lock.rollback()
    lock.close()
    assert [row["status"] for row in db.wait_final(job, behind)] == ["X", "OK"]
    print("checked: other COs went on, the lease was held; settled afterwards")


def test_renewal_refused_over_a_new_connection(empty_queue, daemon, add_job):
    """The first renewal over a new connection meets a lock: the daemon serves again with the next."""
    db = empty_queue
    daemon(lease="12s", heartbeat="1s", sweep="1h")
    lock = db.connect(autocommit=False)
    lock.cursor().execute("SELECT 1 FROM jobd.supervisor FOR UPDATE")
    assert cut(db, "registry-jobd supervisor")
    print("injected: the supervisor's connection cut while somebody holds a lock on its row")
    wait_for(lambda: waiting(db, "registry-jobd supervisor"))
    wait_for(lambda: not waiting(db, "registry-jobd supervisor"))
    lock.rollback()
    lock.close()
    assert db.wait_final(add_job(2), timeout=10)[0]["status"] == "OK"


def test_nobody_settles_beside_the_heir(empty_queue, daemon, add_job, trace):
    """Looks at the lanes while an heir is at work find nothing that is not its own."""
    db = empty_queue
    running = daemon(workers=2, sweep="1s")
    db.sql("CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS"
           " $$ BEGIN PERFORM pg_sleep(3); RETURN NEW; END $$")
    job = add_job(2, COUNT, {"trace": trace.path, "records": 3, "end": "kill"})
    wait_for(lambda: steps(db, job) or db.status(job) == "X")
    db.sql("CREATE TRIGGER slow BEFORE INSERT ON public.job_history_records FOR EACH ROW"
           " WHEN (NEW.record_key LIKE 'step %') EXECUTE FUNCTION public.slow()")
    again = add_job(2, COUNT, {"trace": trace.path, "records": 3, "end": "kill"})
    for row in db.wait_final(job, again, timeout=40):
        assert "SIGKILL" in row["finish_summary"]
    assert not running.count("assigned only after its worker had died")
    db.sql("DROP TRIGGER slow ON public.job_history_records")
    for one in (job, again):
        wait_for(lambda one=one: len(steps(db, one)) == 3)


def test_command_killed_before_its_start(empty_queue, command, cluster, tmp_path):
    """The child of `registry-job -s` dies while its job is Assigned: the command settles it."""
    db = empty_queue
    db.sql("CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS"
           " $$ BEGIN PERFORM pg_sleep(4); RETURN NEW; END $$")
    db.sql("CREATE TRIGGER slow BEFORE UPDATE ON public.jobs FOR EACH ROW"
           " WHEN (NEW.status = 'GO') EXECUTE FUNCTION public.slow()")

    def kill_child():
        job, = wait_for(lambda: db.sql("SELECT id, assigned_pid FROM public.jobs WHERE status = 'A'"))
        path = Path(f"/proc/{job['assigned_pid']}/task/{job['assigned_pid']}/children")
        # The row is there before the child.
        for pid in wait_for(lambda: path.read_text("ascii").split()):
            os.kill(int(pid), signal.SIGKILL)
        return job["id"]
    with ThreadPoolExecutor() as pool:
        killed = pool.submit(kill_child)
        command("-c", "2", "-j", "Example.NoopJob", "-s")
        job = killed.result()
    print("injected: the child killed before it could say In Progress")
    assert db.status(job) == "X" and "SIGKILL" in db.job(job)["finish_summary"]


def test_a_row_that_cannot_be_settled(empty_queue, daemon, add_job, trace):
    """One row refuses to be written: of what a dead daemon left, it alone stays, with its lane."""
    db = empty_queue
    first = daemon(workers=3)
    jobs = [add_job(co, COUNT, {"trace": trace.path, "end": "sleep"}) for co in (2, 3, 4)]
    wait_begun(trace, *jobs)
    db.sql("CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS"
           " $$ BEGIN RAISE 'this row stays as it is'; END $$")
    db.sql(f"CREATE TRIGGER no BEFORE UPDATE ON public.jobs FOR EACH ROW WHEN (OLD.id = {jobs[1]})"
           " EXECUTE FUNCTION public.no()")
    first.kill()
    print(f"injected: the daemon killed, and job {jobs[1]} cannot be written")
    running = daemon(workers=3)
    rows = db.wait_final(jobs[0], jobs[2])
    assert [row["status"] for row in rows] == ["X", "X"]
    assert [row["status"] for row in db.wait_final(add_job(2), add_job(4))] == ["OK", "OK"]
    assert db.status(jobs[1]) == "GO"
    running.wait_log("this row stays as it is")
    db.sql("DROP TRIGGER no ON public.jobs")
    assert db.wait_final(jobs[1])[0]["status"] == "X"
    assert db.wait_final(add_job(3))[0]["status"] == "OK"
