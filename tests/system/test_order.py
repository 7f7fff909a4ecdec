"""Law 1: one at a time in each CO, in order, whichever daemons take part."""
import collections
import time

import pytest
from conftest import wait_for
from laws import COUNT


def count_job(trace, **params):
    return {"trace": trace.path, **params}


def lanes_taken(db):
    """How often lanes were taken or given back so far, as PostgreSQL counts."""
    return db.value("SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_all_tables"
                    " WHERE schemaname = 'jobd' AND relname = 'lane'") or 0


def test_two_daemons_one_at_a_time(empty_queue, daemon, add_job, trace):
    """Two daemons on one host share the COs; none runs two jobs of one CO at once."""
    db = empty_queue
    first, second = daemon(workers=3), daemon(workers=3)
    ids = [add_job(2 + i % 3, COUNT, count_job(trace, sleep_ms=i % 4 * 5))
           for i in range(120)]
    assert {row["status"] for row in db.wait_final(*ids, timeout=40)} == {"OK"}
    trace.check_one_at_a_time()
    assert sorted(trace.begun()) == ids
    order = collections.defaultdict(list)
    for what, job, co, *_ in trace.events():
        if what == "begin":
            order[co].append(job)
    for jobs in order.values():
        assert jobs == sorted(jobs)
    assert first.stop() == 0 and second.stop() == 0


def test_backlog_over_two_daemons(empty_queue, daemon, add_job, trace):
    """A backlog that is there before two daemons start: each job once, in order."""
    db = empty_queue
    ids = [add_job(2 + i % 2, COUNT, count_job(trace)) for i in range(200)]
    daemon(ready=False, max_jobs_per_turn=7)
    daemon(ready=False, max_jobs_per_turn=7)
    db.wait_final(*ids, timeout=40)
    trace.check_one_at_a_time()
    for co in (2, 3):
        begun = [e[1] for e in trace.events() if e[0] == "begin" and e[2] == co]
        assert begun == [job for job in ids if (ids.index(job) % 2) + 2 == co]


def test_lease_is_the_same_on_both_sides(empty_queue, daemon):
    """Others must not count a shorter lease than the daemon itself."""
    daemon(lease="3900ms", heartbeat="1s")
    assert empty_queue.value("SELECT extract(epoch FROM lease)::float FROM jobd.supervisor") == 3.9


def test_different_cos_run_in_parallel(empty_queue, daemon, add_job, trace):
    """Three COs, three workers: all three run at the same moment."""
    db = empty_queue
    daemon(workers=3)
    ids = [add_job(co, COUNT, count_job(trace, end="sleep")) for co in (2, 3, 4)]
    wait_for(lambda: len(trace.begun()) == 3)
    assert {db.status(job) for job in ids} == {"GO"}


def test_delayed_job_holds_nobody_up(empty_queue, daemon, add_job):
    """LESSONS 3: a delayed job with a lower id does not stall its CO."""
    db = empty_queue
    delayed = add_job(2, delay=3600)
    ids = [add_job(2) for _ in range(5)]
    daemon()
    db.wait_final(*ids)
    assert db.status(delayed) == "Q"


@pytest.mark.parametrize("running", [True, False], ids=["notified", "at start"])
def test_delayed_job_starts_when_due(empty_queue, daemon, add_job, trace, running):
    """A delayed job starts within a second of its time, and never before."""
    db = empty_queue
    if running:
        daemon()
    job = add_job(2, COUNT, count_job(trace), delay=2)
    if not running:
        daemon()
    db.wait_final(job)
    begun = trace.events()[0][4] / 1e6
    due = float(db.value("SELECT extract(epoch FROM start_after_time) FROM public.jobs"
                         " WHERE id = %s", job))
    assert due <= begun < due + 1.5


def test_delayed_job_takes_its_place(empty_queue, daemon, add_job, trace):
    """When it falls due in the middle of a turn, the lowest id comes next, within a second."""
    db = empty_queue
    daemon()
    delayed = add_job(2, COUNT, count_job(trace), delay=2)
    ids = [add_job(2, COUNT, count_job(trace, sleep_ms=50)) for _ in range(100)]
    db.wait_status(delayed, "OK")
    due = float(db.value("SELECT extract(epoch FROM start_after_time) FROM public.jobs"
                         " WHERE id = %s", delayed))
    begun = next(e[4] / 1e6 for e in trace.events() if e[0] == "begin" and e[1] == delayed)
    assert due <= begun < due + 1.5
    assert db.status(ids[-1]) == "Q"
    trace.check_one_at_a_time()


def test_due_just_when_the_lane_comes_back(empty_queue, daemon, add_job):
    """A delayed job falls due while its lane is held, and freed a moment later."""
    db = empty_queue
    daemon(sweep="1h")
    db.sql("CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " IF NEW.supervisor_id IS NULL THEN PERFORM pg_sleep(2.5); END IF;"
           " RETURN NEW; END $$")
    db.sql("CREATE TRIGGER slow BEFORE UPDATE ON jobd.lane FOR EACH ROW"
           " EXECUTE FUNCTION public.slow()")
    later = add_job(2, COUNT, {"tag": "later"}, delay=2)
    first = add_job(2, COUNT, {"tag": "first"})
    db.wait_final(first)
    assert db.wait_final(later, timeout=15)[0]["status"] == "OK"


def test_lowest_of_those_that_fall_due_together(empty_queue, daemon, add_job, trace):
    """Jobs that fall due in the same second run in the order of their ids."""
    db = empty_queue
    daemon()
    ids = [add_job(2, COUNT, count_job(trace), delay=2) for _ in range(10)]
    db.sql("UPDATE public.jobs SET start_after_time = (SELECT max(start_after_time)"
           " FROM public.jobs)")
    db.wait_final(*ids)
    assert trace.begun() == ids


def test_null_start_after_is_due(empty_queue, daemon, add_job):
    """NULL in start_after_time is due at once."""
    job = add_job(2, start_after_time=None)
    daemon()
    assert empty_queue.wait_final(job)[0]["status"] == "OK"


def test_suspended_co_beside_another_daemon(empty_queue, daemon, add_job):
    """LESSONS 7: a job of a CO that is not active is nobody's business. Its lane is not even taken."""
    db = empty_queue
    for _ in range(2):
        daemon(sweep="1h")
    db.sql("UPDATE public.cos SET status = 'S' WHERE id = 2")
    job = add_job(2)
    print("injected: a job of a suspended CO, two daemons")
    others = [add_job(3) for _ in range(3)]  # time passes
    db.wait_final(*others)
    before = lanes_taken(db)
    db.wait_final(*[add_job(3, delay=1)])
    assert lanes_taken(db) - before < 40, "daemons wake each other without end"
    assert db.status(job) == "Q" and not db.sql("SELECT FROM jobd.lane WHERE co_id = 2")
    db.sql("UPDATE public.cos SET status = 'A' WHERE id = 2")
    add_job(2)  # tells of the CO
    assert db.wait_final(job)[0]["status"] == "OK"
    print("checked: nobody turns in a circle, and the job runs when its CO is active")


def test_starts_at_once(empty_queue, daemon, add_job, trace):
    """A job is not found by a sweep (an hour away here) but heard of."""
    db = empty_queue
    daemon()
    warm = add_job(2)
    db.wait_final(warm)
    before = time.time()
    job = add_job(2, COUNT, count_job(trace))
    db.wait_final(job)
    assert trace.events()[0][4] / 1e6 - before < 1


def test_moved_job_is_found(empty_queue, daemon, add_job):
    """A delayed job whose time is set back by hand starts at once."""
    db = empty_queue
    daemon()
    job = add_job(2, delay=3600)
    assert db.status(job) == "Q"
    db.sql("UPDATE public.jobs SET start_after_time = NULL WHERE id = %s", job)
    assert db.wait_final(job, timeout=5)[0]["status"] == "OK"


def test_columns_of_a_complete_job(empty_queue, daemon, add_job):
    """What the Registry reads: host, PID, times in order, percent, revision, actor."""
    db = empty_queue
    running = daemon()
    job = add_job(2, COUNT, {"count": 4, "summary": "counted to four"})
    row = db.wait_final(job)[0]
    assert row["status"] == "OK" and row["finish_summary"] == "counted to four"
    assert row["percent_complete"] == 100 and row["assigned_pid"] in running.workers()
    assert row["register_time"] <= row["start_time"] <= row["finish_time"]
    assert row["start_summary"] == "counting to 4"
    assert row["revision"] >= 3 and row["actor_identifier"] == "registry-jobd"
    assert not db.value("SELECT count(*) FROM public.jobs WHERE job_id IS NOT NULL")
    row = db.wait_final(add_job(2))[0]  # a plugin that says nothing
    assert f"pid {row['assigned_pid']}" in row["start_summary"] and row["finish_summary"]
