"""registry-job: what it prints, what it does, and its exit codes."""
import json
import os
import re
import signal
import subprocess
import threading

import pytest
from conftest import COMMAND, HOST, new_id, run_command, wait_for, write_config

OK, FAILED, USAGE, NOT_FOUND, CANCELED, UNAVAILABLE, CONFIG = 0, 1, 2, 3, 4, 69, 78
COUNT = "Example.CountJob"


@pytest.fixture
def queue(empty_queue):
    return empty_queue


def start(command, *args):
    return subprocess.Popen([*command.argv, *map(str, args)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# ---- registering ----

def test_register(queue, command):
    """One row as PHP would leave it, and its id on standard output."""
    job = queue.job(new_id(command("-c", 2, "-j", COUNT, "count=3", "tag=a b=c", "end=ok")))
    assert job["status"] == "Q" and job["co_id"] == 2 and job["plugin"] == COUNT
    assert json.loads(job["parameters"]) == {"count": "3", "tag": "a b=c", "end": "ok"}
    assert job["revision"] == 0 and job["deleted"] is False and job["job_id"] is None
    assert job["register_time"] == job["start_after_time"] is not None
    assert job["created"] is not None and job["assigned_host"] is None
    assert f"uid {os.getuid()}" in job["register_summary"]


def test_register_without_parameters(queue, command):
    """Nothing given is an empty object, in one of its forms."""
    job = queue.job(new_id(command("-c", 2, "-j", COUNT)))
    assert job["parameters"] in ("[]", "{}")


def test_register_options(queue, command):
    """Delay, intervals and limit become columns."""
    job = queue.job(new_id(command("-c", 2, "-j", COUNT, "--delay", 60, "--requeue-interval", 3600,
                                   "--retry-interval", 300, "--max-retry", 4)))
    assert (job["start_after_time"] - job["register_time"]).total_seconds() == 60
    assert (job["requeue_interval"], job["retry_interval"], job["max_retry"],
            job["retry_count"]) == (3600, 300, 4, 0)


def test_long_options(queue, command):
    """The long names of the command that it replaces."""
    new_id(command("--co_id", 2, "--job", COUNT))
    assert len(queue.live()) == 1


def test_json_id(queue, command):
    """--json prints the id as JSON."""
    done = command("-c", 2, "-j", COUNT, "--json")
    assert queue.status(json.loads(done.stdout)["id"]) == "Q"


@pytest.mark.parametrize("args, words", [
    (["nonsense=1"], "nonsense"), (["count=many"], "count"), (["end=explode"], "end"),
    (["person_id=999999"], "999999"), (["ignore_cancel=perhaps"], "ignore_cancel")])
def test_register_refuses(queue, command, args, words):
    """Wrong parameters are refused with the reason, and nothing is written."""
    done = command("-c", 2, "-j", COUNT, *args)
    assert done.returncode == FAILED and words in done.stderr and not done.stdout
    assert not queue.live()


def test_register_person_of_another_co(queue, command):
    """An id must belong to the job's CO."""
    theirs = queue.value("SELECT min(id) FROM public.people WHERE co_id = 3 AND person_id IS NULL")
    done = command("-c", 2, "-j", COUNT, f"person_id={theirs}")
    assert done.returncode == FAILED and str(theirs) in done.stderr


@pytest.mark.parametrize("name", ["Example.None", "None.Job", "Example", "../x.y", ""])
def test_register_unknown_model(queue, command, name):
    """A model that nobody provides is not queued to fail later."""
    done = command("-c", 2, "-j", name)
    assert done.returncode in (FAILED, USAGE) and done.stderr and not queue.live()


def test_register_unknown_co(queue, command):
    """A CO that does not exist."""
    done = command("-c", 99, "-j", COUNT)
    assert done.returncode == FAILED and "99" in done.stderr


@pytest.mark.parametrize("status, columns", [("Q", {}), ("A", {}), ("GO", {})])
def test_register_duplicate(queue, command, add_job, status, columns):
    """Refused while the same job is queued, assigned or running; the message names it."""
    waiting = add_job(2, COUNT, '{ "tag": "x", "count": "1" }', status=status, **columns)
    done = command("-c", 2, "-j", COUNT, "count=1", "tag=x")
    assert done.returncode == FAILED and str(waiting) in done.stderr
    new_id(command("-c", 2, "-j", COUNT, "count=1", "tag=x", "--allow-duplicate"))
    new_id(command("-c", 3, "-j", COUNT, "count=1", "tag=x"))
    new_id(command("-c", 2, "-j", COUNT, "count=1", "tag=y"))


def test_register_race(queue, command):
    """Upstream: twelve identical registrations at once left 5 to 10 rows. Here: one."""
    running = [start(command, "-c", 2, "-j", COUNT, "tag=race") for _ in range(12)]
    codes = []
    for process in running:
        process.communicate(timeout=50)
        codes.append(process.returncode)
    assert sorted(codes) == [OK] + [FAILED] * 11
    assert len(queue.live()) == 1


@pytest.mark.parametrize("args", [
    [], ["-c", "2"], ["-j", COUNT], ["-c", "x", "-j", COUNT], ["-c", "0", "-j", COUNT],
    ["-c", "2", "-j", COUNT, "noequals"], ["-c", "2", "-j", COUNT, "=x"],
    ["-c", "2", "-j", COUNT, "--delay", "soon"], ["-c", "2", "-j", COUNT, "--max-retry", "-1"],
    ["-c", "2", "-j", COUNT, "--delay", "99999999999"], ["-c", "99999999999", "-j", COUNT],
    ["frobnicate"], ["show"], ["show", "x"], ["show", "1", "2"], ["cancel"], ["schema"],
    ["schema", "frobnicate"], ["-r"], ["-r", "-c", "some"], ["--nonsense"],
    ["-c", "2", "-j", COUNT, "tag=1", "tag=2"]])
def test_usage(queue, command, args):
    """Exit code 2 with a reason, and nothing happens."""
    done = command(*args)
    assert done.returncode == USAGE and done.stderr, done.stdout
    assert not queue.live()


# ---- running here ----

@pytest.mark.parametrize("end, code, status", [
    ("ok", OK, "OK"), ("fail", FAILED, "X"), ("segv", FAILED, "X"), ("_exit", FAILED, "X"),
    ("exit", FAILED, "X"), ("kill", FAILED, "X"), ("abort", FAILED, "X")])
def test_synchronous(queue, command, end, code, status):
    """-s runs the job here: its end is the exit code, its records are kept."""
    done = command("-c", 2, "-j", COUNT, "-s", f"end={end}", "records=3", "summary=the end")
    assert done.returncode == code, done.stderr
    job = queue.job(int(done.stdout.split()[0]))
    assert job["status"] == status and job["assigned_host"] == HOST
    assert job["start_time"] and job["finish_time"]
    records = queue.history(job["id"])
    assert len([r for r in records if not r["record_key"].startswith("registry-jobd")]) == 3
    died = end not in ("ok", "fail")
    assert [r["record_key"] for r in records[3:]] == ["registry-jobd: ended"] * died
    assert not queue.value("SELECT count(*) FROM jobd.supervisor")


def test_synchronous_beside_a_daemon(queue, daemon, command, trace):
    """A daemon does not take what the command runs."""
    daemon(sweep="1s")
    done = command("-c", 2, "-j", COUNT, "-s", "sleep_ms=1500", f"trace={trace.path}")
    assert done.returncode == OK
    assert trace.begun() == [int(done.stdout.split()[0])]


def test_synchronous_canceled_elsewhere(queue, command, trace):
    """Exit code 4 when somebody cancels it."""
    process = start(command, "-c", 2, "-j", COUNT, "-s", "sleep_ms=60000", f"trace={trace.path}")
    job = wait_for(trace.begun)[0]
    assert queue.cancel(job) == 1
    process.communicate(timeout=20)
    assert process.returncode == CANCELED and queue.status(job) == "CX"


def test_synchronous_interrupted(queue, command, trace):
    """Ctrl-C cancels the job."""
    process = start(command, "-c", 2, "-j", COUNT, "-s", "sleep_ms=60000", f"trace={trace.path}")
    job = wait_for(trace.begun)[0]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == CANCELED and queue.status(job) == "CX"


def test_synchronous_killed_by_pid(queue, command, trace):
    """kill of the assigned PID ends the job: X, with the signal."""
    process = start(command, "-c", 2, "-j", COUNT, "-s", "end=sleep", f"trace={trace.path}")
    job = wait_for(trace.begun)[0]
    os.kill(queue.job(job)["assigned_pid"], signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == FAILED and queue.status(job) == "X"
    assert "SIGTERM" in queue.job(job)["finish_summary"]


def test_synchronous_killed_is_settled_by_a_daemon(queue, daemon, command, trace):
    """Law 4: kill -9 of the command: a daemon on the host settles the job."""
    process = start(command, "-c", 2, "-j", COUNT, "-s", "end=sleep", f"trace={trace.path}")
    job = wait_for(trace.begun)[0]
    process.kill()
    process.communicate(timeout=20)
    daemon(sweep="1s")
    row = queue.wait_status(job, "X", timeout=10)
    assert "terminated unexpectedly" in row["finish_summary"]


# ---- draining ----

def test_drain_one_co(queue, command, add_job):
    """-r -c CO runs what is due there, and nothing else, then ends."""
    ours, theirs = [add_job(2) for _ in range(5)], add_job(3)
    later = add_job(2, delay=3600)
    done = command("-r", "-c", 2)
    assert done.returncode == OK, done.stderr
    assert {queue.status(job) for job in ours} == {"OK"}
    assert queue.status(theirs) == queue.status(later) == "Q"
    assert not queue.value("SELECT count(*) FROM jobd.supervisor")
    assert not queue.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL")


def test_drain_all(queue, command, add_job, cos, trace):
    """-c all takes every CO, not the first eleven, in parallel."""
    ids = [add_job(co, COUNT, {"trace": trace.path}) for co in cos(20) for _ in range(2)]
    assert command("-r", "-c", "all", "-p", 3).returncode == OK
    assert {queue.status(job) for job in ids} == {"OK"}
    trace.check_one_at_a_time()


@pytest.mark.parametrize("n", [1, 7])
def test_drain_at_most(queue, command, add_job, n):
    """-m: exactly so many jobs, over all COs."""
    for i in range(20):
        add_job(2 + i % 3)
    assert command("-r", "-c", "all", "-m", n, "-p", 3).returncode == OK
    assert len(queue.live(status="OK")) == n and len(queue.live(status="Q")) == 20 - n


def test_drain_nothing(queue, command):
    """An empty queue is done at once."""
    assert command("-r", "-c", "all", timeout=10).returncode == OK


def test_drain_with_failures(queue, command, add_job):
    """Jobs that fail or crash do not end the drain (upstream: one error kills the runner)."""
    ids = [add_job(2, COUNT, {"end": end}) for end in ("fail", "segv", "kill", "exit", "ok")]
    assert command("-r", "-c", 2).returncode == OK
    assert [queue.status(job) for job in ids] == ["X"] * 4 + ["OK"]


def test_drain_beside_a_daemon(queue, command, daemon, add_job, trace):
    """Law 1 holds between a command and a daemon."""
    ids = [add_job(2 + i % 3, COUNT, {"trace": trace.path, "sleep_ms": 5}) for i in range(60)]
    daemon(workers=2)
    assert command("-r", "-c", "all").returncode == OK
    queue.wait_final(*ids)
    trace.check_one_at_a_time()
    assert sorted(trace.begun()) == ids


def test_drain_interrupted(queue, command, add_job, trace):
    """SIGTERM of a drain: what runs may end, the rest stays Queued."""
    ids = [add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 700}) for _ in range(5)]
    process = start(command, "-r", "-c", 2)
    wait_for(trace.begun)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert [queue.status(job) for job in ids] == ["OK"] + ["Q"] * 4


# ---- looking ----

def test_list(queue, command, add_job):
    """Newest first; filters by CO, status and model; JSON for programs."""
    ids = [add_job(2 + i % 2) for i in range(6)]
    add_job(2, job_id=ids[0])
    rows = json.loads(command("list", "--json").stdout)
    assert [row["id"] for row in rows] == ids[::-1]
    assert [row["id"] for row in json.loads(command("list", "-c", 3, "--json").stdout)] == \
        ids[5::-2]
    assert json.loads(command("list", "--status", "complete", "--json").stdout) == []
    assert len(json.loads(command("list", "--limit", 2, "--json").stdout)) == 2
    assert str(ids[0]) in command("list").stdout


def test_list_many_statuses(queue, command, add_job):
    """However long the list of statuses is, all of it counts, and each status once."""
    ids = {status: add_job(2, status=status) for status in ("GO", "X", "CX")}
    for names in (["GO"] * 40, ["in progress"] * 40, ["Q"] * 200 + ["GO"]):
        done = command("list", "--json", "--status", ",".join(names))
        assert done.returncode == OK, done.stderr
        assert [row["id"] for row in json.loads(done.stdout)] == [ids["GO"]]
    done = command("list", "--json", "--status", ",".join(["complete", "Q", "A"] * 30 + ["X", "CX"]))
    assert [row["id"] for row in json.loads(done.stdout)] == [ids["CX"], ids["X"]]
    done = command("list", "--status", ",".join(["complete"] * 40 + ["nonsense"]))
    assert done.returncode == USAGE and "'nonsense'" in done.stderr
    for names in ("", ",", ",,,"):
        assert command("list", "--status", names).returncode == USAGE


def test_long_actor(queue, command, add_job):
    """Whoever asks is never cut in actor_identifier; the summary is, between two characters."""
    for actor in ("ä" * 256, "€" * 100, "x" * 256):
        job = add_job(2)
        done = command("cancel", job, "--actor", actor)
        assert done.returncode == OK, done.stderr
        row = queue.job(job)
        assert row["actor_identifier"] == actor
        assert row["finish_summary"] == "Job canceled by " + actor[:180]
        done = command("retry", job, "--actor", actor)
        row = queue.job(new_id(done))
        assert row["register_summary"] == f"Retry of job {job} by {actor[:180]} (uid {os.getuid()})"
        queue.sql("DELETE FROM public.jobs")
    job = queue.job(new_id(command("-c", 2, "-j", COUNT, "--actor", "ä" * 200)))
    assert job["register_summary"].endswith(f"{'ä' * 180} (uid {os.getuid()})")


def test_too_long_actor(queue, command, add_job):
    """A name that is longer than the column is cut between two characters, with a warning."""
    job = add_job(2)
    done = command("cancel", job, "--actor", "ä" * 257)
    assert done.returncode == OK and "--actor is cut to 256 characters" in done.stderr
    assert queue.job(job)["actor_identifier"] == "ä" * 256


@pytest.mark.parametrize("actor", ["", b"\xff"])
def test_wrong_actor(queue, command, add_job, actor):
    """A name that is no text is refused before anything is done."""
    job = add_job(2)
    done = subprocess.run([*command.argv, "cancel", str(job), "--actor", actor], check=False,
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == USAGE and "--actor" in done.stderr
    assert queue.status(job) == "Q"


def test_show(db, command):
    """One job with everything; archive copies and unknown ids are not found."""
    job = json.loads(command("show", 1, "--json").stdout)
    job = job[0] if isinstance(job, list) else job
    assert job["id"] == 1 and job["status"] == "OK" and job["plugin"] == "CoreJob.ProvisionerJob"
    assert "CoreJob.ProvisionerJob" in command("show", 1).stdout
    assert command("show", 999999).returncode == NOT_FOUND
    assert command("show", 16).returncode == NOT_FOUND


def test_history(queue, command, add_job):
    """The records of a job, in order."""
    done = command("-c", 2, "-j", COUNT, "-s", "records=5")
    job = done.stdout.split()[0]
    # Nothing but how it ended: a library that is not set up has words of its own.
    assert re.fullmatch(rf"registry-job: job {job} is complete: .*\n", done.stderr)
    rows = json.loads(command("history", job, "--json").stdout)
    assert len(rows) == 5
    assert command("history", 999999).returncode == NOT_FOUND


def test_status_of_records(queue, command):
    """Their statuses are words too, also the one that jobs have not."""
    job = new_id(command("-c", 2, "-j", COUNT))
    queue.sql("INSERT INTO public.job_history_records (job_id, record_key, status, created)"
              " VALUES (%s, 'a', 'NT', now()), (%s, 'b', 'X', now())", job, job)
    lines = command("history", job).stdout.splitlines()
    assert " notice " in lines[1] and " failed " in lines[2]
    assert [r["status"] for r in json.loads(command("history", job, "--json").stdout)] == ["NT", "X"]


@pytest.mark.parametrize("verb", ["list", "queue", "status", "plugins"])
def test_looks_are_json(db, command, verb):
    """--json is JSON and nothing else, on the shipped data."""
    done = command(verb, "--json")
    assert done.returncode == OK, done.stderr
    json.loads(done.stdout)
    assert command(verb).returncode == OK


def test_hostile_text_on_a_terminal(queue, command, add_job):
    """Control characters of a row do not reach the terminal, and do not break the JSON."""
    job = add_job(2, "Evil\x1b[2J.Job", '{"a":"\x1b]0;x\x07"}', register_summary="a\nb\x1b[31m\x9b")
    for verb in (["list"], ["show", job]):
        assert "\x1b" not in command(*verb).stdout
        json.loads(command(*verb, "--json").stdout)


def test_status_and_queue(queue, command, daemon, add_job, trace):
    """What runs where, and what waits."""
    running = daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    waiting = add_job(2)
    wait_for(trace.begun)
    status = json.loads(command("status", "--json").stdout)
    assert status["supervisors"][0]["pid"] == running.pid
    assert status["workers"][0]["job"] == job
    rows = json.loads(command("queue", "--json").stdout)
    row = next(row for row in rows if row["co_id"] == 2)
    assert row["waiting"] == 1 and row["head"] == waiting and row["running"] == job


def test_plugins(command):
    """Models with their parameters."""
    text = command("plugins").stdout
    assert COUNT in text and "sleep_ms" in text


def test_plugins_needs_no_database(tmp_path):
    """Neither does the help."""
    from conftest import DEFAULTS
    config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": "host=/nonexistent"})
    assert run_command(config, "plugins").returncode == OK
    assert run_command(config, "--help").returncode == OK
    assert "registry-job" in run_command(config, "--version").stdout


def test_watch(queue, command, daemon, add_job):
    """Follows a job to its end; the exit code is how it ended."""
    daemon()
    ids = {end: add_job(2, COUNT, {"end": end, "records": 2, "sleep_ms": 50})
           for end in ("ok", "fail")}
    done = command("watch", ids["ok"])
    assert done.returncode == OK and "complete" in done.stdout.lower()
    assert command("watch", ids["fail"]).returncode == FAILED
    assert command("watch", 999999).returncode == NOT_FOUND


def test_watch_long_records(queue, command, add_job):
    """Records as long as can be, of characters of four bytes, and hostile ones."""
    job = add_job(2, status="CX")
    key, comment = "\U0001f370" * 512, "\U0001f382" * 256
    queue.sql("INSERT INTO public.job_history_records (job_id, record_key, comment, status, created)"
              " VALUES (%s, %s, %s, 'NT', now()), (%s, 'k', E'\\x1b[2J', 'NT', now())",
              job, key, comment, job)
    done = command("watch", job)
    assert f"job {job} record: NT {key} {comment}\n" in done.stdout
    assert "\x1b" not in done.stdout
    events = [json.loads(line) for line in command("watch", job, "--json").stdout.splitlines()]
    assert events[0]["text"] == f"NT {key} {comment}"


def test_why_long_texts(queue, command, add_job):
    """A sentence of the longest texts that a row can have is whole."""
    cake = "\U0001f370"
    job = add_job(2, status="X", finish_summary=cake * 256, actor_identifier=cake * 256,
                  assigned_host=cake * 64, plugin=cake * 80)
    assert command("why", job).stdout.count(cake) == 256
    job = add_job(2, status="CX", finish_summary=cake * 256, actor_identifier=cake * 256,
                  assigned_host=cake * 64, plugin=cake * 80)
    done = command("why", job, "--json")
    assert done.returncode == OK, done.stderr
    assert json.loads(done.stdout)["sentence"].count(cake) == 256


def test_plugins_are_never_cut(tmp_path, db):
    """Neither a long select, nor the list of models that there are."""
    choices = [f"choice{i}" for i in range(60)]
    models = {f"Some.Job{i}": {"command": "/bin/true",
                               "parameter.kind": f"select({','.join(choices)}) required"}
              for i in range(60)}
    from conftest import DEFAULTS
    config = write_config(tmp_path / "c", models, **{**DEFAULTS, "conninfo": db.conninfo})
    described = {model["model"]: model for model in
                 json.loads(run_command(config, "plugins", "--json").stdout)}
    kind = described["Some.Job7"]["parameters"][0]
    assert kind["type"] == f"select({','.join(choices)})"
    assert f"select({','.join(choices)}), required" in run_command(config, "plugins").stdout
    told = run_command(config, "-c", 2, "-j", "Some.Other").stderr
    assert all(f"{name}" in told for name in models)
    told = run_command(config, "-c", 2, "-j", "Some.Job1", "kind=x",
                       *[f"unknown{i:03}=1" for i in range(200)]).stderr
    assert "choice0, " in told and "and others" in told
    assert told.count("is not known") < 200 and " more\n" in told.splitlines(True)[-1]


def test_watch_canceled(queue, command, add_job):
    """Exit code 4 for a canceled job, also while it is watched."""
    job = add_job(2, delay=3600)
    process = start(command, "watch", job)
    assert process.stdout.readline()
    queue.cancel(job)
    process.communicate(timeout=20)
    assert process.returncode == CANCELED


@pytest.mark.limit(90)
def test_watch_survives_the_connection(server, queue, command, add_job):
    """Its session is ended, then the server restarted: it goes on, and shows nothing twice."""
    job = add_job(2, delay=3600)
    process = start(command, "watch", job)
    assert process.stdout.readline()
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'registry-job'"
    wait_for(lambda: queue.sql(end))
    wait_for(lambda: queue.sql(end), what="a new session")
    queue.close()
    server.stop("fast")
    server.start()
    queue.cancel(job)
    shown, said = process.communicate(timeout=60)
    assert process.returncode == CANCELED
    assert "connecting again" in said and "connected again" in said, said
    assert shown.count(f"job {job} queued:") == 0 and shown.count(f"job {job} canceled:") == 1, shown


def test_watch_into_a_closed_pipe(queue, command, add_job):
    """`registry-job watch | head -1` ends."""
    job = add_job(2, delay=3600)
    process = start(command, "watch", job)
    assert process.stdout.readline()
    process.stdout.close()
    queue.cancel(job)
    process.wait(20)


# ---- changing ----

def test_cancel_queued(queue, command, add_job):
    """CX at once, with the name of who did it; a second time is refused."""
    job = add_job(2)
    assert command("cancel", job, "--actor", "alice@example.org").returncode == OK
    row = queue.job(job)
    assert row["status"] == "CX" and "alice@example.org" in row["finish_summary"]
    assert row["actor_identifier"] == "alice@example.org" and row["finish_time"]
    done = command("cancel", job)
    assert done.returncode == FAILED and "canceled" in done.stderr
    assert queue.job(job) == row


def test_cancel_running(queue, command, daemon, add_job, trace):
    """The plugin hears of it."""
    daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 60000})
    wait_for(trace.begun)
    assert command("cancel", job).returncode == OK
    wait_for(trace.ended)
    assert queue.status(job) == "CX"


@pytest.mark.parametrize("job, code", [(1, FAILED), (999999, NOT_FOUND), (16, NOT_FOUND)])
def test_cancel_refused(db, command, job, code):
    """Final jobs stay final; archive copies are no jobs."""
    before = db.job(job)
    assert command("cancel", job).returncode == code
    assert db.job(job) == before


@pytest.mark.parametrize("status", ["X", "CX"])
def test_retry(queue, command, add_job, status):
    """A new row, that names the old one; the old one does not change (law 3)."""
    old = add_job(2, COUNT, {"tag": "x"}, status=status, retry_interval=60, max_retry=3)
    before = queue.job(old)
    job = queue.job(new_id(command("retry", old)))
    assert job["requeued_from_job_id"] == old and job["status"] == "Q"
    assert job["parameters"] == before["parameters"] and job["retry_interval"] == 60
    assert queue.job(old) == before
    assert command("retry", old).returncode == FAILED  # it waits already


def test_retry_of_too_long_parameters(queue, command, add_job):
    """What show cuts is not registered again in its place."""
    job = add_job(2, COUNT, json.dumps({"tag": "x" * (1 << 20)}), status="X")
    done = command("retry", job)
    assert done.returncode == FAILED and "longer than 1048576 bytes" in done.stderr
    assert len(queue.live()) == 1


@pytest.mark.parametrize("status", ["Q", "A", "GO", "OK"])
def test_retry_refused(queue, command, add_job, status):
    """Only what failed or was canceled can be tried again."""
    assert command("retry", add_job(2, COUNT, {}, status=status)).returncode == FAILED
    assert len(queue.live()) == 1


def test_retry_unknown(queue, command):
    """No such job."""
    assert command("retry", 999999).returncode == NOT_FOUND


def test_cancel_storm(queue, command, add_job):
    """Ten people cancel one job: one is told so."""
    job, codes = add_job(2), []
    threads = [threading.Thread(target=lambda i=i: codes.append(
        command("cancel", job, "--actor", f"p{i}").returncode)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [OK] + [FAILED] * 9


# ---- trouble ----

@pytest.mark.parametrize("args", [["list"], ["cancel", "1"], ["-c", "2", "-j", COUNT],
                                  ["-r", "-c", "all"], ["schema", "check"], ["watch", "1"]])
def test_database_away(tmp_path, args):
    """Exit code 69, with the reason on a line, without the tabs of libpq."""
    from conftest import DEFAULTS
    config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": "host=/nonexistent"})
    done = run_command(config, *args)
    assert done.returncode == UNAVAILABLE and "Is the server running" in done.stderr
    assert "\t" not in done.stderr


@pytest.mark.parametrize("args", [["list"], ["-c", "2", "-j", COUNT], ["-r", "-c", "2"]])
def test_schema_missing(plain_db, tmp_path, args):
    """Without our schema: an error that says what to do, not a crash."""
    from conftest import DEFAULTS
    config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": plain_db.conninfo})
    done = run_command(config, *args)
    if args == ["list"] and done.returncode == OK:
        return  # listing needs none of it
    assert done.returncode not in (OK, -11) and done.stderr


@pytest.mark.parametrize("text", ["[pool]\nworkers = many\n", "[nonsense]\n", "x\n"])
def test_bad_configuration(tmp_path, text):
    """Exit code 78, with file and line."""
    config = tmp_path / "bad.conf"
    config.write_text(text)
    done = run_command(config, "list")
    assert done.returncode == CONFIG and str(config) in done.stderr


def test_missing_configuration(tmp_path):
    """A file that was named and is not there is an error."""
    done = run_command(tmp_path / "none", "list")
    assert done.returncode == CONFIG and str(tmp_path / "none") in done.stderr


def test_option_order(queue, command):
    """--config may stand behind the verb; `--` ends the options."""
    done = subprocess.run([str(COMMAND), "list", "--config", str(command.config), "--json"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == OK and json.loads(done.stdout) == []


def test_negative_values_are_values(queue, command):
    """name=value with odd values passes as it is."""
    job = queue.job(new_id(command("-c", 2, "-j", COUNT, "tag=--json", "summary=ü \"x\" \\ /")))
    assert json.loads(job["parameters"]) == {"tag": "--json", "summary": "ü \"x\" \\ /"}
