"""NOTIFY is a hint: any role that may connect can send one, and as many as it likes."""
import json
import threading
import time

import pytest
from conftest import HOST, wait_for

COUNT = "Example.CountJob"
ABSENT = 1_000_000  # COs from here on do not exist


@pytest.fixture
def stranger(db):
    """stranger(): a connection of a role without any right; roles belong to the cluster."""
    with db.conn.cursor() as cursor:
        cursor.execute("DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object"
                       " OR unique_violation THEN NULL; END $$")
    connections = []

    def connect():
        connections.append(db.connect(user="stranger"))
        return connections[-1]
    yield connect
    for connection in connections:
        connection.close()


def send(connection, payload, first, last):
    """One transaction with a notification for each number; {} is the number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(pg_notify('registry_jobd', replace(%s, '{}', i::text)))"
                       " FROM generate_series(%s, %s) i", (payload, first, last))


class Flood(threading.Thread):
    """Sends notifications, a thousand a transaction, until it is told to stop; with `a_second` no
    more than that, else as many as it can."""

    def __init__(self, connection, payload, first, a_second=None):
        super().__init__(daemon=True)
        self.connection, self.payload, self.first = connection, payload, first
        self.a_second = a_second
        self.sent, self.is_stopped = 0, threading.Event()

    def run(self):
        while not self.is_stopped.wait(1000 / self.a_second if self.a_second else 0):
            at = self.first + self.sent % 200000
            send(self.connection, self.payload, at, at + 999)
            self.sent += 1000

    def __enter__(self):
        self.start()
        wait_for(lambda: self.sent >= 5000, what="a flood")
        return self

    def __exit__(self, *_):
        self.is_stopped.set()
        self.join(30)


def counted(command):
    supervisor, = json.loads(command("status", "--json").stdout)["supervisors"]
    return supervisor["counters"]


def lanes(db, first=ABSENT):
    return db.value("SELECT count(*) FROM jobd.lane WHERE co_id >= %s", first)


def start_times(db, add_job, trace, n):
    """Milliseconds from the commit of a job to the call of its plugin, for `n` jobs, sorted."""
    taken = []
    for i in range(n):
        began = time.time_ns() // 1000
        job = add_job(2 + i % 3, COUNT, {"trace": trace.path})
        event = wait_for(lambda job=job: [e for e in trace.events() if e[:2] == ("begin", job)],
                         interval=0.002)[0]
        taken.append((event[4] - began) / 1000)
    return sorted(taken)


def assert_undisturbed(running):
    assert running.count(r"no connection to the database|lease could not") == 0
    assert len(running.log().splitlines()) < 20 + 3 * 30 + 10


def test_flood_of_cos_that_do_not_exist(empty_queue, daemon, add_job, trace, stranger):
    """Law 14: real jobs start soon, nothing is left in the table of lanes, and the log has a line."""
    running = daemon()
    with Flood(stranger(), "queued {}", ABSENT, a_second=5000) as flood:
        taken = start_times(empty_queue, add_job, trace, 30)
    assert taken[len(taken) // 2] < 500, (flood.sent, taken)
    assert lanes(empty_queue) == 0
    assert running.count(r"notifications name more than") == 1
    assert running.count(r"not listening") == 0
    assert_undisturbed(running)
    # When the flood is over, hints are followed one by one again.
    empty_queue.wait_final(add_job(2))
    assert running.stop() == 0


@pytest.mark.parametrize("payload", ["queued {}", "cancel {}", "delayed{}"])
def test_flood_that_would_starve_every_statement(empty_queue, daemon, add_job, trace, stranger,
                                                 payload):
    """A server hands on all notifications before it reads a statement: nobody listens to so many."""
    running = daemon()
    with Flood(stranger(), payload, ABSENT), Flood(stranger(), payload, ABSENT), \
         Flood(stranger(), payload, ABSENT):
        taken = start_times(empty_queue, add_job, trace, 30)
        waiting = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 60000})
        wait_for(lambda: waiting in trace.begun())
        assert empty_queue.cancel(waiting) == 1
        wait_for(lambda: waiting in trace.ended(), 5, "a cancel arrives (the poll is an hour away)")
    assert taken[len(taken) // 2] < 500, taken
    assert running.count(r"not listening for 30 s") == 1
    assert_undisturbed(running)
    assert running.stop() == 0


def test_listens_again_after_a_flood(empty_queue, daemon, add_job, command, stranger):
    """A notification is heard again, and the looks that stood in for them end."""
    daemon(heartbeat="1s")
    with Flood(stranger(), "queued {}", ABSENT):
        wait_for(lambda: (counted(command) or {}).get("reconnects") == 1, what="it stops listening")
    before = counted(command)["notifications_queued"]

    def is_heard():
        empty_queue.wait_final(add_job(2))
        return counted(command)["notifications_queued"] > before
    wait_for(is_heard, 45, "it listens again", interval=2)
    looks = wait_for(lambda: counted(command)["looks_by_timer"])
    time.sleep(3)  # how many come in a time is what is asked
    assert counted(command)["looks_by_timer"] <= looks + 5
    assert counted(command)["reconnects"] == 1


def test_drain_in_a_flood(empty_queue, command, add_job, stranger):
    """A drain gives up when the connection is lost; not when it closes it itself."""
    jobs = [add_job(2 + i % 3, COUNT, {"sleep_ms": 200}) for i in range(9)]
    with Flood(stranger(), "queued {}", ABSENT):
        assert command("-r", "-c", "all").returncode == 0
    assert {row["status"] for row in empty_queue.wait_final(*jobs)} == {"OK"}


def test_hints_that_are_not_true_leave_no_lane(empty_queue, daemon, add_job, cos, stranger):
    """Fewer than the plan holds: of COs that do not exist, have nothing, or are not active."""
    db = empty_queue
    co, idle, suspended, later = cos(4)
    waiting = add_job(suspended)
    add_job(later, delay=1000)
    db.sql("UPDATE public.cos SET status = 'S' WHERE id = %s", suspended)
    daemon(workers=1)
    connection = stranger()
    send(connection, "queued {}", ABSENT, ABSENT + 50)
    for number in (idle, suspended, later):
        send(connection, "queued {}", number, number)
    job = add_job(co)  # heard of behind the others
    db.wait_final(job)
    db.wait_idle()
    assert [row["co_id"] for row in db.sql("SELECT co_id FROM jobd.lane")] == [co]
    assert db.status(waiting) == "Q"


def test_table_full_of_lanes(empty_queue, daemon, add_job, trace):
    """What an earlier version left there costs nothing."""
    db = empty_queue
    db.sql("INSERT INTO jobd.lane (co_id) SELECT generate_series(%s, %s)", ABSENT,
           ABSENT + 100000)
    db.sql("ANALYZE jobd.lane")
    daemon()
    taken = start_times(db, add_job, trace, 10)
    assert taken[len(taken) // 2] < 500, taken


def test_many_cos_at_once(empty_queue, daemon, add_job, cos):
    """More COs with jobs in one transaction than hints are followed: the queue is looked at."""
    db = empty_queue
    daemon()
    db.sql("BEGIN")
    jobs = [add_job(co) for co in cos(300)]
    db.sql("COMMIT")
    assert {row["status"] for row in db.wait_final(*jobs, timeout=30)} == {"OK"}


def test_more_cos_than_a_look_takes(empty_queue, daemon, db, cos):
    """A look goes on behind the last CO of the one before: nobody has to wait for a sweep."""
    ids = cos(5003)
    db.sql("UPDATE public.cos SET status = 'S' WHERE id = ANY (%s)", ids[:-3])
    db.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, created)"
           " SELECT co, 'Example.NoopJob', '[]', 'Q', now() FROM unnest(%s) co", ids)
    daemon(workers=2)
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.queue") == 5000, 10,
             "the last COs are served, although the first look found none that is active")


def test_words_that_mean_nothing(empty_queue, daemon, add_job, stranger):
    """Unknown payloads cost no line, whatever the level of the log."""
    running = daemon(level="debug")
    before = running.count("nonsense")
    connection = stranger()
    for payload in ("nonsense {}", "queued nonsense {}", "cancel {}nonsense"):
        send(connection, payload, 1, 1000)
    empty_queue.wait_final(add_job(2))
    assert running.count("nonsense") == before


@pytest.mark.parametrize("payload", ["delayed", "queued {}"])
def test_looks_are_bounded(empty_queue, daemon, add_job, command, stranger, payload):
    """However many notifications come, the queue is looked at some times a second."""
    began = time.monotonic()
    daemon(heartbeat="1s")
    with Flood(stranger(), payload, ABSENT, a_second=5000) as flood:
        wait_for(lambda: flood.sent >= 20000)
    empty_queue.wait_final(add_job(2))
    wait_for(lambda: (counted(command) or {}).get("complete") == 1, what="counts are shown")
    looks = counted(command)["looks_by_others"]
    assert 0 < looks <= 20 * (time.monotonic() - began) + 5


# ---- cancels ----

def test_forged_cancels(empty_queue, daemon, add_job, trace, stranger):
    """A job whose row says nothing of a cancel goes on, whoever says that it was canceled."""
    db = empty_queue
    running = daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1500})
    wait_for(lambda: job in trace.begun())
    connection = stranger()
    send(connection, "cancel {}", 1, job + 1000)
    for _ in range(200):
        send(connection, "cancel {}", job, job)
    assert db.wait_final(job)[0]["status"] == "OK"
    assert not db.history(job)
    assert running.count("cancel") == 0


def test_forged_cancel_of_an_assigned_job(empty_queue, daemon, add_job, trace, stranger):
    """The second job of a turn, before and after it is assigned."""
    db = empty_queue
    daemon()
    first = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 300})
    second = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 300})
    wait_for(lambda: first in trace.begun())
    with Flood(stranger(), f"cancel {second}", 1):
        rows = db.wait_final(first, second)
    assert [row["status"] for row in rows] == ["OK", "OK"]


def test_a_cancel_among_forged_ones(empty_queue, daemon, add_job, trace, stranger):
    """The true one arrives (the poll is an hour away), and reaches that job alone."""
    db = empty_queue
    daemon()
    jobs = [add_job(co, COUNT, {"trace": trace.path, "sleep_ms": 60000}) for co in (2, 3)]
    wait_for(lambda: set(jobs) == set(trace.begun()))
    with Flood(stranger(), f"cancel {jobs[1]}", 1):
        assert db.cancel(jobs[0]) == 1
        wait_for(lambda: jobs[0] in trace.ended(), 5)
    assert trace.ended() == [jobs[0]] and db.status(jobs[1]) == "GO"
    assert db.job(jobs[1])["assigned_host"] == HOST
