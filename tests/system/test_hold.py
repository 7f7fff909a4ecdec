"""What is held does not start, wherever it would run; what runs goes on."""
import contextlib
import json
import os
import signal

import pytest
from conftest import wait_for
from test_explain import COUNT
from test_schedule import FAKETIME, IS_SANITIZED

NOOP = "Example.NoopJob"


@pytest.fixture
def queue(empty_queue):
    return empty_queue


def hold(db, co=0, model="", until=None, reason="", actor="ada"):
    """As the command does; daemons look, and know when it ends."""
    db.sql("INSERT INTO jobd.hold VALUES (%s, %s, %s, %s, now(), now() + make_interval(secs => %s))",
           co, model, reason, actor, until)
    db.sql("SELECT pg_notify('registry_jobd', 'delayed')")


def release(db):
    db.sql("DELETE FROM jobd.hold")
    db.sql("SELECT pg_notify('registry_jobd', 'delayed')")


def run_behind(queue, add_job, co):
    """Whatever would run in another CO by now has run."""
    assert queue.wait_final(add_job(co))[0]["status"] == "OK"


@pytest.mark.parametrize("what", [(2, ""), (2, NOOP), (2, "Example"), (0, NOOP)],
                         ids=["co", "model in a co", "plugin in a co", "model"])
def test_held(queue, daemon, add_job, what):
    """Nothing of it starts, in order; another CO goes on, or another model of it."""
    daemon()
    hold(queue, *what)
    job, behind = add_job(2), add_job(2, COUNT)
    assert queue.wait_final(add_job(3, COUNT))[0]["status"] == "OK"
    assert [queue.status(one) for one in (job, behind)] == ["Q", "Q"]
    release(queue)
    assert [row["status"] for row in queue.wait_final(job, behind)] == ["OK", "OK"]


def test_everything(queue, daemon, add_job):
    """In every CO; the model of a job does not matter, not even where it is no name."""
    running = daemon()
    hold(queue)
    jobs = [add_job(2), add_job(3, COUNT), add_job(2, "no model")]
    running.reload()  # and with it looks at the queue
    running.wait_log("reloaded the configuration")
    with contextlib.suppress(AssertionError):
        wait_for(lambda: any(queue.status(job) != "Q" for job in jobs), 1)
    assert [queue.status(job) for job in jobs] == ["Q", "Q", "Q"]
    release(queue)
    assert [row["status"] for row in queue.wait_final(*jobs)] == ["OK", "OK", "X"]


def test_what_runs_goes_on(queue, daemon, add_job, trace):
    """And the next job of the same turn does not start."""
    daemon()
    job, behind = (add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 800}) for _ in range(2))
    wait_for(lambda: job in trace.begun())
    hold(queue, 2)
    assert queue.wait_final(job)[0]["status"] == "OK"
    run_behind(queue, add_job, 3)
    assert queue.status(behind) == "Q" and behind not in trace.begun()
    assert queue.value("SELECT supervisor_id FROM jobd.lane WHERE co_id = 2") is None


def test_held_before_there_is_a_daemon(queue, daemon, add_job):
    """Then two are started: nothing of it starts, under neither, nor after one of them is killed."""
    hold(queue, 2)
    job = add_job(2)
    first, _second = daemon(), daemon()
    run_behind(queue, add_job, 3)
    first.signal(signal.SIGKILL)
    first.wait()
    run_behind(queue, add_job, 3)
    daemon()
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"
    release(queue)
    assert queue.wait_final(job)[0]["status"] == "OK"


def test_until(queue, daemon, add_job):
    """It ends by itself, in time, without a sweep; one in the past holds nothing."""
    daemon(sweep="1h")
    hold(queue, 3, until=-5)
    run_behind(queue, add_job, 3)
    hold(queue, 2, until=2)
    job = add_job(2)
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"
    row, = queue.wait_final(job, timeout=10)
    assert row["status"] == "OK"
    assert queue.value("SELECT j.start_time >= jobd.utc(h.until::timestamptz) - interval '1 s' FROM jobs j,"
                       " jobd.hold h WHERE j.id = %s AND h.co_id = 2", job)


def test_drain(queue, command, add_job):
    """A drain leaves it alone, and ends."""
    hold(queue, 2)
    job = add_job(2)
    assert command("-r", "-c", "all").returncode == 0
    assert queue.status(job) == "Q"


def test_a_claim_under_way(queue, daemon, add_job):
    """Held in the middle of a thousand claims: what was claimed runs, and nothing is claimed after it."""
    daemon(workers=2)
    jobs = [add_job(2, COUNT, {"sleep_ms": 10}) for _ in range(300)]
    wait_for(lambda: queue.status(jobs[20]) != "Q")
    hold(queue, 2)
    begun = queue.value("SELECT count(*) FROM jobs WHERE id = ANY(%s) AND status <> 'Q'", jobs)
    run_behind(queue, add_job, 3)
    wait_for(lambda: queue.value("SELECT supervisor_id FROM jobd.lane WHERE co_id = 2") is None)
    after = queue.value("SELECT count(*) FROM jobs WHERE id = ANY(%s) AND status <> 'Q'", jobs)
    assert begun <= after <= begun + 1 < 300


def test_many_holds_cost_nothing(queue, daemon, add_job):
    """A thousand COs that are held are no work for anybody."""
    hold(queue)
    queue.sql("INSERT INTO cos (name, status, created) SELECT 'held ' || i, 'A', now() FROM generate_series(1, 1000) i")
    queue.sql("INSERT INTO jobs (co_id, plugin, status, created, modified) SELECT id, %s, 'Q', now(), now()"
              " FROM cos WHERE name LIKE 'held %%'", NOOP)
    running = daemon(sweep="1h")
    lanes = queue.value("SELECT count(*) FROM jobd.lane")
    with contextlib.suppress(AssertionError):
        wait_for(lambda: queue.value("SELECT count(*) FROM jobd.lane") != lanes, 2)
    assert queue.value("SELECT count(*) FROM jobd.lane") == lanes and not running.workers()


def test_why(queue, daemon, command, add_job):
    """Who holds it, since when, why, until when, and what ends it; before all that is not as final."""
    job, behind = add_job(2), add_job(2)
    hold(queue, 2, until=3600, reason="the LDAP server moves")
    answer = json.loads(command("why", behind, "--json").stdout)
    assert answer["reason"] == "held" and "CO 2 is held since" in answer["sentence"]
    assert "by ada, until" in answer["sentence"] and "the LDAP server moves" in answer["sentence"]
    assert "registry-job release -c 2 ends that hold" in answer["sentence"]
    daemon()
    assert json.loads(command("why", job, "--json").stdout)["reason"] == "held"
    shown, = [row for row in json.loads(command("queue", "--json").stdout) if row["co_id"] == 2]
    assert shown["held_by"] == "ada: the LDAP server moves" and shown["missing_model"] is None
    found = json.loads(command("doctor", "--json").stdout)
    said, = [f for f in found["checks"] if f["check"] == "holds"]
    assert said["result"] == "notice" and said["text"].startswith("CO 2 is held since ")
    assert said["remedy"] == "registry-job release -c 2"
    release(queue)
    queue.wait_final(job, behind)
    hold(queue, 0, NOOP)
    answer = json.loads(command("why", add_job(2), "--json").stdout)
    assert answer["reason"] in ("held", "behind_held")
    assert f"model {NOOP} is held since" in answer["sentence"]
    assert f"registry-job release -c all --model {NOOP}" in answer["sentence"]


# ---- the command ----

def holds(command):
    return json.loads(command("status", "--json").stdout)["holds"]


def test_hold_and_release(queue, daemon, command, add_job):
    """By id or name, with the reason; shown by status; what is released starts at once."""
    daemon()
    done = command("hold", "-c", "COmanage", "--model", NOOP, "--reason", "look first", "--actor", "ada")
    co = queue.value("SELECT id FROM cos WHERE name = 'COmanage' AND co_id IS NULL")
    assert done.returncode == 0 and f"model {NOOP} in CO {co} is held: nothing new of it starts" in done.stderr
    row, = holds(command)
    assert row["co_id"] == co and row["co"] == "COmanage" and row["model"] == NOOP and row["until"] is None
    assert row["actor"] == "ada" and row["reason"] == "look first"
    assert "HELD MODEL" in command("status").stdout and "look first" in command("status").stdout
    job = add_job(co)
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"
    done = command("release", "-c", co, "--model", NOOP)
    assert done.returncode == 0 and "it was held by ada since" in done.stderr
    assert queue.wait_final(job)[0]["status"] == "OK"
    done = command("release", "-c", co, "--model", NOOP)
    assert done.returncode == 1 and "is not held" in done.stderr and not holds(command)


def test_hold_again_changes_it(queue, command):
    """The end and the reason; not since when. With --until so much later, or a time of day."""
    assert command("hold", "-c", "all", "--until", "2h").returncode == 0
    first, = holds(command)
    assert queue.value("SELECT abs(extract(epoch FROM until - now()) - 7200) < 60 FROM jobd.hold")
    done = command("hold", "-c", "all", "--until", "2099-12-31T10:00:00Z", "--reason", "r", "--json")
    assert json.loads(done.stdout) == {"held": "everything", "was_held": True, "waiting": 0}
    second, = holds(command)
    assert second["until"] == "2099-12-31T10:00:00Z" and second["since"] == first["since"]
    assert second["reason"] == "r"


@pytest.mark.skipif(IS_SANITIZED, reason="libfaketime cannot be loaded before the runtime of a sanitizer")
def test_span_is_of_the_databases_clock(queue, command):
    """An administrator's host whose clock is ahead by a day."""
    env = {**os.environ, "LD_PRELOAD": FAKETIME[0], "FAKETIME": "+1d", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
           "DONT_FAKE_MONOTONIC": "1"}
    assert command("hold", "-c", "all", "--until", "2h", env=env).returncode == 0
    assert queue.value("SELECT abs(extract(epoch FROM until - now()) - 7200) < 60 FROM jobd.hold")


@pytest.mark.parametrize("words, said", [
    ([], "takes -c CO, --model NAME or both; -c all is every CO"),
    (["-c", "2", "--until", "2020-01-01"], "is over: nothing was held"),
    (["-c", "2", "--until", "soon"], "--until must be a time such as"),
    (["-c", "NoSuchCO"], "NoSuchCO"),
    (["--model", "../etc"], "--model must be a plugin and a model"),
    (["--model", "A.B.C"], "--model must be a plugin and a model"),
])
def test_bad_holds(queue, command, words, said):
    done = command("hold", *words)
    assert done.returncode == 2 and said in done.stderr, done
    assert not queue.value("SELECT count(*) FROM jobd.hold")


def test_ended_holds_are_forgotten(queue, command):
    hold(queue, 3, until=-5)
    assert not holds(command)
    assert command("release", "-c", "3").returncode == 1
    hold(queue, 4, until=-5)
    assert command("hold", "-c", "2").returncode == 0
    assert queue.value("SELECT array_agg(co_id) FROM jobd.hold") == [2]


def test_in_the_foreground(queue, command):
    """-s runs nothing that is held, but with --force; registering for later is free."""
    assert command("hold", "-c", "2", "--reason", "look first", "--actor", "ada").returncode == 0
    done = command("-c", "2", "-j", NOOP, "-s")
    assert done.returncode == 1 and "it is held by ada: look first" in done.stderr
    assert not queue.value("SELECT count(*) FROM jobs WHERE plugin = %s", NOOP)
    assert command("-c", "2", "-j", NOOP, "-s", "--force").returncode == 0
    assert command("-c", "2", "-j", NOOP).returncode == 0
