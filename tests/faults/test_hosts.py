"""Several hosts on one queue: what holds while they live, and what follows when one is cut off,
killed or paused.

All hosts write to one trace file, with one clock: what ran when is known to the microsecond.
"""
import signal
import subprocess

import pytest
from chaos import ended
from conftest import HOST, SLOW, wait_for
from lab import Deaths, add_all, check_lanes, hosts, is_alive, lab, real_hosts, send  # noqa: F401
from laws import COUNT, wait_begun

LEASE = round(4 * SLOW)
# Others are found dead soon. Where nobody is to be, the lease stays 30 s.
FAST = {"heartbeat": "1s", "lease": f"{LEASE}s", "sweep": "1s"}
# After the lease of a dead supervisor: the sweep of another one, a transaction, a fork.
TAKEOVER = LEASE / SLOW + 10


@pytest.fixture
def deaths(trace):
    return Deaths(trace)


def lane(db, co):
    return db.sql("SELECT token, worker_pid FROM jobd.lane WHERE co_id = %s", co)


def begun_at(trace, job):
    return next(event[4] for event in trace.events() if event[:2] == ("begin", job))


def ended_at(trace, job):
    return next(event[4] for event in trace.events() if event[:2] == ("end", job))


def everything(db, job):
    """The job's row and its history: what nobody else may change. The plugin's own records may come late,
    from the ring of a host that wakes (law 10)."""
    return db.job(job), [row for row in db.history(job) if not row["record_key"].startswith("step ")]


def everything_settled(db, job):
    """everything() of a job that was settled: the note of how it ended follows the settlement."""
    ended(db, job)
    return everything(db, job)


# ---- all are well ----

@pytest.mark.parametrize("n", [2, 3])
def test_order_exclusion_and_spread(hosts, empty_queue, cos, trace, n):
    """Law 1 across hosts; and every host takes its part while many COs wait."""
    db = empty_queue
    several = hosts(n)
    for host in several:
        host.start(workers=2)
    ids = cos(8)
    params = {"trace": trace.path, "sleep_ms": 25}
    jobs = add_all(db, [(co, params) for _ in range(15) for co in ids])
    rows = db.wait_final(*jobs, timeout=30)
    assert {row["status"] for row in rows} == {"OK"}
    assert check_lanes(trace) == set(jobs)
    by_daemon = {}
    for number, host in enumerate(several):
        daemon = host.living()[0]
        pids = set(daemon.workers())
        by_daemon[f"{daemon.name} of host {number}"] = sum(row["assigned_pid"] in pids for row in rows)
        if hasattr(host, "namespace"):
            assert {row["assigned_host"] for row in rows if row["assigned_pid"] in pids} == \
                {host.name}
    assert all(by_daemon.values()) and sum(by_daemon.values()) == len(jobs)
    print(f"checked: {len(jobs)} jobs of 8 COs one at a time and in order, by {by_daemon}")


def test_status_from_any_host(real_hosts, empty_queue, add_job, trace):
    """`registry-job status` shows all hosts from each, and whose lease has lapsed."""
    db = empty_queue
    three = real_hosts(3)
    for host in three:
        host.start(**FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 60000})
    wait_begun(trace, job)
    for host in three:
        text = host.job("status").stdout
        assert all(other.name in text for other in three), text
        assert str(db.job(job)["assigned_pid"]) in text, text
    print("checked: three hosts see three hosts, and the running job's worker")
    db.cancel(job)


# ---- one is cut off ----

@pytest.mark.parametrize("worker", ["obeys", "is stubborn", "is frozen"])
def test_cut_off(hosts, empty_queue, add_job, trace, deaths, worker):
    """A host is cut off: whatever runs there is ended before others take its COs. Back again, it
    takes part as before."""
    db = empty_queue
    one, two = hosts(2)
    cut = one.start(**FAST)
    params = {"trace": trace.path, "sleep_ms": 600000, "records": 1}
    if worker == "is stubborn":
        params.update(ignore_cancel=True, trap_term=True)
    job = add_job(2, COUNT, params, retry_interval=1)
    wait_begun(trace, job)
    two.start(**FAST)
    following = add_job(2, COUNT, {"trace": trace.path})
    pid = db.job(job)["assigned_pid"]
    deaths.watch(pid)
    if worker == "is frozen":
        send(pid, signal.SIGSTOP)
    one.cut()
    print(f"injected: {cut.name} is cut off while it runs job {job}, whose worker {worker}")
    other = add_job(3, COUNT, {"trace": trace.path})
    assert db.wait_final(other)[0]["status"] == "OK"
    rows = db.wait_final(job, following, timeout=TAKEOVER)
    assert [row["status"] for row in rows] == ["X", "OK"]
    assert "terminated unexpectedly" in rows[0]["finish_summary"]
    assert rows[1]["assigned_pid"] in two.workers()
    settled = everything_settled(db, job)
    successor = db.value("SELECT id FROM public.jobs WHERE requeued_from_job_id = %s", job)
    assert successor, "no retry"
    check_lanes(trace, deaths)
    early = (begun_at(trace, following) - deaths.times[pid]) / 1e6
    print(f"checked: its worker was dead {early:.2f} s before job {following} began elsewhere")

    one.rejoin()
    cut.wait_log(r"connected to the database again|given up|took this supervisor for dead", 40)
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor WHERE seen >"
                              " clock_timestamp() - lease") == 2, 40, "two supervisors")
    two.living()[0].stop()
    db.sql("UPDATE public.jobs SET status = 'CX' WHERE id = %s AND status = 'Q'", successor)
    last = add_job(2, COUNT, {"trace": trace.path})
    row, = db.wait_final(last)
    assert row["status"] == "OK" and row["assigned_pid"] in one.workers()
    assert everything(db, job) == settled
    print("checked: after rejoining it works, and has changed nothing of the settled job")


def test_cut_off_for_a_moment(hosts, empty_queue, add_job, trace):
    """Shorter than the lease: nobody notices, and the running job completes."""
    db = empty_queue
    one, two = hosts(2)
    first = one.start(heartbeat="1s", lease="30s", sweep="1s")
    job = add_job(2, COUNT, {"trace": trace.path, "count": 30, "sleep_ms": 100, "records": 1})
    wait_begun(trace, job)
    two.start(heartbeat="1s", lease="30s", sweep="1s")
    following = add_job(2, COUNT, {"trace": trace.path})
    one.cut()
    seen = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT clock_timestamp() > %s + interval '2s'", seen))
    one.rejoin()
    print(f"injected: {first.name} was cut off for 2 s while it ran job {job}")
    rows = db.wait_final(job, following, timeout=40)
    assert [row["status"] for row in rows] == ["OK", "OK"]
    check_lanes(trace)
    keys = [record["record_key"] for record in db.history(job)
            if record["record_key"].startswith("step")]
    assert sorted(keys) == sorted(f"step {i} record 1" for i in range(1, 31))
    print("checked: complete, with each of its 30 records once")


# ---- one is killed ----

def test_killed(hosts, empty_queue, add_job, trace, deaths):
    """All processes of a host are killed: others settle what it ran, and go on with its COs."""
    db = empty_queue
    one, two = hosts(2)
    one.start(**FAST)
    jobs = [add_job(co, COUNT, {"trace": trace.path, "sleep_ms": 600000}, retry_interval=1)
            for co in (2, 3, 4)]
    wait_begun(trace, *jobs)
    two.start(**FAST)
    following = [add_job(co, COUNT, {"trace": trace.path}) for co in (2, 3, 4)]
    deaths.watch(*one.workers())
    one.kill()
    print(f"injected: SIGKILL to all of {one.name}, which ran jobs {jobs}")
    rows = db.wait_final(*jobs, *following, timeout=TAKEOVER)
    assert [row["status"] for row in rows] == ["X"] * 3 + ["OK"] * 3
    assert all("terminated unexpectedly" in row["finish_summary"] for row in rows[:3])
    successors = db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = ANY (%s)",
                          jobs)
    assert successors == 3
    check_lanes(trace, deaths)
    assert db.value("SELECT count(*) FROM jobd.supervisor") == 1
    print("checked: 3 jobs settled with their retries, 3 COs taken over")


# ---- one is paused ----

def test_supervisor_paused(hosts, empty_queue, add_job, trace, deaths):
    """SIGSTOP to the supervisor: its worker ends itself in time. Resumed, the supervisor changes
    nothing that others have settled, and begins anew."""
    db = empty_queue
    one, two = hosts(2)
    paused = one.start(**FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 100, "count": 10000, "records": 1,
                             "ignore_cancel": True, "trap_term": True}, retry_interval=3600)
    wait_begun(trace, job)
    two.start(**FAST)
    following = add_job(2, COUNT, {"trace": trace.path})
    deaths.watch(db.job(job)["assigned_pid"])
    one.freeze(workers=False)
    print(f"injected: SIGSTOP to the supervisor of job {job}")
    rows = db.wait_final(job, following, timeout=TAKEOVER)
    assert [row["status"] for row in rows] == ["X", "OK"]
    check_lanes(trace, deaths)
    settled = everything_settled(db, job)
    one.thaw()
    paused.wait_log("took this supervisor for dead|settle", 20)
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor") == 2, 20)
    wait_for(lambda: db.value("SELECT bool_and(seen > started) FROM jobd.supervisor"), 20)
    assert everything(db, job) == settled
    two.living()[0].stop()
    assert db.wait_final(add_job(2, COUNT, {"trace": trace.path}))[0]["status"] == "OK"
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", job) == 1
    print("checked: the worker died first; after SIGCONT the job is as it was settled, with one"
          " retry")


def test_worker_paused(hosts, empty_queue, add_job, trace):
    """SIGSTOP to a worker, all threads of it: its supervisor lives, so its CO waits, longer than
    the lease. Resumed, it goes on and completes."""
    db = empty_queue
    one, two = hosts(2)
    one.start(**FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 500})
    wait_begun(trace, job)
    pid = db.job(job)["assigned_pid"]
    send(pid, signal.SIGSTOP)
    two.start(**FAST)
    following = add_job(2, COUNT, {"trace": trace.path})
    before = lane(db, 2)
    print(f"injected: SIGSTOP to worker {pid} for longer than the lease")
    now = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT clock_timestamp() > %s + make_interval(secs => %s)", now,
                              LEASE + 2), LEASE + 5)
    assert db.status(job) == "GO" and db.status(following) == "Q" and lane(db, 2) == before
    send(pid, signal.SIGCONT)
    rows = db.wait_final(job, following)
    assert [row["status"] for row in rows] == ["OK", "OK"] and rows[0]["assigned_pid"] == pid
    check_lanes(trace)
    print("checked: nobody touched its CO, and it went on")


@pytest.mark.parametrize("first", ["worker", "supervisor"])
def test_both_paused(hosts, empty_queue, add_job, trace, first):
    """SIGSTOP to supervisor and worker: nothing can end the worker while the host stands still, so
    others go on without it. Resumed, in either order, it changes nothing of what they settled."""
    db = empty_queue
    one, two = hosts(2)
    paused = one.start(**FAST)
    job = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 100, "count": 10000, "records": 3,
                             "ignore_cancel": True, "trap_term": True}, retry_interval=3600)
    wait_begun(trace, job)
    pid = db.job(job)["assigned_pid"]
    two.start(**FAST)
    following = add_job(2, COUNT, {"trace": trace.path})
    one.freeze()
    print(f"injected: SIGSTOP to the supervisor and the worker of job {job}")
    rows = db.wait_final(job, following, timeout=TAKEOVER)
    assert [row["status"] for row in rows] == ["X", "OK"]
    settled = everything_settled(db, job)
    one.thaw(*([pid] if first == "worker" else [paused.pid]))
    if first == "worker":
        wait_for(lambda: not is_alive(pid), what="the end of the worker that woke")
    else:
        paused.wait_log("took this supervisor for dead", 20)
    one.thaw()
    wait_for(lambda: not is_alive(pid))
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor WHERE seen > started") == 2, 20)
    assert db.wait_final(add_job(2, COUNT, {"trace": trace.path}))[0]["status"] == "OK"
    assert everything(db, job) == settled
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", job) == 1
    assert job not in trace.ended()
    print(f"checked: woken, the {first} first, they changed nothing")


# ---- much at once ----

@pytest.mark.limit(90)
def test_three_hosts_under_load(hosts, empty_queue, cos, trace, deaths):
    """Of three hosts one is cut off and one is killed while all work: every job is settled, none
    runs twice, and COs stay in order."""
    db = empty_queue
    one, two, three = hosts(3)
    for host in (one, two, three):
        host.start(workers=2, **FAST)
    ids = cos(9)
    params = {"trace": trace.path, "sleep_ms": 60}
    jobs = add_all(db, [(co, params) for _ in range(12) for co in ids])
    wait_for(lambda: len(trace.ended()) >= 20)
    ran = {host: set(host.workers()) for host in (one, two, three)}
    deaths.watch(*ran[two], *ran[three])
    two.cut()
    three.kill()
    print("injected: one of three hosts cut off and one killed under load")
    rows = db.wait_final(*jobs, timeout=40)
    failed = [row for row in rows if row["status"] != "OK"]
    assert all(row["status"] == "X" and row["assigned_pid"] in ran[two] | ran[three]
               for row in failed), failed
    assert len(failed) <= 4, "more failed than were running there"
    begun = check_lanes(trace, deaths)
    assert {row["id"] for row in rows if row["status"] == "OK"} <= begun
    print(f"checked: {len(rows) - len(failed)} complete, {len(failed)} failed with their hosts")


# ---- one replaces another on the same host ----

def test_rolling_replacement(daemon, empty_queue, cos, trace):
    """A second daemon is started, and the first is told to stop while jobs run and wait: no job
    waits for more than its CO's running job. No sweep helps."""
    db = empty_queue
    ids = cos(3)
    old = daemon()
    running = add_all(db, [(co, {"trace": trace.path, "sleep_ms": 1500 + 300 * i})
                           for i, co in enumerate(ids)])
    wait_begun(trace, *running)
    waiting = add_all(db, [(co, {"trace": trace.path, "sleep_ms": 10})
                           for _ in range(4) for co in ids])
    new = daemon()
    old.signal(signal.SIGTERM)
    print("injected: SIGTERM to the first of two daemons with 3 jobs running and 12 waiting")
    rows = db.wait_final(*running, *waiting, timeout=15)
    assert {row["status"] for row in rows} == {"OK"}
    assert old.wait() == 0
    check_lanes(trace)
    assert {row["assigned_pid"] for row in rows[3:]} <= set(new.workers())
    for i, co in enumerate(ids):
        gap = (begun_at(trace, waiting[i]) - ended_at(trace, running[i])) / 1e6
        print(f"checked: CO {co} went on after {gap * 1000:.0f} ms")
        assert gap < 0.8 * SLOW


# ---- runners that are not ours ----

def test_jobs_of_other_runners(hosts, empty_queue, add_job, trace):
    """What a runner of somebody else holds, on another host or dead on this one, is never touched
    by itself: not over a lease, and not when a host of ours dies."""
    db = empty_queue
    one, two = hosts(2)
    first = one.start(**FAST)
    ours = add_job(2, COUNT, {"trace": trace.path, "sleep_ms": 600000})
    wait_begun(trace, ours)
    dead = subprocess.Popen(["true"])
    dead.wait()
    old = "2026-01-02 03:04:05"
    foreign = [add_job(co, COUNT, {"tag": f"{host} {pid}"}, status=status, assigned_host=host,
                       assigned_pid=pid, start_time=old, created=old, modified=old)
               for co, host, pid, status in (
                   (2, "php.example.org", 4711, "GO"), (3, "php.example.org", 4712, "A"),
                   (3, HOST, dead.pid, "GO"), (2, one.name, dead.pid, "A"),
                   (2, one.name, db.job(ours)["assigned_pid"], "GO"),
                   (4, one.name, first.pid, "GO"))]
    before = [everything(db, job) for job in foreign]
    two.start(**FAST)
    others = [add_job(co, COUNT, {"trace": trace.path}) for co in (3, 4)]
    print(f"injected: jobs {foreign} that other runners hold, or held")
    now = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT clock_timestamp() > %s + make_interval(secs => %s)", now,
                              LEASE + 2), LEASE + 5)
    assert [everything(db, job) for job in foreign] == before
    one.kill()
    db.wait_final(ours, timeout=TAKEOVER)
    now = db.value("SELECT clock_timestamp()")
    wait_for(lambda: db.value("SELECT clock_timestamp() > %s + interval '2s'", now))
    assert [everything(db, job) for job in foreign] == before
    assert [db.status(job) for job in others] == ["OK", "OK"]
    print("checked: as they were after a lease, and after a host of ours was killed")
