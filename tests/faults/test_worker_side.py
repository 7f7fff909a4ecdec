"""What a worker does about a database that goes away under its plugin, and its limits when it is
the command that runs the job."""
import re

import pytest
from chaos import CHAOS, LOAD
from conftest import DEFAULTS, run_command, wait_for, write_config

COUNT = "Example.CountJob"
WORKER = "registry-jobd worker"


def steps(db, job):
    """The history records of CountJob, in the order of their ids, as (step, record)."""
    keys = [row["record_key"] for row in db.history(job)]
    return [tuple(int(word) for word in re.findall(r"\d+", key)) for key in keys
            if key.startswith("step ")]


def terminate_workers(db):
    return db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name = %s AND datname = current_database()", WORKER)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_records_over_a_restart(server, empty_queue, daemon, add_job, mode):
    """The plugin goes on; its records are all there, once, in their order."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 40, "sleep_ms": 100, "records": 3})
    wait_for(lambda: steps(db, job), what="the first records")
    db.close()
    server.stop(mode)
    server.start()
    print(f"injected: PostgreSQL stopped ({mode}) and started under a plugin that writes records")
    row, = db.wait_final(job)
    assert row["status"] == "OK" and row["finish_summary"] == "counted to 40"
    assert steps(db, job) == [(i, k) for i in range(1, 41) for k in range(1, 4)]
    print("checked: the job is Complete, 120 records are there, each once")


def test_full_ring_waits(server, empty_queue, daemon, add_job):
    """More records than the ring holds: the plugin waits for the database, and loses none."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 20, "sleep_ms": 10, "records": 400, "tag": "x" * 250})
    wait_for(lambda: steps(db, job), what="the first records")
    db.close()
    server.stop("fast")
    server.start()
    print("injected: PostgreSQL away while a plugin writes 8000 records, of which the ring holds"
          " 900")
    row, = db.wait_final(job)
    assert row["status"] == "OK"
    assert steps(db, job) == [(i, k) for i in range(1, 21) for k in range(1, 401)]
    print("checked: 8000 records are there, each once")


def test_progress_goes_on_after_an_outage(empty_queue, daemon, add_job):
    """Progress that was skipped while the connection was away is shown over the next one."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 1000, "sleep_ms": 20})
    wait_for(lambda: db.job(job)["percent_complete"], what="progress")
    assert terminate_workers(db)
    seen = db.job(job)["percent_complete"]
    print("injected: the worker's backend terminated at", seen, "%")
    wait_for(lambda: db.job(job)["percent_complete"] > seen, what="more progress")
    assert db.status(job) == "GO"
    db.cancel(job)
    wait_for(lambda: not db.value("SELECT count(*) FROM jobd.lane WHERE co_id = 2"
                                  " AND token IS NOT NULL"), what="the lane is free")
    print("checked: the same plugin went on to", db.job(job)["percent_complete"], "%")


def test_start_that_was_lost(empty_queue, daemon, add_job):
    """A crash of the server can take the start back, whose commit did not wait for the disk."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 20, "sleep_ms": 100})
    db.wait_status(job, "GO")
    db.sql("UPDATE public.jobs SET status = 'A', start_time = NULL, start_summary = NULL"
           " WHERE id = %s", job)
    assert terminate_workers(db)
    print("injected: the row says Assigned again, and the worker's connection is gone")
    row, = db.wait_final(job)
    assert row["status"] == "OK" and row["finish_summary"] == "counted to 20"
    assert row["start_time"] and row["start_summary"].startswith("Started Example.CountJob on ")
    print("checked: Complete, with its start")


def test_records_that_cannot_be_written(empty_queue, daemon, add_job):
    """The job is finished without them, as Failed, and its worker is replaced: what its ring holds
    is the supervisor's. The jobs behind it are run."""
    db = empty_queue
    db.sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
           " $$ BEGIN RAISE EXCEPTION 'refused'; END $$")
    db.sql("CREATE TRIGGER refuse BEFORE INSERT ON public.job_history_records FOR EACH ROW"
           " WHEN (NEW.record_key LIKE 'step %%') EXECUTE FUNCTION public.refuse()")
    running = daemon(workers=1)
    first = add_job(2, COUNT, {"count": 1, "records": 1})
    second = add_job(2, COUNT, {})
    rows = db.wait_final(first, second)
    assert running.count(f"job {first}: its last history records could not be written") == 1
    assert [row["status"] for row in rows] == ["X", "OK"], rows
    assert rows[0]["assigned_pid"] != rows[1]["assigned_pid"]
    assert not running.count("had to end")
    db.sql("DROP TRIGGER refuse ON public.job_history_records")
    print("injected: records are refused; checked: the worker that has them runs no other job")


def test_lost_while_parameters_are_checked(empty_queue, daemon, add_job):
    """A connection that is lost over the ids in a job's parameters is opened again."""
    db = empty_queue
    person = db.value("SELECT min(id) FROM public.people WHERE co_id = 2")
    waiting = ("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
               " AND datname = current_database() AND wait_event_type = 'Lock'")
    daemon(workers=1)
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("LOCK TABLE public.people IN ACCESS EXCLUSIVE MODE")
        job = add_job(2, COUNT, {"person_id": person})
        wait_for(lambda: db.value(waiting, WORKER), what="the check of the id")
        assert terminate_workers(db)
    conn.close()
    print("injected: a worker's backend terminated while it checked an id")
    row, = db.wait_final(job)
    assert row["status"] == "OK" and row["finish_summary"] == "counted to 1"
    print("checked: Complete")


@pytest.mark.parametrize("limits, params, words", [
    ({"memory": "64M"}, ["act=memory", "value=1500"], r"its memory limit \(killed by SIGKILL\)"),
    ({"cpu_time": "1s"}, ["act=cpu", "value=600000"], r"its CPU time limit \(killed by SIG"),
    ({"run_time": "500ms"}, ["act=obey"], r"its run time limit: "),
])
def test_limits_of_the_command(empty_queue, tmp_path, limits, params, words):
    """`registry-job -s` has the same limits as the daemon."""
    db = empty_queue
    settings = {**DEFAULTS, "conninfo": db.conninfo, "load": LOAD, "limits": {CHAOS: limits}}
    config = write_config(tmp_path / "limits.conf", **settings)
    done = run_command(config, "-c", 2, "-j", CHAOS, "-s", *params)
    print("injected:", params, "with", limits)
    row, = db.live(plugin=CHAOS)
    assert row["status"] == "X" and re.search("^ended by " + words, row["finish_summary"])
    assert done.returncode == 1 and row["finish_summary"] in done.stdout + done.stderr
    print("checked:", row["finish_summary"])
