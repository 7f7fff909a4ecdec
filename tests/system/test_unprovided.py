"""Models that nobody provides: their jobs wait, in order, and everybody who asks is told."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import run_command, wait_for, write_config
from test_explain import COUNT

ABSENT = "CoreJob.SyncJob"
PROGRAM = {"command": "/bin/true", "parameters": "any"}


@pytest.fixture
def queue(empty_queue):
    return empty_queue


def models(db):
    """{model: [PIDs of the supervisors that provide it]}."""
    found = {}
    for row in db.sql("SELECT m.model, s.pid FROM jobd.model m JOIN jobd.supervisor s"
                      " ON s.id = m.supervisor_id ORDER BY 1, 2"):
        found.setdefault(row["model"], []).append(row["pid"])
    return found


def run_behind(queue, add_job, co):
    """Whatever would run in another CO by now has run."""
    assert queue.wait_final(add_job(co))[0]["status"] == "OK"


# ---- one daemon ----

def test_waits_and_holds_its_co(queue, daemon, command, add_job):
    """Law 1 and law 14: its CO waits, in order, and no other one; a cancel lets it go on."""
    running = daemon()
    first = add_job(2)
    job, behind = add_job(2, ABSENT, {"a": "b"}), add_job(2)
    run_behind(queue, add_job, 3)
    assert queue.wait_final(first)[0]["status"] == "OK"
    assert [queue.status(one) for one in (job, behind)] == ["Q", "Q"]

    answer = json.loads(command("why", job, "--json").stdout)
    assert answer["reason"] == "no_model" and f"no daemon provides {ABSENT};" in answer["sentence"]
    answer = json.loads(command("why", behind, "--json").stdout)
    assert answer["reason"] == "behind_no_model" and answer["behind"] == job
    assert f"registry-job cancel {job}" in answer["sentence"]

    shown, = [row for row in json.loads(command("queue", "--json").stdout) if row["co_id"] == 2]
    assert shown["missing_model"] == ABSENT and shown["head"] == job
    status = json.loads(command("status", "--json").stdout)
    assert status["missing_models"] == [{"model": ABSENT, "jobs": 1, "due": 1, "cos": 1,
                                         "first_job": job}]
    assert re.search(rf"^{ABSENT} +1 +1 +1 +{job}$", command("status").stdout, re.MULTILINE)
    found = command("doctor")
    assert found.returncode == 1 and re.search(
        rf"^error +models +1 job of 1 CO waits for {ABSENT}, which nobody provides; the first is"
        rf" job {job}$", found.stdout, re.MULTILINE), found.stdout

    assert command("cancel", job).returncode == 0
    assert queue.wait_final(behind)[0]["status"] == "OK"
    assert not json.loads(command("status", "--json").stdout)["missing_models"]
    assert "no job waits for a model that nobody provides" in command("doctor").stdout
    assert running.count("no plugin provides") == 0


def test_the_registry_cancels_it(queue, daemon, add_job):
    """As its pages do, by the row's id: the CO goes on at once."""
    daemon()
    job, behind = add_job(2, ABSENT), add_job(2)
    run_behind(queue, add_job, 3)
    with contextlib.suppress(AssertionError):  # the looks of a start would find it without a word
        wait_for(lambda: queue.status(behind) != "Q", 1)
    assert queue.cancel(job) == 1
    assert queue.wait_final(behind)[0]["status"] == "OK"


@pytest.mark.parametrize("plugin", [None, "", "SyncJob", "../CoreJob.SyncJob", "CoreJob.Sync.Job",
                                    "CoreJob.", ".SyncJob", "Core Job.SyncJob", "9Core.SyncJob",
                                    "CoreJob.S\u00fcncJob", "*"],
                         ids=range(11))
def test_no_name_of_a_model(queue, daemon, add_job, plugin):
    """Nobody will ever provide it: Failed at once."""
    daemon()
    job, behind = add_job(2, plugin), add_job(2)
    rows = queue.wait_final(job, behind)
    assert [row["status"] for row in rows] == ["X", "OK"]
    assert "no plugin provides" in rows[0]["finish_summary"]


def test_unknown_models_fail(queue, daemon, command, add_job):
    """As the configuration says, and from a reload on."""
    running = daemon()
    job = add_job(2, ABSENT)
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"
    running.reload(unknown_models="fail")
    row, = queue.wait_final(job)
    assert row["status"] == "X" and row["finish_summary"] == f"no plugin provides '{ABSENT}'"
    assert queue.wait_final(add_job(2, ABSENT))[0]["status"] == "X"
    assert "no job waits" in command("doctor").stdout
    running.reload(unknown_models="wait")
    running.wait_log("reloaded the configuration", times=2)
    wait_for(lambda: "*" not in models(queue))
    job = add_job(2, ABSENT)
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"


def test_reload_brings_and_takes(queue, daemon, command, add_job):
    """A program and a plugin that a reload brings are found at once, and what it takes away waits."""
    running = daemon()
    job, behind = add_job(2, ABSENT), add_job(2, "CoreJob.NesterJob", {"groupNestingId": "1"})
    run_behind(queue, add_job, 3)
    running.exec_models = {ABSENT: PROGRAM}
    running.reload()
    assert queue.wait_final(job)[0]["status"] == "OK"
    wait_for(lambda: json.loads(command("why", behind, "--json").stdout)["reason"] == "no_model")
    running.reload(load="Example CoreJob")
    assert queue.wait_final(behind)[0]["status"] in ("OK", "X")  # it was run
    assert "no plugin provides" not in queue.job(behind)["finish_summary"]
    running.exec_models = {}
    running.reload()
    wait_for(lambda: ABSENT not in models(queue))
    job = add_job(2, ABSENT)
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"
    assert running.count("wait for a restart") == 0


def test_reload_that_is_refused(queue, daemon, add_job):
    """Everything stays."""
    running = daemon()
    before = wait_for(lambda: models(queue))
    running.exec_models = {ABSENT: PROGRAM}
    running.reload(load="Example NotThere")
    running.wait_log("the configuration stays as it was")
    assert models(queue) == before
    job = add_job(2, ABSENT)
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"


def test_old_worker_claims_nothing_new(queue, daemon, add_job, trace):
    """A worker that was at work during a reload does not know what it brought: another one runs it."""
    running = daemon(workers=1)
    busy = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 1500})
    job, last = add_job(2, ABSENT), add_job(2, COUNT, {"trace": trace.path})
    wait_for(lambda: busy in trace.begun())
    running.exec_models = {ABSENT: PROGRAM}
    running.reload()
    running.wait_log("reloaded the configuration")
    wait_for(lambda: ABSENT in models(queue))
    assert queue.status(busy) == "GO"
    rows = queue.wait_final(busy, job, last)
    assert [row["status"] for row in rows] == ["OK"] * 3
    assert rows[0]["assigned_pid"] != rows[1]["assigned_pid"]


def test_reload_takes_a_model_away_behind_a_lock(queue, daemon, add_job):
    """New workers do not have it, and the database still does: nobody fails its job."""
    running = daemon(exec_models={ABSENT: PROGRAM}, heartbeat="1s")
    assert queue.wait_final(add_job(2, ABSENT))[0]["status"] == "OK"
    old = set(running.workers())
    locked = queue.connect(autocommit=False)
    locked.cursor().execute("LOCK TABLE jobd.model IN EXCLUSIVE MODE")
    running.exec_models = {}
    running.reload()
    wait_for(lambda: not old & set(running.workers()), what="the old workers are gone")
    job = add_job(2, ABSENT)
    with contextlib.suppress(AssertionError):  # a new worker may try it
        wait_for(lambda: queue.status(job) != "Q", 2)
    assert queue.status(job) == "Q"
    locked.close()
    wait_for(lambda: ABSENT not in models(queue))
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"


def test_reload_without_the_database(server, empty_queue, daemon, add_job):
    """The row gets the models when the database is there again."""
    db = empty_queue
    running = daemon(heartbeat="1s", lease="1min")
    job = add_job(2, ABSENT)
    db.close()
    server.stop("fast")
    running.wait_log("away|lost|no connection")
    running.exec_models = {ABSENT: PROGRAM}
    running.reload()
    running.wait_log("reloaded the configuration")
    server.start()
    assert db.wait_final(job, timeout=40)[0]["status"] == "OK"


def test_doctor_before_the_first_start(queue, command, add_job):
    """Without a daemon the configuration of this host counts."""
    job = add_job(2, ABSENT)
    add_job(3)
    found = command("doctor", "--json")
    models_found = [one for one in json.loads(found.stdout)["checks"] if one["check"] == "models"]
    assert [one["result"] for one in models_found] == ["error"]
    assert ABSENT in models_found[0]["text"] and f"job {job}" in models_found[0]["text"]
    assert f"--model {ABSENT}" in models_found[0]["remedy"]


def test_drain(queue, command, add_job):
    """It ends, and says what it has left alone."""
    job, behind, other = add_job(2, ABSENT), add_job(2), add_job(3)
    done = command("-r", "-c", "all")
    assert done.returncode == 0 and "1 jobs run" in done.stderr
    assert f"1 job of model {ABSENT}, the first of them {job}, left alone: nobody provides it" in done.stderr
    assert [queue.status(one) for one in (job, behind, other)] == ["Q", "Q", "OK"]


def test_drain_that_may_not_write_its_models(queue, command, add_job):
    """It says so, and ends; nothing is run, and nothing is lost."""
    job = add_job(2)
    queue.sql("REVOKE INSERT ON jobd.model FROM registry_jobd")
    done = command("-r", "-c", "all")
    assert done.returncode == 69 and "could not write which models are here: permission denied" in done.stderr
    assert queue.status(job) == "Q"


def test_drain_that_has_to_wait_for_its_models(queue, command, add_job):
    """A lock on their table is no reason to find the queue empty."""
    job = add_job(2)
    locked = queue.connect(autocommit=False)
    locked.cursor().execute("LOCK TABLE jobd.model IN EXCLUSIVE MODE")
    process = subprocess.Popen([*command.argv, "-r", "-c", "all"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # The look that would find nothing comes after the statement that waits has given up.
        wait_for(lambda: queue.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                     " AND application_name LIKE 'registry-jobd%%'"))
        wait_for(lambda: not queue.value("SELECT count(*) FROM pg_stat_activity"
                                         " WHERE wait_event_type = 'Lock'"))
        with contextlib.suppress(AssertionError):
            wait_for(lambda: process.poll() is not None, 1)
        locked.close()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert queue.status(job) == "OK"


def test_models_after_a_failover(queue, daemon, add_job):
    """A standby that has not got them: they are written again over each new connection."""
    daemon(heartbeat="1s")
    queue.wait_final(add_job(2))
    wait_for(lambda: COUNT in models(queue))
    queue.sql("DELETE FROM jobd.model")
    queue.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              " WHERE application_name = 'registry-jobd supervisor' AND datname = current_database()")
    assert queue.wait_final(add_job(2))[0]["status"] == "OK"


# ---- the queue ----

def test_the_model_of_a_queued_job_changes(queue, daemon, add_job):
    """Somebody corrects the name of a job that waits."""
    daemon()
    job = add_job(2, ABSENT)
    run_behind(queue, add_job, 3)
    queue.sql("UPDATE public.jobs SET plugin = %s WHERE id = %s", COUNT, job)
    assert queue.wait_final(job)[0]["status"] == "OK"


@pytest.mark.parametrize("model", [None, COUNT])
def test_repaired(queue, daemon, add_job, model):
    """A row that does not know its model, or has another one: a daemon repairs it as it starts, by
    taking it out and putting it in."""
    job = add_job(2, ABSENT)
    queue.sql("UPDATE jobd.queue SET model = %s WHERE job_id = %s", model, job)
    right = add_job(3)
    queue.sql("UPDATE jobd.queue SET model = NULL WHERE job_id = %s", right)
    running = daemon()
    assert queue.wait_final(right)[0]["status"] == "OK"
    running.wait_log("repaired 4 rows of the queue")
    assert queue.value("SELECT model FROM jobd.queue WHERE job_id = %s", job) == ABSENT
    assert queue.status(job) == "Q"


# ---- several hosts ----

def test_two_daemons(queue, daemon, command, add_job):
    """A head is taken by who has its model, in the order of the CO; doctor says who has what."""
    first = daemon(workers=2)
    second = daemon(workers=2, load="", exec_models={ABSENT: PROGRAM})
    jobs = [add_job(2 + i % 3, ABSENT if i // 3 % 2 else COUNT) for i in range(60)]
    rows = queue.wait_final(*jobs)
    assert {row["status"] for row in rows} == {"OK"}
    for co in (2, 3, 4):
        finished = [row["finish_time"] for row in rows if row["co_id"] == co]
        assert finished == sorted(finished)
    found = command("doctor").stdout
    assert re.search(rf"^notice +models +\S+ \(PID {second.pid}\) provides {ABSENT}$", found,
                     re.MULTILINE), found
    assert re.search(rf"\(PID {first.pid}\) provides .*{COUNT}", found)
    second.stop()
    job = add_job(2, ABSENT)
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q"


def test_told_while_a_worker_asks(queue, daemon, add_job, tmp_path):
    """A lane that becomes free while another daemon's worker is on its way back from it, refused: the
    notification is not forgotten, or the job of the model that only this daemon has waits for a sweep."""
    go = tmp_path / "go"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nuntil [ -e {go} ]; do sleep 0.01; done\n")
    program.chmod(0o755)
    daemon(exec_models={"Example.WaitJob": {**PROGRAM, "command": program}})
    running, job = add_job(2, "Example.WaitJob"), add_job(2, ABSENT)
    queue.wait_status(running, "GO")
    second = daemon(workers=2, load="", exec_models={ABSENT: PROGRAM})
    queue.wait_final(add_job(3, ABSENT))

    locked = queue.connect(autocommit=False)
    locked.cursor().execute("SELECT FROM jobd.lane WHERE co_id = 2 FOR UPDATE")
    queue.sql("NOTIFY registry_jobd, 'queued 2'")
    wait_for(lambda: queue.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                 " AND application_name = 'registry-jobd worker'"))
    asking = second.workers()
    for pid in asking:
        os.kill(pid, signal.SIGSTOP)
    locked.close()
    wait_for(lambda: not queue.value("SELECT count(*) FROM pg_stat_activity"
                                     " WHERE wait_event_type = 'Lock'"))
    go.touch()
    queue.wait_final(running)
    wait_for(lambda: not queue.value("SELECT count(*) FROM jobd.lane WHERE supervisor_id IS NOT NULL"))
    # Its supervisor hears of this one after the lane.
    queue.wait_final(add_job(3, ABSENT))
    for pid in asking:
        os.kill(pid, signal.SIGCONT)
    assert queue.wait_final(job)[0]["status"] == "OK"


def commits_per_second(db):
    """Over four seconds, whatever sends them."""
    def commits():
        return db.value("SELECT xact_commit + xact_rollback FROM pg_stat_database"
                        " WHERE datname = current_database()")
    before, begun = commits(), time.monotonic()
    with contextlib.suppress(AssertionError):
        wait_for(lambda: False, 4)
    return (commits() - before) / (time.monotonic() - begun)


DECLARED = {"command": "/bin/true", "parameter.kind": "select(Groups,People) required",
            "parameter.n": "integer", "parameter.token": "string secret"}


def test_registered_from_another_host(queue, daemon, command):
    """A command without the model takes what a daemon says of it: parameters, and what is secret."""
    daemon(exec_models={ABSENT: DECLARED})
    done = command("-c", 2, "-j", ABSENT, "kind=People", "n=4", "token=hush")
    assert done.returncode == 0, done.stderr
    job = int(done.stdout)
    assert queue.wait_final(job)[0]["status"] == "OK"
    assert queue.job(job)["parameters"] == '{"kind":"People","n":"4","token":"hush"}'
    shown = command("show", job)
    assert "hush" not in shown.stdout + shown.stderr and '"n":"4"' in shown.stdout.replace(" ", "")
    done = command("-c", 2, "-j", ABSENT, "kind=Cats", "n=x", "other=1")
    assert done.returncode != 0
    for words in ("'kind' must be one of", "'n' must be an integer", "'other' is not known"):
        assert words in done.stderr
    done = command("-c", 2, "-j", ABSENT, "-s", "kind=People")
    assert done.returncode != 0 and "no plugin provides" in done.stderr


def test_registered_while_the_plugins_here_are_wrong(queue, daemon, tmp_path):
    """A daemon knows the model: what cannot be loaded here does not matter."""
    daemon()
    config = write_config(tmp_path / "wrong.conf", conninfo=queue.conninfo, directory=tmp_path,
                          load="NotThere")
    done = run_command(config, "-c", 2, "-j", COUNT, "count=2")
    assert done.returncode == 0, done.stderr
    assert queue.wait_final(int(done.stdout))[0]["status"] == "OK"


@pytest.mark.parametrize("description", [None, "[]", "{}", '{"model": 7}', '{"model": "../x.y"}',
                                         '{"model": "CoreJob.SyncJob", "parameters": [7]}',
                                         '{"model": "CoreJob.SyncJob", "parameters": [{"name": "a"}]}',
                                         '{"model": "CoreJob.SyncJob", "parameters":'
                                         ' [{"name": "a", "type": "select(A)", "choices": [7]}]}'],
                         ids=range(8))
def test_descriptions_that_are_none(queue, daemon, command, description):
    """What others may have written into the table is refused, with a word."""
    daemon(exec_models={ABSENT: PROGRAM})
    wait_for(lambda: ABSENT in models(queue))
    queue.sql("UPDATE jobd.model SET description = %s WHERE model = %s", description, ABSENT)
    done = command("-c", 2, "-j", ABSENT, "a=A")
    assert done.returncode == 1 and f"the description of '{ABSENT}' in jobd.model" in done.stderr
    assert not queue.live()


def test_heads_that_nobody_provides_cost_nothing(queue, daemon, cos, add_job):
    """A thousand of them and two daemons that look each second: less than one commit a second more."""
    for _ in range(2):
        daemon(sweep="1s")
    run_behind(queue, add_job, 3)
    before = commits_per_second(queue)
    queue.sql("INSERT INTO public.jobs (co_id, plugin, status, register_time, created, modified)"
              " SELECT co, %s, 'Q', now(), now(), now() FROM unnest(%s) co", ABSENT, cos(1000))
    run_behind(queue, add_job, 3)
    wait_for(lambda: commits_per_second(queue) < before + 1, 30)
