"""Plugins that hang, die, leave things behind or write where they should not: the job's outcome
says what happened, the next job of the CO starts clean, other COs go on.
"""
import contextlib
import os
import signal

import pytest
from chaos import (CHAOS, ENDED, IS_SANITIZED, LOAD, STOPPED, Bystander, check_clean, ended,
                   marks, records, survivors, wait_lane_free)
from conftest import DEFAULTS, LOGIN, run_command, wait_for, write_config

# What sends a process to its death when nobody handles it.
FATAL = [name for name in ("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL",
                           "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "XCPU", "XFSZ",
                           "VTALRM", "PROF", "POLL", "PWR", "SYS", "RTMIN", "RTMAX")
         if hasattr(signal, "SIG" + name)]


@pytest.fixture(autouse=True)
def may_create(request):
    """The plugin creates a table and locks jobs, to see what becomes of it."""
    if "empty_queue" in request.fixturenames:
        db = request.getfixturevalue("empty_queue")
        db.sql(f"GRANT CREATE ON SCHEMA public TO {LOGIN}")
        db.sql(f"GRANT TRUNCATE ON public.jobs TO {LOGIN}")


@pytest.fixture
def scene(empty_queue, daemon, add_job, tmp_path):
    """scene(act, ...): between two inspections in one CO a job that does `act`, and a bystander."""
    tmp_path.chmod(0o1777)

    class Scene:
        db = empty_queue
        path = tmp_path / "pids"

        def start(self, **settings):
            self.daemon = daemon(**{"load": LOAD, **settings})
            self.bystander = Bystander(self.db, add_job, (3, 4))
            self.before = add_job(2, CHAOS, {"act": "inspect"})

        def act(self, act, model=CHAOS, **params):
            """Both jobs are queued before the first begins: the turn goes on where it can."""
            self.job = add_job(2, model, {"act": act, **params}, retry_interval=3600)
            self.after = add_job(2, CHAOS, {"act": "inspect", "tag": "after"})
            print(f"injected: {act} {params}")

        def end(self, timeout=20):
            """Waits for all of them; returns the job that did it."""
            before, job, after = self.db.wait_final(self.before, self.job, self.after,
                                                    timeout=timeout)
            assert before["status"] == "OK" and after["status"] == "OK"
            check_clean(self.db, self.before, self.after)
            self.bystander.check()
            wait_lane_free(self.db, 2)
            print(f"checked: {job['status']} {job['finish_summary']!r}, the next job starts clean,"
                  " other COs go on")
            return job

        def run(self, act, **params):
            self.start()
            self.act(act, **params)
            return self.end()

        def retries(self):
            return len(self.db.sql("SELECT id FROM public.jobs WHERE requeued_from_job_id = %s",
                                   self.job))

    return Scene()


# ---- deaths ----

@pytest.mark.parametrize("name", FATAL)
def test_fatal_signal(scene, name):
    """Every signal that ends a process is named, and gives one retry."""
    number = getattr(signal, "SIG" + name)
    job = scene.run("signal", value=int(number))
    assert job["status"] == "X"
    words = f"SIG{name}" if not name.startswith("RT") else f"SIG{int(number)}"
    assert job["finish_summary"].startswith(f"terminated unexpectedly (killed by {words}")
    assert scene.retries() == 1


@pytest.mark.parametrize("act, value, words", [
    ("exit", 0, "exit code 0"), ("exit", 5, "exit code 5"), ("exit_now", 0, "exit code 0"),
    ("exit_now", 77, "exit code 77"), ("abort", 0, "killed by SIGABRT"),
    ("segv", 0, "killed by SIGSEGV"), ("execute", 0, "exit code 0"),
    ("thread_exit", 0, "exit code ")])
def test_plugin_takes_its_process_along(scene, act, value, words):
    """exit(), _exit(0) and abort() of a plugin are no success."""
    job = scene.run(act, value=value)
    assert job["status"] == "X"
    assert job["finish_summary"].startswith(f"terminated unexpectedly ({words}")
    assert scene.retries() == 1


@pytest.mark.skipif(IS_SANITIZED, reason="the sanitizer's allocator reports it, and goes on")
@pytest.mark.parametrize("act", ["heap_overrun", "heap_double_free", "heap_wild_free",
                                 "heap_rest"])
def test_heap_corrupted(scene, act):
    """A heap that the plugin destroyed ends the worker, there or in the worker's own code."""
    job = scene.run(act)
    assert job["status"] == "X"
    assert "killed by SIGABRT" in job["finish_summary"] or (
        act == "heap_rest" and "killed by SIG" in job["finish_summary"])


@pytest.mark.skipif(IS_SANITIZED, reason="the sanitizer's allocator has no such lock")
def test_heap_locked(scene):
    """malloc() that never returns stops the worker in its own code; a cancel ends that too. (The
    watch that ends a worker which hangs has a deadline of minutes: tests/unit/test-overrun.c.)"""
    scene.start(cancel_grace="200ms")
    scene.act("heap_hang", path=str(scene.path))
    wait_for(lambda: marks(scene.path))
    scene.bystander.check()
    scene.db.cancel(scene.job)
    assert scene.end()["status"] == "CX"


@pytest.mark.parametrize("n", [1, 250, 4000])
def test_records_of_a_dying_plugin(scene, n):
    """Law 10: everything that was handed over is there once, then how it ended."""
    job = scene.run("records", value=n, then="kill")
    assert job["status"] == "X"
    assert ended(scene.db, scene.job)
    keys = [row["record_key"] for row in scene.db.history(scene.job)]
    assert keys[:n] == [f"record {i}" for i in range(1, n + 1)]
    assert keys[n:] == [ENDED]


# ---- what is left behind ----

@pytest.mark.parametrize("act, value", [
    ("directory", 0), ("umask", 0), ("environment", 0), ("locale", 0), ("handlers", 0),
    ("mask", 0), ("timer", 3600000), ("thread_sleep", 0), ("thread_spin", 0), ("limits", 0),
    ("leak_descriptors", 50), ("transaction", 0), ("own_connection_settings", 0)])
def test_remains(scene, act, value):
    """The job is Complete, and the next one finds nothing of what it left."""
    job = scene.run(act, value=value)
    assert job["status"] == "OK", job["finish_summary"]
    assert scene.retries() == 0


@pytest.mark.parametrize("then, words", [("ok", ""), ("fail", ""), ("kill", "SIGKILL"),
                                         ("exit", "exit code 7")])
def test_everything_remains(scene, then, words):
    """All of it at once, and every way to end after it."""
    job = scene.run("everything", value=5, path=str(scene.path), then=then)
    assert job["status"] == ("OK" if then == "ok" else "X")
    assert words in job["finish_summary"]
    assert len(marks(scene.path)) == 10 and not survivors(scene.path)


def test_thread_calls_after_the_end(empty_queue, daemon, add_job, tmp_path):
    """What a thread calls that a plugin has left does nothing, while its job is being finished."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    path = tmp_path / "calls"
    running = daemon(load=LOAD)
    job = add_job(2, CHAOS, {"act": "thread_calls", "path": str(path)})
    db.wait_status(job, "GO")
    with contextlib.closing(db.connect(autocommit=False)) as conn:
        conn.cursor().execute("SELECT FROM public.jobs WHERE id = %s FOR UPDATE", (job,))
        path.touch()
        path.chmod(0o666)
        print("injected: a thread is left and calls host functions; the finish waits for a lock")
        not_refused = wait_for(lambda: marks(path))
        assert db.status(job) == "GO"
    row, = db.wait_final(job)
    assert row["status"] == "OK" and row["finish_summary"] == "left a thread"
    assert not_refused == [1] and not records(db, job)
    assert running.count(f"job {job}: of a thread that was left")
    following = add_job(2)
    assert db.wait_final(following)[0]["status"] == "OK"
    print("checked: all calls refused but those of log(), the job ended as its plugin said")


def test_timer_goes_off_later(empty_queue, daemon, add_job):
    """A timer that a plugin left does not kill the next job."""
    db = empty_queue
    daemon(load=LOAD)
    job = add_job(2, CHAOS, {"act": "timer", "value": 300})
    following = add_job(2, "Example.CountJob", {"sleep_ms": 700})
    print("injected: SIGALRM and SIGUSR1 in 300 ms")
    assert [row["status"] for row in db.wait_final(job, following)] == ["OK", "OK"]
    print("checked: the next job of the CO lived through it")


def test_transaction_left_open(empty_queue, daemon, add_job):
    """The plugin's own connection ends with the job: rolled back, its locks gone, its settings."""
    db = empty_queue
    daemon(load=LOAD)
    jobs = [add_job(2, CHAOS, {"act": "inspect_connection"}),
            add_job(2, CHAOS, {"act": "transaction"}),
            add_job(2, CHAOS, {"act": "own_connection_settings"}),
            add_job(2, CHAOS, {"act": "inspect_connection", "tag": "after"})]
    print("injected: an open transaction that locks `jobs`, then settings of a connection")
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}
    assert records(db, jobs[3]) == records(db, jobs[0]) and records(db, jobs[0])["path"]
    assert db.value("SELECT to_regclass('public.chaos_was_here')") is None
    assert not db.value("SELECT count(*) FROM pg_stat_activity"
                        " WHERE application_name LIKE 'registry-jobd job%%' AND datname = %s",
                        db.name)
    print("checked: rolled back, no connection left, the next one is like the first")


# ---- what is kept from one job to the next ----

KEEP = "Keeper.KeepJob"
IS_REPLACED = "its worker is replaced"


@pytest.fixture
def keeper(tmp_path):
    """The plugin Keeper's directory: its log, and the mode of its open() and close()."""
    directory = tmp_path / "keeper"
    directory.mkdir()
    for path in (tmp_path, directory):
        path.chmod(0o1777)

    class Keeper:
        env = {"RJ_KEEPER": str(directory)}
        load = LOAD + " Keeper"

        def set_mode(self, mode):
            (directory / "mode").write_text(mode)

        def lines(self, word):
            """What the log has of `open`, `close` or `job`: lists of numbers."""
            path = directory / "log"
            lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
            return [[int(number) for number in line[1:]] for line in lines if line[0] == word]

    return Keeper()


def test_kept_open(empty_queue, daemon, add_job, keeper):
    """A descriptor of open() is there for every job, and costs no worker; close() is called."""
    db = empty_queue
    running = daemon(load=keeper.load, env=keeper.env, workers=2)
    others = [add_job(3) for _ in range(5)]
    db.wait_final(*others)
    assert not keeper.lines("open")
    jobs = [add_job(2, KEEP) for _ in range(20)]
    rows = db.wait_final(*jobs)
    assert {row["status"] for row in rows} == {"OK"}
    pids = {row["assigned_pid"] for row in rows}
    assert len(pids) == 1
    assert keeper.lines("open") == [[pid] for pid in pids]
    assert keeper.lines("job") == [[job, *pids] for job in jobs]
    assert not running.count(IS_REPLACED) and running.count(r"plugin 'Keeper': opening") == 1
    assert running.stop() == 0
    assert keeper.lines("close") == [[pid] for pid in pids]


def test_kept_open_in_the_command(empty_queue, db, keeper, tmp_path):
    """`registry-job -s` opens and closes, too."""
    config = write_config(tmp_path / "s.conf", **{**DEFAULTS, "conninfo": db.conninfo,
                                                  "load": keeper.load})
    done = run_command(config, "-c", 2, "-j", KEEP, "-s", env={**os.environ, **keeper.env})
    assert done.returncode == 0, done.stderr
    assert [len(keeper.lines(word)) for word in ("open", "job", "close")] == [1, 1, 1]


@pytest.mark.parametrize("mode, words", [
    ("fail", "plugin 'Keeper' could not be opened: no directory server"),
    ("wait", "plugin 'Keeper' could not be opened: it took too long"),
    ("hang", "ended by the time limit of its plugin's open() or close() (killed by SIGTERM)"),
    ("exit", "terminated unexpectedly (exit code 7)")])
def test_cannot_be_opened(empty_queue, daemon, add_job, keeper, mode, words):
    """The job says why its plugin could not be opened; the next one tries again, others go on."""
    db = empty_queue
    running = daemon(load=keeper.load, env=keeper.env, limits={"Keeper": {"run_time": "500ms"}})
    bystander = Bystander(db, add_job, (3, 4))
    keeper.set_mode(mode)
    job = add_job(2, KEEP, retry_interval=3600)
    row, = db.wait_final(job)
    assert row["status"] == "X" and row["finish_summary"].startswith(words), row["finish_summary"]
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", job) == 1
    keeper.set_mode("")
    following = add_job(2, KEEP)
    assert db.wait_final(following)[0]["status"] == "OK"
    assert [line[0] for line in keeper.lines("job")] == [following]
    assert not running.count(IS_REPLACED)
    bystander.check()


def test_canceled_while_opening(empty_queue, daemon, add_job, keeper):
    """A cancel reaches open(), and the worker that does not hear it."""
    db = empty_queue
    daemon(load=keeper.load, env=keeper.env, cancel_grace="300ms")
    for mode in ("wait", "hang"):
        keeper.set_mode(mode)
        job = add_job(2, KEEP, {"tag": mode})
        db.wait_status(job, "GO")
        db.cancel(job)
        comment = ended(db, job, STOPPED)
        assert mode == "hang" or comment == "plugin 'Keeper' could not be opened: canceled"
        assert db.status(job) == "CX"
    keeper.set_mode("")
    assert db.wait_final(add_job(2, KEEP))[0]["status"] == "OK"
    assert not db.value("SELECT count(*) FROM public.jobs WHERE status NOT IN ('OK', 'CX')")


def test_open_leaves_more(empty_queue, daemon, add_job, keeper):
    """Settings of the process that open() has changed are put back, and no worker is replaced."""
    db = empty_queue
    running = daemon(load=keeper.load, env=keeper.env, workers=1)
    keeper.set_mode("move")
    jobs = [add_job(2, CHAOS, {"act": "inspect"}), add_job(2, KEEP), add_job(2, KEEP),
            add_job(2, CHAOS, {"act": "inspect", "tag": "after"})]
    rows = db.wait_final(*jobs)
    assert {row["status"] for row in rows} == {"OK"}
    assert len({row["assigned_pid"] for row in rows}) == 1
    assert records(db, jobs[3])["directory"] == records(db, jobs[0])["directory"]
    assert running.count("its open.. left another working directory, which is not kept") == 1
    assert not running.count(IS_REPLACED)


def test_kept_thread_calls_for_an_earlier_job(empty_queue, daemon, add_job, keeper):
    """A thread of open() with the context of a job that is over writes nothing into the next."""
    db = empty_queue
    running = daemon(load=keeper.load, env=keeper.env, workers=1)
    keeper.set_mode("thread")
    rows = db.wait_final(*[add_job(2, KEEP) for _ in range(2)])
    assert [row["finish_summary"] for row in rows] == ["Completed", "0 calls were not refused"]
    assert len({row["assigned_pid"] for row in rows}) == 1
    assert not any(db.history(row["id"]) for row in rows)
    assert not running.count(IS_REPLACED)


@pytest.mark.limit(90)
def test_close_hangs(empty_queue, daemon, add_job, keeper):
    """A worker whose plugin does not close is ended, and keeps nobody waiting for long."""
    db = empty_queue
    running = daemon(load=keeper.load, env=keeper.env)
    db.wait_final(add_job(2, KEEP))
    keeper.set_mode("hang in close")
    assert running.stop(timeout=30) == 0
    assert len(keeper.lines("close")) == 1
    assert db.value("SELECT count(*) FROM public.jobs WHERE status <> 'OK'") == 0


# ---- other versions ----

@pytest.mark.parametrize("name", ["Later", "Earlier"])
def test_other_header(empty_queue, daemon, add_job, name):
    """A plugin whose structs have more, or fewer, members than ours is understood."""
    db = empty_queue
    daemon(load=f"{LOAD} {name}")
    job = add_job(2, f"{name}.RecordJob", {"key": "the key"})
    row, = db.wait_final(job)
    assert row["status"] == "OK", row["finish_summary"]
    assert records(db, job) == {"the key": f"of {name}"}


# ---- children ----

@pytest.mark.parametrize("then", ["ok", "kill"])
@pytest.mark.parametrize("act, n", [("fork_children", 5), ("fork_stubborn", 5),
                                    ("fork_orphans", 5), ("fork_session", 5),
                                    ("fork_again", 40)])
def test_children_left(empty_queue, daemon, add_job, tmp_path, act, n, then):
    """All processes of a job are dead when it is final, before the next job begins."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    path = tmp_path / "pids"
    daemon(load=LOAD)
    bystander = Bystander(db, add_job, (3, 4))
    job = add_job(2, CHAOS, {"act": act, "value": n, "path": str(path), "then": then})
    witness = add_job(2, CHAOS, {"act": "witness", "path": str(path)})
    print(f"injected: {act}, {n} processes left behind, then {then}")
    row, = db.wait_final(job)
    assert not survivors(path)
    assert row["status"] == ("OK" if then == "ok" else "X")
    row, = db.wait_final(witness)
    assert row["status"] == "OK", row["finish_summary"]
    assert len(marks(path)) == n if act != "fork_again" else marks(path)
    assert not survivors(path)
    bystander.check()
    print(f"checked: {len(marks(path))} processes dead before the next job began")


def test_children_of_a_canceled_job(empty_queue, daemon, add_job, tmp_path):
    """A canceled job that ignores it is ended with its children, daemons as well."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    daemon(load=LOAD, cancel_grace="200ms")
    jobs, paths = [], []
    for co, act in ((2, "fork_children"), (3, "fork_session")):
        paths.append(tmp_path / act)
        jobs.append(add_job(co, CHAOS, {"act": act, "value": 3, "path": str(paths[-1]),
                                        "then": "hang"}))
    for path in paths:
        wait_for(lambda path=path: len(marks(path)) == 3)
    witnesses = [add_job(co, CHAOS, {"act": "witness", "path": str(path)})
                 for co, path in zip((2, 3), paths)]
    for job in jobs:
        db.cancel(job)
    print("injected: a cancel of jobs that hang and have children")
    for row in db.wait_final(*witnesses):
        assert row["status"] == "OK", row["finish_summary"]
    assert [db.status(job) for job in jobs] == ["CX", "CX"]
    print("checked: children dead before the next job began, the jobs stay Canceled")


# ---- hangs ----

HANGS = {"loop": "SIGTERM", "pause": "SIGTERM", "read_pipe": "SIGTERM", "loop_blocked": "SIGKILL",
         "loop_ignored": "SIGKILL", "stop": "SIGKILL"}


@pytest.mark.limit(90)
def test_hangs_canceled(empty_queue, daemon, add_job, cos):
    """Whatever a plugin hangs in, a cancel ends it; its CO goes on, others never stopped."""
    db = empty_queue
    daemon(load=LOAD, workers=len(HANGS) + 2, cancel_grace="300ms")
    bystander = Bystander(db, add_job, (3, 4))
    new = cos(len(HANGS))
    jobs = {act: add_job(co, CHAOS, {"act": act}) for act, co in zip(HANGS, new)}
    for job in jobs.values():
        db.wait_status(job, "GO")
    following = [add_job(co) for co in new]
    bystander.check()
    for job in jobs.values():
        db.cancel(job)
    print(f"injected: a cancel of jobs that hang in {', '.join(HANGS)}")
    for row in db.wait_final(*following, timeout=30):
        assert row["status"] == "OK"
    for act, job in jobs.items():
        assert db.status(job) == "CX"
        comment = ended(db, job, STOPPED)
        assert HANGS[act] in comment, (act, comment)
    bystander.check()
    print("checked: all stay Canceled, the records say by what they ended, each CO went on")


# ---- descriptors ----

@pytest.mark.parametrize("act", ["write_all_descriptors", "close_all_descriptors"])
def test_descriptors(scene, act):
    """A worker whose connections the plugin destroyed finishes the job over a new one."""
    job = scene.run(act)
    assert job["status"] == "OK", job["finish_summary"]


def test_channel_flooded(scene):
    """Garbage without end on the worker's socket keeps the supervisor from nothing."""
    scene.start(heartbeat="1s", lease="3s")
    scene.act("flood_channel", value=3000)
    scene.db.wait_status(scene.job, "GO")
    for _ in range(5):
        scene.bystander.check()
    assert scene.db.status(scene.job) == "GO"
    print("checked: other COs' jobs ran through during the flood")
    job = scene.end()
    assert job["status"] == "OK" and job["finish_summary"].startswith("sent ")


def test_another_birth(scene):
    """When its worker started, by which its lane is known, is not for a plugin to say: nobody takes
    the lane of a living worker for that of a dead one."""
    db = scene.db
    scene.start(sweep="1s", heartbeat="1s")
    scene.act("reborn")
    db.wait_status(scene.job, "GO")
    for _ in range(4):
        before = db.value("SELECT max(seen) FROM jobd.supervisor")
        wait_for(lambda since=before: db.value("SELECT max(seen) FROM jobd.supervisor") > since)
    assert db.status(scene.job) == "GO"
    db.cancel(scene.job)
    assert scene.end()["status"] == "CX"


# ---- the status page ----

@pytest.mark.parametrize("value", [0, 1, 0x7f, 0x80, 0xff, -1, -2, -3])
def test_page_scribbled_over(scene, value):
    """Whatever a plugin writes into its status page, the job is settled and nobody else hurt."""
    job = scene.run("page", value=value)
    assert job["status"] in ("OK", "X") and job["finish_summary"]


@pytest.mark.parametrize("then", ["kill", "hang"])
def test_page_scribbled_over_before_the_end(scene, then):
    """The supervisor reads such a page, of a dead worker and of one that hangs."""
    scene.start(cancel_grace="200ms")
    scene.act("page", value=0xa5, then=then)
    scene.db.wait_status(scene.job, "GO", "X")
    scene.db.cancel(scene.job)
    job = scene.end()
    assert job["status"] in ("X", "CX")


def test_page_reach(scene):
    """A plugin can reach the page of its own worker, and no other. Beside it is the log's count of
    lines that were dropped."""
    job = scene.run("page_reach")
    assert job["finish_summary"] == "reaches 2, its own among them"


def test_orders_cannot_be_written(scene):
    """No way leads from a plugin to the memory in which its supervisor tells of cancels and lease."""
    job = scene.run("page_orders")
    assert job["finish_summary"] == ("mprotect 0, /proc/self/mem 0, mremap 0, descriptors 0, canceled 0")


@pytest.mark.parametrize("then", ["return", "kill"])
def test_forged_record(scene, then):
    """A record in the ring of a job that is not its worker's is dropped, by the worker and its heir."""
    scene.start()
    scene.act("page_forge", value=scene.bystander.long, then=then)
    scene.end()
    assert not scene.db.value("SELECT count(*) FROM public.job_history_records"
                              " WHERE record_key = 'forged'")


def test_residue_is_said_once(scene, add_job):
    """What a plugin leaves with every job is said once an hour, not with every job."""
    scene.run("leak_descriptors", value=2)
    said = scene.daemon.count(r"its plugin Chaos\.ChaosJob left")
    assert said == 1 and scene.daemon.count(IS_REPLACED) == 1
    again = [add_job(2, CHAOS, {"act": "leak_descriptors", "value": 2}) for _ in range(3)]
    assert {row["status"] for row in scene.db.wait_final(*again)} == {"OK"}
    assert scene.daemon.count(r"its plugin Chaos\.ChaosJob left") == 1
