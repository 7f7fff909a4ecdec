"""Periodic chains: when one ends, it says so; and those that go on after a failure."""
import json
import os
import signal

import pytest
from conftest import wait_for
from test_explain import COUNT

FAILS = {"end": "fail"}


@pytest.fixture
def queue(empty_queue):
    return empty_queue


def successors(db, job):
    return db.sql("SELECT * FROM jobs WHERE requeued_from_job_id = %s AND job_id IS NULL", job)


def findings(command):
    report = json.loads(command("doctor", "--json").stdout)
    return [f for f in report["checks"] if f["check"] == "chains" and f["result"] != "ok"]


def test_chain_that_ends(queue, daemon, command, add_job):
    """In the summary, the history, why, doctor; until somebody begins it again."""
    daemon()
    job = add_job(2, COUNT, FAILS, requeue_interval=3600)
    row, = queue.wait_final(job)
    assert row["status"] == "X" and row["finish_summary"].endswith("; its periodic chain ends here")
    record, = [r for r in queue.history(job) if "chain ends here" in (r["comment"] or "")]
    assert record["status"] == "X" and f"registry-job retry {job}" in record["comment"]
    assert "its periodic chain ends here" in command("why", job).stdout
    found, = findings(command)
    assert found["result"] == "warning" and f"in CO 2 ended 0 min ago, with job {job}: " in found["text"]
    assert f"registry-job retry {job}" in found["remedy"]
    assert command("retry", job).returncode == 0
    again, = successors(queue, job)
    assert again["requeue_interval"] == 3600
    queue.wait_final(again["id"])
    found, = findings(command)
    assert f"with job {again['id']}: " in found["text"]


def test_only_a_final_failure(queue, daemon, command, add_job):
    """Not while there are retries; not of a job that is not periodic; not of a complete one."""
    daemon()
    retried = add_job(2, COUNT, FAILS, requeue_interval=3600, retry_interval=3600, max_retry=1)
    once, good = add_job(2, COUNT, {**FAILS, "tag": "once"}), add_job(3, COUNT, requeue_interval=3600)
    rows = queue.wait_final(retried, once, good)
    assert all("chain" not in row["finish_summary"] for row in rows) and not findings(command)
    last, = successors(queue, retried)
    queue.sql("UPDATE jobs SET start_after_time = now() AT TIME ZONE 'UTC' - interval '1 s' WHERE id = %s", last["id"])
    row, = queue.wait_final(last["id"])
    assert row["finish_summary"].endswith("its periodic chain ends here") and len(findings(command)) == 1


def test_worker_that_is_killed(queue, daemon, command, add_job, trace):
    """The heir's settlement ends a chain as well."""
    daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 600000}, requeue_interval=60)
    wait_for(lambda: job in trace.begun())
    os.kill(queue.job(job)["assigned_pid"], signal.SIGKILL)
    row, = queue.wait_final(job)
    assert "SIGKILL" in row["finish_summary"] and row["finish_summary"].endswith("its periodic chain ends here")
    assert len(findings(command)) == 1


def test_long_summary(queue, daemon, add_job):
    """That the chain ends has room in it."""
    daemon()
    job = add_job(2, COUNT, {**FAILS, "summary": "\u00fc" * 256}, requeue_interval=60)
    row, = queue.wait_final(job)
    assert len(row["finish_summary"]) <= 256 and row["finish_summary"].endswith("\u00fc; its periodic chain ends here")


def test_old_ends_are_forgotten(queue, daemon, command, add_job):
    daemon()
    queue.sql("INSERT INTO jobd.chain_end SELECT i, 2, 'P.M', now() - interval '31 days' FROM generate_series(-500, -1) i")
    assert not findings(command)
    queue.wait_final(add_job(2, COUNT, FAILS, requeue_interval=60))
    assert queue.value("SELECT count(*) FROM jobd.chain_end") == 401


def test_chain_that_goes_on(queue, daemon, command):
    """With --requeue-always also after a final failure, and then again."""
    daemon()
    done = command("-c", "2", "-j", COUNT, "--requeue-interval", "1h", "--requeue-always", "end=fail")
    job = int(done.stdout)
    for _ in range(3):
        row, = queue.wait_final(job)
        assert row["status"] == "X" and "chain" not in row["finish_summary"]
        following, = successors(queue, job)
        assert following["requeue_interval"] == 3600
        assert queue.value("SELECT array_agg(job_id) FROM jobd.requeue_always") == [following["id"]]
        job = following["id"]
        queue.sql("UPDATE jobs SET start_after_time = now() AT TIME ZONE 'UTC' - interval '1 s' WHERE id = %s", job)
    assert not findings(command)
    done = command("-c", "2", "-j", COUNT, "--requeue-always")
    assert done.returncode == 2 and "--requeue-interval" in done.stderr


def test_retry_of_a_chain_that_goes_on(queue, daemon, command):
    """The retry of a canceled one goes on as well."""
    done = command("-c", "2", "-j", COUNT, "--delay", "1h", "--requeue-interval", "1h", "--requeue-always", "end=fail")
    assert command("cancel", done.stdout.strip()).returncode == 0
    daemon()
    assert command("retry", done.stdout.strip()).returncode == 0
    again, = successors(queue, int(done.stdout))
    row, = queue.wait_final(again["id"])
    assert row["status"] == "X" and "chain" not in row["finish_summary"] and len(successors(queue, again["id"])) == 1


def test_registered_anew(queue, daemon, command, add_job):
    """Then nobody has to do anything, and doctor says nothing."""
    daemon()
    job = add_job(2, COUNT, FAILS, requeue_interval=60)
    queue.wait_final(job)
    assert len(findings(command)) == 1
    add_job(2, COUNT, delay=3600, requeue_interval=60)
    assert not findings(command)


def test_requeue_that_is_refused(queue, daemon, command, add_job):
    """Of a complete job: no word of a failure, and no retry is advised."""
    queue.sql("CREATE FUNCTION public.no_more() RETURNS trigger LANGUAGE plpgsql AS"
              " $$ BEGIN RAISE EXCEPTION 'no more'; END $$;"
              " CREATE TRIGGER no_more BEFORE INSERT ON public.jobs FOR EACH ROW"
              " WHEN (NEW.requeued_from_job_id IS NOT NULL) EXECUTE FUNCTION public.no_more()")
    daemon()
    job = add_job(2, COUNT, requeue_interval=60)
    assert queue.wait_final(job)[0]["status"] == "OK"
    record, = queue.history(job)
    assert record["comment"] == "could not be queued again: no more"
    found, = findings(command)
    assert "retry" not in found["remedy"] and f"registry-job log {job}" in found["remedy"]
    queue.sql("DROP FUNCTION public.no_more CASCADE")


def test_one_off_in_the_way(queue, daemon, command, add_job):
    """A job with the same parameters that is not periodic ends the chain of one that is."""
    daemon()
    job = add_job(2, COUNT, {"sleep_ms": 300}, requeue_interval=60)
    wait_for(lambda: queue.status(job) == "GO")
    add_job(2, COUNT, {"sleep_ms": 300}, delay=3600)
    assert queue.wait_final(job)[0]["status"] == "OK"
    assert not successors(queue, job) and len(findings(command)) == 1
