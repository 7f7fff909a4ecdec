"""Law 6: canceled is final, whatever the plugin does."""
import os
import subprocess
import threading

from conftest import wait_for


def running(db, add_job, trace, **params):
    """A job whose plugin has begun."""
    job = add_job(2, "Example.CountJob", {"trace": trace.path, **params})
    wait_for(lambda: job in trace.begun())
    return job


def check_canceled(db, job):
    row = db.job(job)
    assert row["status"] == "CX" and row["finish_summary"] == "Job canceled by tester"
    assert row["actor_identifier"] == "tester"


def ended_how(db, job):
    """The record that says how the plugin of the canceled job ended: exactly one."""
    def there():
        return [r for r in db.history(job) if r["record_key"] == "registry-jobd: stopped"]
    records = wait_for(there, what=f"record of the end of job {job}")
    assert len(records) == 1 and records[0]["status"] == "NT"
    return records[0]["comment"]


def test_queued(empty_queue, daemon, add_job, trace):
    """A queued job is canceled at once and never reaches a plugin."""
    db = empty_queue
    daemon()
    first = running(db, add_job, trace, end="sleep")
    job = add_job(2, "Example.CountJob", {"trace": trace.path})
    assert db.cancel(job) == 1
    os.kill(db.job(first)["assigned_pid"], 9)
    after = add_job(2)
    db.wait_final(after)
    check_canceled(db, job)
    assert trace.begun() == [first]


def test_running_by_notification(empty_queue, daemon, add_job, trace):
    """A running plugin hears of the cancel (the poll is an hour away), and stops."""
    db = empty_queue
    daemon()
    job = running(db, add_job, trace, sleep_ms=60000)
    assert db.cancel(job) == 1
    wait_for(lambda: job in trace.ended(), 3)
    assert "stopped" in ended_how(db, job)
    check_canceled(db, job)


def test_running_by_poll(empty_queue, daemon, add_job, trace):
    """LESSONS 18: a cancel arrives without its notification."""
    db = empty_queue
    daemon(cancel_poll="1s")
    job = running(db, add_job, trace, sleep_ms=60000)
    db.sql("ALTER TABLE public.jobs DISABLE TRIGGER jobd_update")
    assert db.cancel(job) == 1
    wait_for(lambda: job in trace.ended(), 5)
    ended_how(db, job)
    check_canceled(db, job)


def test_ignored(empty_queue, daemon, add_job, trace):
    """A plugin that ends OK after the cancel: the row stays CX, a record tells, no requeue."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob",
                  {"trace": trace.path, "ignore_cancel": True, "sleep_ms": 700,
                   "summary": "all done"}, requeue_interval=60, retry_interval=60)
    following = add_job(2, "Example.CountJob", {"trace": trace.path})
    wait_for(lambda: job in trace.begun())
    assert db.cancel(job) == 1
    db.wait_final(following)
    assert "all done" in ended_how(db, job)
    check_canceled(db, job)
    trace.check_one_at_a_time()
    assert [e[:2] for e in trace.events()] == [("begin", job), ("end", job),
                                               ("begin", following), ("end", following)]
    assert not db.sql("SELECT id FROM public.jobs WHERE requeued_from_job_id = %s", job)


def test_next_waits_until_the_plugin_has_ended(empty_queue, daemon, add_job, trace):
    """The lane is not free while a canceled plugin still runs."""
    db = empty_queue
    running_daemon = daemon()
    job = running(db, add_job, trace, ignore_cancel=True, end="sleep")
    following = add_job(2)
    assert db.cancel(job) == 1
    other = add_job(3)
    db.wait_final(other)  # the daemon has had time to do it wrong
    assert db.status(following) == "Q"
    os.kill(db.job(job)["assigned_pid"], 15)
    db.wait_final(following)
    check_canceled(db, job)
    assert "SIGTERM" in ended_how(db, job)
    assert running_daemon.stop() == 0


def test_grace_ends_a_plugin_that_does_not_listen(empty_queue, daemon, add_job, trace):
    """After cancel_grace the worker gets SIGTERM."""
    db = empty_queue
    daemon(cancel_grace="1s")
    job = running(db, add_job, trace, ignore_cancel=True, end="sleep")
    following = add_job(2)
    assert db.cancel(job) == 1
    db.wait_final(following)
    assert "cancel" in ended_how(db, job) and "SIGTERM" in ended_how(db, job)
    check_canceled(db, job)


def test_grace_ends_a_plugin_that_traps_sigterm(empty_queue, daemon, add_job, trace):
    """And SIGKILL when it ignores that as well."""
    db = empty_queue
    daemon(cancel_grace="100ms")
    job = running(db, add_job, trace, ignore_cancel=True, trap_term=True, end="hang")
    following = add_job(2)
    assert db.cancel(job) == 1
    db.wait_final(following)
    assert "SIGKILL" in ended_how(db, job)
    check_canceled(db, job)


def test_race(empty_queue, daemon, add_job, trace):
    """Whoever was told "canceled" finds CX; who was not finds OK. Never both."""
    db = empty_queue
    daemon()
    told = {}
    for i in range(30):
        job = running(db, add_job, trace, sleep_ms=5 * (i % 5), ignore_cancel=i % 2)
        canceled = db.cancel(job) == 1
        told[job] = canceled
        following = add_job(2)
        db.wait_final(job, following)
    for job, canceled in told.items():
        assert db.status(job) == ("CX" if canceled else "OK")
        if canceled:
            ended_how(db, job)
        else:
            assert not db.history(job)
    trace.check_one_at_a_time()


def test_race_of_two_cancels(empty_queue, daemon, add_job, trace):
    """Two people cancel at once: one is told, the row names that one."""
    db = empty_queue
    daemon()
    job = running(db, add_job, trace, sleep_ms=60000)
    told = []

    def cancel(name):
        conn = db.connect()
        with conn.cursor() as cursor:
            cursor.execute("UPDATE public.jobs SET status = 'CX', finish_summary = %s WHERE id = %s"
                           " AND status IN ('Q', 'A', 'GO')", (name, job))
            if cursor.rowcount:
                told.append(name)
        conn.close()
    threads = [threading.Thread(target=cancel, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended_how(db, job)
    assert told == [db.job(job)["finish_summary"]]


def test_cancel_does_not_reach_the_next_job(empty_queue, daemon, add_job, trace):
    """The word in shared memory belongs to one job: the next does not see it."""
    db = empty_queue
    daemon()
    for _ in range(5):
        job = running(db, add_job, trace, sleep_ms=60000)
        following = add_job(2, "Example.CountJob", {"sleep_ms": 20})
        db.cancel(job)
        assert db.wait_final(following)[0]["status"] == "OK"


def test_cancel_meets_a_claim(empty_queue, add_job, command):
    """The row is locked by a claim that is just being committed: the cancel waits, and counts."""
    db = empty_queue
    job = add_job(2)
    claim = db.connect(autocommit=False)
    with claim.cursor() as cursor:
        cursor.execute("SET jobd.writer = 'registry-jobd'")
        cursor.execute("UPDATE public.jobs SET status = 'A' WHERE id = %s", (job,))
    process = subprocess.Popen([*command.argv, "cancel", str(job)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: db.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    claim.commit()
    claim.close()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert db.status(job) == "CX"
