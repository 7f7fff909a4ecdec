"""registry-job cancel and retry of many jobs: what is selected, what is asked, what is told."""
import json
import subprocess
import threading

import pytest
from conftest import COMMAND, DEFAULTS, Terminal, run_command, wait_for, write_config

OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 3
COUNT, NOOP = "Example.CountJob", "Example.NoopJob"


@pytest.fixture
def queue(empty_queue):
    return empty_queue


def statuses(queue, ids):
    return [queue.status(job) for job in ids]


def told(done):
    """The count, which is the last line."""
    return done.stderr.splitlines()[-1].removeprefix("registry-job: ")


# ---- by ids ----

def test_cancel_ids(queue, command, add_job):
    """Each by itself: those that can be are canceled, the others are told one by one."""
    ids = [add_job(2 + i % 2) for i in range(20)]
    final = add_job(2, status="OK")
    done = command("cancel", *ids[:18], final, 999999, ids[0], "--actor", "ada")
    assert done.returncode == NOT_FOUND
    assert told(done) == "18 canceled, 1 refused, 1 not there"
    assert f"job {final} is complete already" in done.stderr
    assert "there is no job 999999" in done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(f"job {job} is canceled" for job in ids[:18])
    assert statuses(queue, ids) == ["CX"] * 18 + ["Q"] * 2
    assert {queue.job(job)["actor_identifier"] for job in ids[:18]} == {"ada"}
    assert queue.value("SELECT count(*) FROM jobd.queue") == 2
    assert command("cancel", *ids[18:]).returncode == OK
    assert command("cancel", ids[0], ids[1]).returncode == FAILED


def test_one_is_as_ever(queue, command, add_job):
    """One id: words or one object, and no count."""
    jobs = [add_job(2, status=status) for status in ("Q", "GO", "X", "X")]
    done = command("cancel", jobs[0])
    assert done.stdout == "" and done.stderr == f"registry-job: job {jobs[0]} is canceled\n"
    assert json.loads(command("cancel", jobs[1], "--json").stdout) == {"id": jobs[1], "was": "GO"}
    assert command("retry", jobs[2]).stdout.strip() == str(queue.live()[-1]["id"])
    queue.sql("UPDATE public.jobs SET parameters = '[1]' WHERE id = %s", jobs[3])
    assert json.loads(command("retry", jobs[3], "--json").stdout) == {"id": queue.live()[-1]["id"]}


def test_json(queue, command, add_job):
    """An array with an object for each job; the count is not among the results."""
    ids = [add_job(2), add_job(2, status="OK")]
    done = command("cancel", *ids, 999999, "--json")
    assert done.returncode == NOT_FOUND
    assert json.loads(done.stdout) == [
        {"id": ids[0], "result": "done", "was": "Q"},
        {"id": ids[1], "result": "refused", "reason": f"job {ids[1]} is complete already"},
        {"id": 999999, "result": "not found", "reason": "there is no job 999999"}]
    assert told(done) == "1 canceled, 1 refused, 1 not there"


def test_retry_ids(queue, command, add_job):
    """New jobs in the order of the old ones, which stay; each failed job once."""
    ids = [add_job(3 - i % 2, COUNT, {"tag": str(i)}, status="X", retry_interval=60, max_retry=3)
           for i in range(20)]
    before = [queue.job(job) for job in ids]
    done = command("retry", *ids, "--json")
    assert done.returncode == OK, done.stderr
    new = {row["id"]: row["job"] for row in json.loads(done.stdout)}
    assert sorted(new) == ids and told(done) == "20 queued again"
    for old in before:
        job = queue.job(new[old["id"]])
        assert job["requeued_from_job_id"] == old["id"] and job["status"] == "Q"
        assert queue.job(old["id"]) == old
        for column in ("co_id", "plugin", "parameters", "retry_interval", "requeue_interval", "max_retry"):
            assert job[column] == old[column]
        assert job["retry_count"] == 0 and job["start_after_time"] == job["register_time"]
    for co in (2, 3):
        order = [job["requeued_from_job_id"] for job in queue.live(co_id=co, status="Q")]
        assert order == sorted(order) and len(order) == 10


def test_retry_is_not_twice(queue, command, add_job):
    """A failed job that was queued again already is not once more, whatever became of its retry."""
    old = add_job(2, status="X")
    first = int(command("retry", old).stdout)
    for status in ("Q", "GO", "OK", "X"):
        queue.undo("UPDATE public.jobs SET status = %s WHERE id = %s", status, first)
        done = command("retry", old)
        assert done.returncode == FAILED and f"as job {first}" in done.stderr
    assert len(queue.live()) == 2
    second = int(command("retry", old, "--allow-duplicate").stdout)
    assert queue.job(second)["requeued_from_job_id"] == old
    queue.sql("UPDATE public.jobs SET deleted = true WHERE id = ANY (%s)", [first, second])
    assert command("retry", old).returncode == OK


def test_retries_that_are_the_same(queue, command, add_job):
    """The duplicate rule: of several failed jobs with the same parameters one is queued."""
    ids = [add_job(2, COUNT, {"tag": "x"}, status="X") for _ in range(5)]
    done = command("retry", *ids, 999999)
    assert done.returncode == NOT_FOUND and told(done) == "1 queued again, 4 refused, 1 not there"
    new = queue.live(status="Q")
    assert len(new) == 1 and done.stderr.count(f"job {new[0]['id']} with the same parameters") == 4


@pytest.mark.parametrize("status", ["Q", "A", "GO"])
def test_retry_beside_the_same_job(queue, command, add_job, status):
    """What waits or runs in the CO makes a duplicate, whatever its JSON looks like; nothing else does."""
    ids = [add_job(2, COUNT, params, status="X") for params in
           ('{"a":"1","b":[2]}', "[]", None, "no json", '{"a":"2"}')]
    live = [add_job(2, COUNT, params, status=status, register_time=None) for params in
            ('{ "b": [2], "a": "1" }', "{}", "no json")]
    add_job(3, COUNT, '{"a":"2"}', status=status)
    add_job(2, NOOP, '{"a":"2"}', status=status)
    add_job(2, COUNT, '{"a":"2"}', status=status, job_id=ids[0])
    done = command("retry", *ids)
    assert done.returncode == FAILED and told(done) == "1 queued again, 4 refused"
    assert f"job {ids[4]} is queued again" in done.stdout
    for old, other in zip(ids, (live[0], live[1], live[1], live[2])):
        assert f"job {old} is not queued again: job {other} with" in done.stderr


def test_retry_refuses(queue, command, add_job):
    """Each reason is told of its job."""
    waiting, nameless = add_job(2), add_job(2, plugin=None, status="X")
    long = add_job(2, COUNT, json.dumps({"tag": "x" * (1 << 20)}), status="X")
    done = command("retry", waiting, nameless, long)
    assert done.returncode == FAILED and told(done) == "0 queued again, 3 refused"
    for words in (f"job {waiting} is queued; only", f"job {nameless} cannot run again: its row names",
                  f"job {long} cannot run again: its parameters are longer than"):
        assert words in done.stderr
    assert len(queue.live()) == 3


def test_one_bad_job_keeps_no_other(queue, command, add_job):
    """Law 14: what the server refuses is told of its job; the rest of its batch is changed."""
    ids = [add_job(2) for _ in range(10)]
    queue.sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
              f" IF NEW.id = {ids[4]} THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;"
              "CREATE TRIGGER refuse BEFORE UPDATE ON public.jobs FOR EACH ROW"
              " EXECUTE FUNCTION public.refuse()")
    done = command("cancel", *ids)
    assert done.returncode == FAILED and told(done) == "9 canceled, 1 refused"
    assert f"job {ids[4]}: not this one" in done.stderr
    assert statuses(queue, ids) == ["CX"] * 4 + ["Q"] + ["CX"] * 5


def test_two_at_once(queue, command, add_job):
    """Each job is canceled, and queued again, by one of two."""
    ids = [add_job(2 + i % 3, COUNT, {"tag": i}) for i in range(60)]

    def both(*args):
        done = []
        threads = [threading.Thread(target=lambda: done.append(command(*args))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts = [int(told(one).split()[0]) for one in done]
        assert sum(counts) == 60, [one.stderr for one in done]
    both("cancel", *ids)
    both("retry", *ids)
    assert len(queue.live(status="Q")) == 60


def test_running_ones_hear_of_it(queue, command, daemon, add_job, trace):
    """The plugins of running jobs are told, whichever way they were selected."""
    daemon()
    ids = [add_job(co, COUNT, {"trace": trace.path, "sleep_ms": 60000}) for co in (2, 3)]
    wait_for(lambda: len(trace.begun()) == 2)
    done = command("cancel", "--model", COUNT, "--status", "in progress", "--yes")
    assert done.returncode == OK and "its plugin stops when it looks" in done.stdout
    wait_for(lambda: len(trace.ended()) == 2)
    assert statuses(queue, ids) == ["CX", "CX"]


# ---- by a filter ----

def test_cancel_selected(queue, command, add_job):
    """Only what fits all options, and is not final."""
    ours = [add_job(2, COUNT) for _ in range(3)]
    others = [add_job(3, COUNT), add_job(2, NOOP), add_job(2, COUNT, status="X"),
              add_job(2, COUNT, status="GO")]
    before = statuses(queue, others)
    args = ("cancel", "-c", 2, "--model", COUNT, "--status", "queued")
    done = command(*args, "--dry-run")
    assert done.returncode == OK and told(done) == "3 would be canceled"
    assert f"job {ours[0]} would be canceled: CO 2, {COUNT}, queued" in done.stdout
    assert statuses(queue, ours) == ["Q"] * 3
    rows = json.loads(command(*args, "--dry-run", "--json").stdout)
    assert [(row["id"], row["result"], row["was"]) for row in rows] == [(job, "done", "Q") for job in ours]
    done = command(*args)
    assert done.returncode == USAGE and "3 jobs would be canceled" in done.stderr
    assert "--yes" in done.stderr and statuses(queue, ours) == ["Q"] * 3
    done = command(*args, "--yes")
    assert done.returncode == OK and told(done) == "3 canceled"
    assert statuses(queue, ours) == ["CX"] * 3 and statuses(queue, others) == before
    done = command(*args, "--yes")
    assert done.returncode == OK and told(done) == "0 canceled"
    assert json.loads(command(*args, "--json").stdout) == []


def test_retry_selected(queue, command, add_job):
    """Failed jobs of a time and a model; those that were queued again are left out."""
    def failed(i, **columns):
        return add_job(2, COUNT, {"tag": i}, status="X", register_time="2026-01-01", **columns)
    ours = [failed(i, finish_time="2026-03-02 10:00:00") for i in range(3)]
    failed(8, finish_time="2026-03-01 10:00:00")
    add_job(3, COUNT, {}, status="X", finish_time="2026-03-02 10:00:00")
    add_job(2, NOOP, {}, status="X", finish_time="2026-03-02 10:00:00")
    add_job(2, COUNT, {}, status="CX", finish_time="2026-03-02 10:00:00")
    args = ("retry", "--failed", "--since", "2026-03-02T00:00:00Z", "--model", "Count", "--co", 2)
    assert told(command(*args, "--dry-run")) == "3 would be queued again"
    assert not queue.live(status="Q")
    done = command(*args, "--yes")
    assert done.returncode == OK and told(done) == "3 queued again", done.stderr
    assert [job["requeued_from_job_id"] for job in queue.live(status="Q")] == ours
    queue.undo("UPDATE public.jobs SET status = 'OK' WHERE status = 'Q'")
    done = command(*args, "--yes")
    assert done.returncode == OK and told(done) == "0 queued again"


@pytest.mark.parametrize("args", [
    ["cancel"], ["cancel", "--yes"], ["cancel", "-c", "all", "--yes"], ["cancel", "--limit", "5"],
    ["retry"], ["retry", "--failed", "--yes"], ["retry", "--failed", "-c", "all", "--yes"],
    ["retry", "-c", "2", "--yes"], ["retry", "--status", "failed,canceled", "--yes"]])
def test_all_of_them_is_refused(queue, command, add_job, args):
    """Nobody cancels or repeats everything by leaving something out."""
    add_job(2)
    add_job(2, status="X")
    done = command(*args)
    assert done.returncode == USAGE and "of all jobs is refused" in done.stderr
    assert sorted(job["status"] for job in queue.live()) == ["Q", "X"]


@pytest.mark.parametrize("args, words", [
    (["cancel", "1", "-c", "2"], "either ids or options"),
    (["retry", "1", "--failed"], "either ids or options"),
    (["cancel", "-c", "2", "--status", "failed"], "a job that is failed cannot be canceled"),
    (["retry", "-c", "2", "--status", "complete"], "a job that is complete cannot be queued again"),
    (["cancel", "1", "x"], "'x' is not the id of a job"),
    (["cancel", "-c", "2", "--since", "soon"], "--since")])
def test_what_makes_no_sense(queue, command, args, words):
    """Exit code 2, before anything is done."""
    done = command(*args, "--yes")
    assert done.returncode == USAGE and words in done.stderr


def test_dry_run_of_ids(queue, command, add_job):
    """What would be changed, and what not, with the exit code that there would be."""
    ids = [add_job(2, status=status) for status in ("X", "Q", "OK")]
    done = command("cancel", *ids, "--dry-run")
    assert done.returncode == FAILED and told(done) == "1 would be canceled, 2 refused"
    done = command("retry", *ids, 999999, "--dry-run")
    assert done.returncode == NOT_FOUND
    assert told(done) == "1 would be queued again, 2 refused, 1 not there"
    assert command("retry", ids[0], "--dry-run").returncode == OK
    assert statuses(queue, ids) == ["X", "Q", "OK"] and len(queue.live()) == 3


THOUSANDS = 5000


def test_thousands(queue, command):
    """In batches: neither one transaction nor a round trip for each; lines up to a bound."""
    queue.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, register_time, created)"
              " SELECT 2 + i %% 3, 'P.M', '{\"n\":' || i || '}', 'Q', now(), now()"
              " FROM generate_series(1, %s) i", THOUSANDS)
    before = queue.value("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    done = command("cancel", "--model", "P.M", "--yes", timeout=50)
    assert done.returncode == OK and told(done) == f"{THOUSANDS} canceled"
    lines = done.stdout.splitlines()
    assert len(lines) == 1001 and "only counted" in lines[-1]
    assert len(queue.live(status="CX")) == THOUSANDS
    wait_for(lambda: queue.value("SELECT xact_commit FROM pg_stat_database WHERE datname ="
                                 " current_database()") > before + THOUSANDS / 10)
    done = command("retry", "--status", "canceled", "--model", "P.M", "--yes", "--json", timeout=50)
    assert done.returncode == OK and len(json.loads(done.stdout)) == THOUSANDS
    assert len(queue.live(status="Q")) == THOUSANDS


def test_thousands_in_one_co(queue, command):
    """What waits and runs there, and what ever did, is read once for many retries."""
    queue.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, register_time, created)"
              " SELECT 2, 'P.M', '{\"n\":' || i || '}', CASE WHEN i % 10 = 0 THEN 'X' ELSE 'OK' END, now(),"
              " now() FROM generate_series(1, 30000) i")
    done = command("retry", "--failed", "--model", "P.M", "--yes", timeout=40)
    assert done.returncode == OK and told(done) == "3000 queued again"
    assert queue.value("SELECT count(DISTINCT requeued_from_job_id) FROM public.jobs WHERE status = 'Q'") == 3000


# ---- asked on a terminal ----

@pytest.mark.parametrize("answer, code, status", [
    ("y\n", OK, "CX"), ("Yes\n", OK, "CX"), ("n\n", FAILED, "Q"), ("\n", FAILED, "Q"),
    ("perhaps\n", FAILED, "Q"), ("\x04", FAILED, "Q")])
def test_asked(queue, command, add_job, answer, code, status):
    """On a terminal what was selected is asked about; only yes is yes."""
    ids = [add_job(2 + i % 2) for i in range(4)]
    terminal = Terminal(command, "cancel", "--status", "queued")
    terminal.wait_for("Cancel 4 jobs of 2 COs? [y/N] ")
    assert statuses(queue, ids) == ["Q"] * 4
    terminal.type(answer)
    terminal.wait_for("4 canceled" if code == OK else "nothing was done")
    assert terminal.end() == code and statuses(queue, ids) == [status] * 4


def test_not_asked(queue, command, add_job):
    """With --yes, and for ids."""
    ids = [add_job(2) for _ in range(4)]
    for args in (ids[:2], ["-c", 2, "--yes"]):
        terminal = Terminal(command, "cancel", *args)
        terminal.wait_for("2 canceled")
        assert terminal.end() == OK and "[y/N]" not in terminal.shown


def test_database_lost_on_the_way(queue, add_job, tmp_path):
    """What was changed is counted; an array that was not ended is none; the exit code says why."""
    ids = [add_job(2) for _ in range(200)]
    queue.sql("CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
              " PERFORM pg_sleep(0.02); RETURN NEW; END $$;"
              "CREATE TRIGGER slow BEFORE UPDATE ON public.jobs FOR EACH ROW"
              " EXECUTE FUNCTION public.slow()")
    config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": queue.conninfo})
    process = subprocess.Popen([str(COMMAND), "--config", str(config), "cancel", "-c", "2", "--yes",
                                "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(queue.live(status="CX")) > 20)
    queue.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              " WHERE application_name LIKE 'registry-job%%' AND datname = current_database()")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 69 and "canceled" in err.splitlines()[-1], err
    with pytest.raises(ValueError):
        json.loads(out)
    assert run_command(config, "cancel", "-c", "2", "--yes").returncode == OK
    assert set(statuses(queue, ids)) == {"CX"}
