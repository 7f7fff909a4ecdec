"""No tenant starves another, however many there are and however long one backlog is."""
import pytest
from conftest import wait_for


def backlog(db, co, n, plugin="Example.NoopJob", params="[]"):
    db.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, created, revision, deleted)"
           " SELECT %s, %s, %s, 'Q', now(), 0, false FROM generate_series(1, %s)",
           co, plugin, params, n)


def test_more_cos_than_workers(empty_queue, daemon, cos, add_job, trace):
    """Upstream serves eleven COs: here thirty share two workers, and all get their turn."""
    db = empty_queue
    ids = [add_job(co, "Example.CountJob", {"trace": trace.path}) for co in cos(30)
           for _ in range(3)]
    daemon(workers=2)
    assert {row["status"] for row in db.wait_final(*ids)} == {"OK"}
    trace.check_one_at_a_time()


@pytest.mark.parametrize("there", [True, False], ids=["backlog first", "notified"])
def test_long_backlog_delays_nobody(empty_queue, daemon, cos, add_job, trace, there):
    """One worker, a CO with 2,000 jobs: another CO's single job waits one turn at most."""
    db = empty_queue
    big, small = cos(2)
    per_turn = 20
    if there:
        backlog(db, big, 2000, "Example.CountJob", '{"sleep_ms":2,"trace":"%s"}' % trace.path)
        daemon(workers=1, max_jobs_per_turn=per_turn)
    else:
        daemon(workers=1, max_jobs_per_turn=per_turn)
        backlog(db, big, 2000, "Example.CountJob", '{"sleep_ms":2,"trace":"%s"}' % trace.path)
    wait_for(lambda: len(trace.begun()) > 30)
    before = len(trace.begun())
    job = add_job(small, "Example.CountJob", {"trace": trace.path})
    db.wait_final(job)
    # The turn in which it came, and what ran while the notification was on its way.
    assert trace.begun().index(job) - before <= 2 * per_turn + 5
    assert db.value("SELECT count(*) FROM public.jobs WHERE status = 'Q'") > 1000


def test_turn_ends_by_time(empty_queue, daemon, cos, add_job, trace):
    """A turn is over after max_turn_time, too."""
    db = empty_queue
    big, small = cos(2)
    backlog(db, big, 200, "Example.CountJob", '{"sleep_ms":50,"trace":"%s"}' % trace.path)
    daemon(workers=1, max_jobs_per_turn=1000000, max_turn_time="300ms")
    wait_for(trace.begun)
    job = add_job(small, "Example.CountJob", {"trace": trace.path})
    db.wait_final(job, timeout=5)
    assert trace.begun().index(job) < 40


def test_turn_goes_on_when_nobody_waits(empty_queue, daemon, cos):
    """Alone, a CO keeps its worker: one turn, one process, however many jobs."""
    db = empty_queue
    co, = cos(1)
    running = daemon(workers=2, max_jobs_per_turn=10)
    backlog(db, co, 500)
    wait_for(lambda: not db.live(status="Q"))
    db.wait_idle()
    assert db.value("SELECT count(DISTINCT assigned_pid) FROM public.jobs") == 1
    assert len(running.workers()) <= 2


def test_cos_take_turns(empty_queue, daemon, cos, trace):
    """Three equal backlogs and one worker: none is ever more than two turns ahead."""
    db = empty_queue
    three = cos(3)
    for co in three:
        backlog(db, co, 60, "Example.CountJob", '{"trace":"%s"}' % trace.path)
    daemon(workers=1, max_jobs_per_turn=5)
    wait_for(lambda: len(trace.ended()) == 180)
    done = dict.fromkeys(three, 0)
    for what, _, co, *_ in trace.events():
        done[co] += what == "begin"
        left = [done[c] for c in three if done[c] < 60]
        assert not left or max(done.values()) - min(left) <= 10 or min(left) > 50, done


def test_stuck_co_holds_one_worker_only(empty_queue, daemon, cos, add_job, trace):
    """LESSONS 1: a CO that is stuck behind a sleeping plugin starves nobody."""
    db = empty_queue
    stuck, *others = cos(11)
    daemon(workers=2)
    first = add_job(stuck, "Example.CountJob", {"trace": trace.path, "end": "sleep"})
    wait_for(trace.begun)
    backlog(db, stuck, 100)
    ids = [add_job(co) for co in others for _ in range(5)]
    db.wait_final(*ids)
    assert db.status(first) == "GO"


def test_workers_are_replaced(empty_queue, daemon, cos):
    """max_jobs_per_worker: after so many jobs another process goes on, and none is lost."""
    db = empty_queue
    one, two = cos(2)
    running = daemon(workers=1, max_jobs_per_turn=5, max_jobs_per_worker=20)
    backlog(db, one, 100)
    backlog(db, two, 100)
    wait_for(lambda: not db.live(status="Q"))
    db.wait_idle()
    assert {row["status"] for row in db.live()} == {"OK"}
    assert db.value("SELECT count(DISTINCT assigned_pid) FROM public.jobs") >= 5
    assert running.stop() == 0


def test_idle_workers_leave(empty_queue, daemon, add_job):
    """A worker that was idle for idle_timeout ends, and a later job gets a new one."""
    db = empty_queue
    running = daemon(idle_timeout="1s")
    db.wait_final(*[add_job(co) for co in (2, 3, 4)])
    wait_for(lambda: not running.workers())
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert running.stop() == 0


def test_never_more_workers_than_allowed(empty_queue, daemon, cos, trace):
    """LESSONS 13: the pool is bounded, and every slot comes back."""
    db = empty_queue
    running = daemon(workers=3)
    for co in cos(20):
        backlog(db, co, 5, "Example.CountJob",
                '{"sleep_ms":10,"end":"kill","trace":"%s"}' % trace.path)
    most = 0

    def done():
        nonlocal most
        most = max(most, len(running.workers()))
        return not db.value("SELECT count(*) FROM public.jobs WHERE status IN ('Q', 'A', 'GO')")
    wait_for(done, 40)
    assert most <= 3
    assert {row["status"] for row in db.live()} == {"X"}
    backlog(db, 2, 5)
    wait_for(lambda: len(db.live(status="OK")) == 5)
