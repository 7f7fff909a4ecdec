"""A model that fails again and again is held in its CO, and what became of each model is counted."""
import contextlib
import json
import os
import signal
import time

import pytest
from conftest import DEFAULTS, SLOW, run_command, wait_for, write_config
from test_explain import COUNT

NOOP = "Example.NoopJob"
FAILS = {"end": "fail"}


@pytest.fixture
def queue(empty_queue):
    return empty_queue


def held(db):
    return {(row["co_id"], row["model"]): row["reason"] for row in
            db.sql("SELECT * FROM jobd.hold WHERE actor = 'registry-jobd'")}


def results(db, co=2):
    return {row["model"]: row for row in db.sql("SELECT * FROM jobd.model_result WHERE co_id = %s", co)}


def test_failures_in_a_row(queue, daemon, command, add_job):
    """The third one holds the model in this CO; a person releases it, and one more holds it again."""
    running = daemon(quarantine={"": {"failures": 3}})
    # A complete one begins the count anew, and so it is not the fourth failure.
    jobs = [add_job(2, COUNT, params) for params in (FAILS, FAILS, {}, FAILS, FAILS, FAILS, {"tag": "waits"})]
    behind = add_job(2, NOOP)
    other = [add_job(3, COUNT, FAILS), add_job(3, COUNT, FAILS), add_job(3, COUNT)]
    assert [row["status"] for row in queue.wait_final(*jobs[:-1])] == ["X", "X", "OK", "X", "X", "X"]
    assert [row["status"] for row in queue.wait_final(*other)] == ["X", "X", "OK"]
    (place, reason), = held(queue).items()
    assert place == (2, COUNT)
    assert reason.startswith(f"failed 3 times in a row, the last was job {jobs[-2]}: ")
    running.wait_log(f"^<4>{COUNT} in CO 2 is held: failed 3 times in a row")
    assert [queue.status(job) for job in (jobs[-1], behind)] == ["Q", "Q"]
    why = command("why", jobs[-1]).stdout
    assert "held" in why and "failed 3 times in a row" in why and "registry-jobd" in why
    found, = [f for f in json.loads(command("doctor", "--json").stdout)["checks"] if f["check"] == "holds"]
    assert found["result"] == "warning" and "failed 3 times in a row" in found["text"]
    remedy = f"registry-job release -c 2 --model {COUNT}"
    assert found["remedy"] == f"when its cause is gone: {remedy}"

    assert command(*remedy.split()[1:]).returncode == 0
    assert [row["status"] for row in queue.wait_final(jobs[-1], behind)] == ["OK", "OK"]
    assert results(queue)[COUNT]["in_a_row"] == 0
    queue.sql("UPDATE jobd.model_result SET in_a_row = 3")
    once_more = add_job(2, COUNT, FAILS)
    queue.wait_final(once_more)
    wait_for(lambda: held(queue))
    assert held(queue)[(2, COUNT)].startswith(f"failed 4 times in a row, the last was job {once_more}")


def test_the_next_of_the_turn(queue, daemon, add_job, trace):
    """It is held before the next job of the same turn is claimed, be the failure an error or a death."""
    daemon(workers=1, quarantine={COUNT: {"failures": 1}})
    for co, end in ((2, "fail"), (3, "segv")):
        job, behind = add_job(co, COUNT, {"end": end}), add_job(co, COUNT, {"trace": trace.path})
        assert queue.wait_final(job)[0]["status"] == "X"
        assert queue.wait_final(add_job(4, NOOP))[0]["status"] == "OK"  # whatever would run has run
        assert queue.status(behind) == "Q" and behind not in trace.begun()
        assert held(queue)[(co, COUNT)].startswith(f"failed once in a row, the last was job {job}: ")


def test_on_failure(queue, daemon, command, add_job):
    """Nothing of the CO starts after a failure of this model; of another model it does."""
    daemon(quarantine={COUNT: {"on_failure": "hold"}})
    job, behind = add_job(2, COUNT, {**FAILS, "tag": "1"}, retry_interval=1, max_retry=1), add_job(2, NOOP)
    queue.wait_final(job)
    assert queue.wait_final(add_job(3, NOOP))[0]["status"] == "OK"
    retry = queue.value("SELECT id FROM jobs WHERE requeued_from_job_id = %s AND job_id IS NULL", job)
    wait_for(lambda: queue.value("SELECT ready FROM jobd.queue WHERE job_id = %s", retry))
    assert queue.status(behind) == queue.status(retry) == "Q"
    (place, reason), = held(queue).items()
    assert place == (2, "") and reason.startswith(f"job {job} failed: ")
    assert command("release", "-c", 2).returncode == 0
    assert queue.wait_final(behind)[0]["status"] == "OK"


def test_reload(queue, daemon, add_job):
    """What the configuration says holds from a reload on, in both directions, for a model of its own."""
    running = daemon(workers=1)
    assert queue.wait_final(add_job(2, COUNT, FAILS))[0]["status"] == "X"
    assert not held(queue)
    running.reload(quarantine={"": {"failures": 1, "on_failure": "hold"},
                               "Example": {"failures": 2, "on_failure": "continue"}})
    wait_for(lambda: queue.value("SELECT description->>'failures' FROM jobd.model WHERE model = %s", COUNT) == "2")
    queue.wait_final(add_job(2, COUNT, FAILS))
    wait_for(lambda: list(held(queue)) == [(2, COUNT)])
    queue.sql("DELETE FROM jobd.hold")
    running.reload(quarantine=None)
    wait_for(lambda: queue.value("SELECT description->>'failures' FROM jobd.model WHERE model = %s", COUNT) is None)
    queue.wait_final(add_job(2, COUNT, FAILS))
    assert not held(queue) and results(queue)[COUNT]["in_a_row"] == 3


def test_a_persons_hold_stays(queue, daemon, add_job, trace):
    """What a person holds already is not taken over; what has ended is."""
    daemon(quarantine={"": {"failures": 1}})
    job = add_job(2, COUNT, {**FAILS, "trace": trace.path, "sleep_ms": 500})
    wait_for(lambda: job in trace.begun())
    queue.sql("INSERT INTO jobd.hold VALUES (2, %s, 'mine', 'ada', now(), NULL),"
              " (3, %s, 'over', 'ada', now(), now() - interval '1 s')", COUNT, COUNT)
    queue.wait_final(job, add_job(3, COUNT, FAILS))
    wait_for(lambda: held(queue))
    assert list(held(queue)) == [(3, COUNT)]
    assert queue.value("SELECT reason FROM jobd.hold WHERE co_id = 2") == "mine"
    assert queue.value("SELECT until FROM jobd.hold WHERE co_id = 3") is None


def test_what_a_person_runs(queue, daemon, command, add_job, trace):
    """`-s` is counted and holds nothing, whatever the daemon does at the time."""
    daemon(quarantine={"": {"failures": 1, "on_failure": "hold"}})
    busy = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 60000})
    wait_for(lambda: busy in trace.begun())
    assert command("-c", 2, "-j", COUNT, "-s", "end=fail").returncode == 1
    assert not held(queue) and results(queue)[COUNT]["in_a_row"] == 1
    queue.cancel(busy)


def test_drain(queue, add_job, tmp_path):
    """A drain stops where the daemon would."""
    config = write_config(tmp_path / "own.conf", quarantine={"": {"failures": 2}},
                          **{**DEFAULTS, "conninfo": queue.conninfo})
    jobs = [add_job(2, COUNT, {**FAILS, "tag": str(i)}) for i in range(3)]
    run_command(config, "-r", "-c", "all")
    assert [queue.status(job) for job in jobs] == ["X", "X", "Q"] and list(held(queue)) == [(2, COUNT)]


def test_supervisor_that_died(queue, daemon, add_job, trace):
    """What it left is settled by another one, and counts by its own configuration."""
    first = daemon(workers=1, quarantine={"": {"failures": 1}})
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    behind = add_job(2, COUNT)
    wait_for(lambda: job in trace.begun())
    first.kill()
    daemon()
    assert queue.wait_final(job)[0]["status"] == "X"
    wait_for(lambda: held(queue))
    assert queue.wait_final(add_job(3, NOOP))[0]["status"] == "OK"
    assert queue.status(behind) == "Q"


def test_counts(queue, daemon, command, add_job, trace):
    """By model and status, over all COs; those that nobody describes are none of them."""
    daemon(unknown_models="fail")
    stops = add_job(4, COUNT, {"trace": trace.path, "sleep_ms": 60000})
    wait_for(lambda: stops in trace.begun())
    queue.cancel(stops)
    queue.wait_final(*[add_job(co, COUNT, params) for co, params in
                       ((2, {}), (2, FAILS), (2, FAILS), (3, {"tag": "1"}), (3, FAILS))])
    queue.wait_final(add_job(2, NOOP), add_job(2, "Nobody.KnowsJob"))
    queue.wait_idle()
    text = command("metrics").stdout
    name = "registry_jobd_model"
    for status, n in (("complete", 2), ("failed", 3), ("canceled", 1)):
        assert f'{name}_jobs_total{{model="{COUNT}",status="{status}"}} {n}\n' in text
    assert f'{name}_jobs_total{{model="{NOOP}",status="complete"}} 1\n' in text
    assert f'{name}_failures_in_a_row{{model="{COUNT}"}} 2\n' in text
    assert f'{name}_last_success_timestamp_seconds{{model="{COUNT}"}} 1' in text
    assert "Nobody" not in text
    last = queue.value("SELECT extract(epoch FROM now() - last_complete) FROM jobd.model_result"
                       " WHERE co_id = 3 AND model = %s", COUNT)
    assert 0 <= last < 60


def test_a_count_that_cannot_be_written(queue, daemon, add_job):
    """It costs nobody a job's end, and the model is not held."""
    running = daemon(quarantine={"": {"failures": 1}})
    queue.sql("ALTER TABLE jobd.model_result ADD CONSTRAINT full_up CHECK (complete + failed = 0)")
    rows = queue.wait_final(add_job(2, COUNT, FAILS), add_job(2, COUNT), add_job(3, COUNT, {"end": "segv"}))
    assert [row["status"] for row in rows] == ["X", "OK", "X"]
    assert not held(queue) and running.process.poll() is None
    queue.sql("ALTER TABLE jobd.model_result DROP CONSTRAINT full_up")


def test_a_lock_on_the_counts(queue, daemon, add_job):
    """Holds a finish up for a moment, and costs no end."""
    daemon()
    with contextlib.closing(queue.connect(autocommit=False)) as other:
        other.cursor().execute("LOCK TABLE jobd.model_result")
        rows = queue.wait_final(add_job(2), add_job(3, COUNT, FAILS), timeout=10)
        assert [row["status"] for row in rows] == ["OK", "X"]


def test_a_lock_and_a_whole_supervisor(queue, daemon, add_job, cos, trace):
    """What it left in many COs is settled in one transaction, which waits once, and not for each job."""
    first = daemon(workers=8)
    jobs = [add_job(co, COUNT, {"trace": trace.path, "end": "sleep"}) for co in cos(8)]
    wait_for(lambda: set(jobs) <= set(trace.begun()))
    with contextlib.closing(queue.connect(autocommit=False)) as other:
        other.cursor().execute("LOCK TABLE jobd.model_result")
        first.kill()
        started = time.monotonic()
        daemon()
        assert {row["status"] for row in queue.wait_final(*jobs, timeout=30)} == {"X"}
        assert time.monotonic() - started < 5 * SLOW


def test_killed_while_it_is_counted(queue, daemon, add_job):
    """Whoever dies on the way, each end is counted once."""
    running = daemon(workers=2)
    jobs = [add_job(2 + i % 3, COUNT, {"tag": str(i)}) for i in range(150)]
    for n in (20, 60, 100):
        wait_for(lambda n=n: sum(queue.status(job) in ("OK", "X") for job in jobs) >= n)
        for pid in running.workers():
            os.kill(pid, signal.SIGKILL)
    queue.wait_final(*jobs)
    queue.wait_idle()
    counted = queue.sql("SELECT sum(complete)::int AS ok, sum(failed)::int AS x FROM jobd.model_result")[0]
    assert counted == queue.sql("SELECT count(*) FILTER (WHERE status = 'OK')::int AS ok,"
                                " count(*) FILTER (WHERE status = 'X')::int AS x FROM jobs WHERE job_id IS NULL")[0]
