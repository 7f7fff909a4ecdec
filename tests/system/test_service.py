"""What is said to the service manager (sd_notify), with a socket of the test as the manager."""
import os
import pathlib
import re
import signal
import tempfile

import pytest
from conftest import wait_for
from lab import Watchdog


@pytest.fixture
def manager():
    made = Watchdog(tempfile.gettempdir())
    yield made
    made.close()


def said(manager, key):
    return [message[key] for message in list(manager.messages) if key in message]


def wait_status(manager, text, timeout=20):
    wait_for(lambda: said(manager, "STATUS")[-1:] == [text], timeout, f"status {text!r}")


def test_ready_waits_for_the_registration(empty_queue, daemon, manager):
    """READY comes when the daemon is registered, not before; until then more time is asked for."""
    blocker = empty_queue.connect(autocommit=False)
    with blocker.cursor() as cursor:
        cursor.execute("LOCK jobd.supervisor IN ACCESS EXCLUSIVE MODE")
    running = daemon(ready=False, env=manager.env(), heartbeat="1s", lease="3s")
    # What it takes to open the plugins comes first; these are for the lock.
    wait_for(lambda: "3000000" in said(manager, "EXTEND_TIMEOUT_USEC"))
    assert not said(manager, "READY") and not said(manager, "STATUS")
    blocker.rollback()
    wait_for(lambda: said(manager, "READY"))
    running.wait_log("ready: ")
    ready = next(message for message in manager.messages if "READY" in message)
    assert ready["STATUS"] == "0 of 4 workers busy, database up"


def test_status_counts(empty_queue, daemon, manager, add_job, trace):
    """The status says how many workers are busy, and how much is queued in how many COs."""
    daemon(env=manager.env(), workers=2, sweep="1s", heartbeat="1s")
    wait_status(manager, "0 of 2 workers busy, nothing queued, database up")
    jobs = [add_job(2, "Example.CountJob", {"trace": trace.path, "sleep_ms": 600000}, delay=delay)
            for delay in (0, 3600, 3600)]
    add_job(3, delay=3600)
    wait_status(manager, "1 of 2 workers busy, 3 queued in 2 COs, database up")
    empty_queue.sql("UPDATE jobs SET status = 'CX' WHERE id = ANY(%s)", jobs)
    wait_status(manager, "0 of 2 workers busy, 1 queued in 1 CO, database up")


def test_status_counts_to_an_end(empty_queue, daemon, manager):
    """A huge queue is not counted to its end every few seconds."""
    empty_queue.sql("""INSERT INTO jobs (co_id, plugin, status, start_after_time, created, modified)
                       SELECT 2, 'Example.NoopJob', 'Q', now() + interval '1 day', now(), now()
                         FROM generate_series(1, 10002)""")
    daemon(env=manager.env(), workers=2, sweep="1s")
    wait_status(manager, "0 of 2 workers busy, more than 10000 queued in 1 CO, database up")


def test_ready_without_the_database(daemon, manager, tmp_path):
    """A daemon whose database is away is ready, and says so: nothing at boot waits for it."""
    daemon(ready=False, env=manager.env(), conninfo=f"host={tmp_path} dbname=registry")
    wait_for(lambda: said(manager, "READY"))
    assert said(manager, "STATUS")[-1] == "0 of 4 workers busy, database away"


def test_ready_when_refused(plain_db, daemon, manager):
    """A database without the schema: ready, because only an administrator can mend that."""
    running = daemon(ready=False, env=manager.env(), conninfo=plain_db.conninfo)
    wait_for(lambda: said(manager, "READY"))
    assert said(manager, "STATUS")[-1].endswith("the database refuses this daemon: see its log")
    running.wait_log("schema install")


def test_away_and_back(empty_queue, daemon, manager, server):
    """The status follows the database."""
    daemon(env=manager.env(), heartbeat="1s")
    wait_for(lambda: said(manager, "READY"))
    server.stop("fast")
    wait_for(lambda: said(manager, "STATUS")[-1].endswith("database away"))
    server.start()
    wait_for(lambda: said(manager, "STATUS")[-1].endswith("database up"))
    assert len(said(manager, "READY")) == 1


def test_reload_is_told(empty_queue, daemon, manager):
    """RELOADING with the time, as Type=notify-reload asks for, then READY with the new number."""
    running = daemon(env=manager.env(), workers=2)
    wait_for(lambda: said(manager, "READY"))
    running.reload(workers=3)
    wait_for(lambda: len(said(manager, "READY")) == 2)
    reloading, ready = [message for message in manager.messages
                        if "RELOADING" in message or "READY" in message][1:]
    assert int(reloading["MONOTONIC_USEC"]) > 0
    assert ready["STATUS"].startswith("0 of 3 workers busy")


@pytest.mark.parametrize("has_watchdog", [True, False])
def test_stop_asks_for_time(empty_queue, daemon, manager, add_job, trace, has_watchdog):
    """While a job drains, STOPPING was said, and more time is asked for again and again."""
    env = manager.env()
    if not has_watchdog:
        del env["WATCHDOG_USEC"]
    running = daemon(env=env, stop_timeout="1h", heartbeat="1s", workers=2)
    job = add_job(2, "Example.CountJob", {"trace": trace.path, "sleep_ms": 600000})
    wait_for(lambda: job in trace.begun())
    before = len(said(manager, "EXTEND_TIMEOUT_USEC"))
    running.signal(signal.SIGTERM)
    wait_for(lambda: len(said(manager, "EXTEND_TIMEOUT_USEC")) >= before + 3, 30)
    assert said(manager, "STOPPING") == ["1"]
    assert said(manager, "STATUS")[-1].startswith("stopping: 1 of 2 workers busy")
    # Far enough: three beats.
    period = manager.usec / 2 if has_watchdog else 5e6
    assert {int(usec) for usec in said(manager, "EXTEND_TIMEOUT_USEC")[before:]} == {3 * period}
    running.signal(signal.SIGTERM)
    assert running.wait() == 0


def test_watchdog_of_another_process(empty_queue, daemon, manager):
    """WATCHDOG_PID names whom the watchdog is for; nobody else pets it."""
    daemon(env={**manager.env(), "WATCHDOG_PID": str(os.getpid())}, heartbeat="1s", sweep="1s")
    wait_status(manager, "0 of 4 workers busy, nothing queued, database up")
    assert manager.pets == 0



def resident_text(pid):
    """Of what the process has mapped from files and cannot write: how much is resident, and all."""
    size, resident, is_text = 0, 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").splitlines():
        mapping = re.match(r"[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ (\d+)", line)
        key, _, value = line.partition(":")
        if mapping:
            is_text = "w" not in mapping[1] and mapping[2] != "0"
        elif is_text and key in ("Size", "Rss"):
            kilobytes = int(value.split()[0])
            size, resident = (size + kilobytes, resident) if key == "Size" else (size, resident + kilobytes)
    return resident, size


def test_memory_of_the_start_is_given_back(empty_queue, daemon, add_job):
    """What the dynamic linker and constructors read once stays in the page cache alone: a fifth of
    programs and libraries is resident then, and more than two fifths without it."""
    running = daemon()
    empty_queue.wait_final(add_job(2))
    resident, size = resident_text(running.pid)
    print(f"resident: {resident} of {size} kB")
    assert 0 < resident < size * 0.37
