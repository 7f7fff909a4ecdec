"""How far a running job is, how fast, and what it will still need: in show, watch and the metrics."""
import json
import subprocess

import pytest
from conftest import SLOW, wait_for
from prometheus_client.parser import text_string_to_metric_families

COUNT = "Example.CountJob"
GUESSES = ("running_job_percent", "running_job_percent_per_hour", "running_job_left_seconds")


@pytest.fixture
def running(empty_queue, daemon, add_job, trace):
    """running(percent, seconds): the id of a job that has come so far since its start."""
    daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep", "ignore_cancel": True})
    wait_for(trace.begun)

    def come(percent, seconds):
        assert empty_queue.undo("UPDATE public.jobs SET percent_complete = %s, start_time = start_time"
                                " - make_interval(secs => %s) WHERE id = %s", percent, seconds, job)
        return job
    return come


def lines_of(done):
    assert done.returncode == 0, done.stderr
    return dict(line.split(None, 1) for line in done.stdout.splitlines())


def test_show(command, running):
    """25 % in 1000 s: at 1.5 %/min there are 50 minutes left."""
    job = running(25, 1000)
    shown = lines_of(command("show", job))
    assert shown["rate"] == "1.5 %/min" and shown["time_left"] in ("50 min", "51 min")
    row = json.loads(command("show", job, "--json").stdout)
    assert 80 < row["percent_per_hour"] <= 90 and 3000 <= row["seconds_left"] < 3300
    assert row["running_seconds"] >= 1000


def test_nothing_is_said_without_knowing(command, running):
    """Of a job that has just begun, that says nothing, or that has done all and has not ended."""
    for percent, seconds in ((50, 0), (None, 1000), (0, 0), (100, 0)):
        job = running(percent, seconds)
        shown = lines_of(command("show", job))
        assert "rate" not in shown and "time_left" not in shown
        row = json.loads(command("show", job, "--json").stdout)
        assert row["percent_per_hour"] is None and row["seconds_left"] is None


def test_nothing_is_said_of_a_job_that_has_ended(empty_queue, command, running):
    job = running(25, 1000)
    empty_queue.cancel(job)
    shown = lines_of(command("show", job))
    assert not {"rate", "time_left", "running_seconds"} & set(shown)


def test_watch(empty_queue, command, running):
    """The line of a percentage says more; the text of the event stays the percentage."""
    job = running(25, 1000)
    watches = [subprocess.Popen([*command.argv, "watch", str(job), *more], stdout=subprocess.PIPE,
                                text=True) for more in ((), ("--json",))]
    try:
        first, second = (watch.stdout.readline() for watch in watches)
        assert first == f"job {job} percent: 25 (1.5 %/min, about 50 min left)\n"
        event = json.loads(second)
        assert (event["event"], event["text"]) == ("percent", "25")
        assert 80 < event["percent_per_hour"] <= 90 and 3000 <= event["seconds_left"] < 3300
        empty_queue.cancel(job)
        assert [watch.wait(20 * SLOW) for watch in watches] == [4, 4]
    finally:
        for watch in watches:
            watch.kill()
            watch.wait()
            watch.stdout.close()


def test_metrics(command, running, empty_queue):
    """Of each CO with a job that runs, and by the CO: a label for each job would never end."""
    def values():
        done = command("metrics")
        assert done.returncode == 0, done.stderr
        return {s.name.removeprefix("registry_jobd_"): (s.labels, s.value)
                for family in text_string_to_metric_families(done.stdout) for s in family.samples}

    assert not set(GUESSES) & set(values())
    job = running(25, 1000)
    found = values()
    assert [found[name][0].get("co_id") for name in GUESSES] == ["2"] * 3
    assert all(set(found[name][0]) == {"co_id", "co"} for name in GUESSES)
    percent, rate, left = (found[name][1] for name in GUESSES)
    assert percent == 25 and 80 < rate <= 90 and 3000 <= left < 3300
    empty_queue.cancel(job)
    assert not set(GUESSES) & set(values())
