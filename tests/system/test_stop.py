"""Starting, stopping, reloading; the configuration and its errors."""
import signal
import subprocess

import pytest
from conftest import DAEMON, DEFAULTS, PLUGINS, wait_for, write_config


def begun(db, add_job, trace, **params):
    job = add_job(2, "Example.CountJob", {"trace": trace.path, **params}, retry_interval=60)
    wait_for(lambda: job in trace.begun())
    return job


def retries(db, job):
    return len(db.sql("SELECT id FROM public.jobs WHERE requeued_from_job_id = %s", job))


def test_sigterm_lets_jobs_end(empty_queue, daemon, add_job, trace):
    """SIGTERM: what runs may end, nothing new is begun, and the exit code is 0."""
    db = empty_queue
    running = daemon()
    job = begun(db, add_job, trace, sleep_ms=700)
    waiting = add_job(2, "Example.CountJob", {"trace": trace.path})
    other = add_job(3, "Example.CountJob", {"trace": trace.path}, delay=3600)
    running.signal(signal.SIGTERM)
    assert running.wait() == 0
    assert db.status(job) == "OK" and db.status(waiting) == db.status(other) == "Q"
    assert trace.begun() == [job]
    assert not db.value("SELECT count(*) FROM jobd.supervisor")
    assert not db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_idle_stop(empty_queue, daemon, name):
    """An idle daemon is gone at once, with either signal."""
    running = daemon()
    running.signal(getattr(signal, name))
    assert running.wait(5) == 0
    assert not empty_queue.value("SELECT count(*) FROM jobd.supervisor")


def test_idle_stop_with_idle_workers(empty_queue, daemon, add_job):
    """Idle workers do not hold the stop up."""
    running = daemon()
    empty_queue.wait_final(*[add_job(co) for co in (2, 3, 4)])
    empty_queue.wait_idle()
    assert running.stop(5) == 0


def test_stop_timeout_asks_the_plugin(empty_queue, daemon, add_job, trace):
    """After stop_timeout the plugin is asked to stop: X, "shutdown", and its retry."""
    db = empty_queue
    running = daemon(stop_timeout="300ms")
    job = begun(db, add_job, trace, sleep_ms=600000)
    assert running.stop() == 0
    row = db.job(job)
    assert row["status"] == "X" and "shutdown" in row["finish_summary"]
    assert retries(db, job) == 1
    assert job in trace.ended()


def test_second_signal_stops_at_once(empty_queue, daemon, add_job, trace):
    """A second SIGTERM does not wait for stop_timeout."""
    db = empty_queue
    running = daemon(stop_timeout="1h")
    job = begun(db, add_job, trace, sleep_ms=600000)
    running.signal(signal.SIGTERM)
    running.wait_log("stopping: ")
    running.signal(signal.SIGTERM)
    assert running.wait(10) == 0
    row = db.job(job)
    assert row["status"] == "X" and "shutdown" in row["finish_summary"]


@pytest.mark.limit(90)
@pytest.mark.parametrize("trap", [False, True])
def test_plugin_that_does_not_listen(empty_queue, daemon, add_job, trace, trap):
    """SIGTERM, then SIGKILL, end a plugin that does not stop: X, and its retry."""
    db = empty_queue
    running = daemon(stop_timeout="0", heartbeat="1s", lease="3s")
    job = begun(db, add_job, trace, ignore_cancel=True, trap_term=trap, end="sleep")
    assert running.stop() == 0
    row = db.job(job)
    assert row["status"] == "X" and "shutdown" in row["finish_summary"]
    assert ("SIGKILL" if trap else "SIGTERM") in row["finish_summary"]
    assert retries(db, job) == 1
    assert not db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL")


def test_third_signal_kills(empty_queue, daemon, add_job, trace):
    """A third signal kills what runs; the job is settled still."""
    db = empty_queue
    running = daemon(stop_timeout="1h")
    job = begun(db, add_job, trace, ignore_cancel=True, trap_term=True, end="sleep")
    for i in range(3):
        running.signal(signal.SIGTERM)
        if i < 2:
            running.wait_log(["stopping: ", "stopping now"][i])
    assert running.wait(10) == 0
    assert db.status(job) == "X"


def test_jobs_queued_while_stopping(empty_queue, daemon, add_job, trace):
    """What comes while a daemon stops is left to the next one."""
    db = empty_queue
    first = daemon()
    job = begun(db, add_job, trace, sleep_ms=500)
    first.signal(signal.SIGTERM)
    first.wait_log("stopping: ")
    ids = [add_job(co) for co in (2, 3)]
    first.wait()
    assert db.status(job) == "OK" and {db.status(i) for i in ids} == {"Q"}
    daemon()
    db.wait_final(*ids)


def test_reload_changes_workers(empty_queue, daemon, add_job, trace):
    """SIGHUP: more workers, then fewer, without a restart and without losing a job."""
    db = empty_queue
    running = daemon(workers=1)
    ids = [begun(db, add_job, trace, end="sleep")]
    ids += [add_job(co, "Example.CountJob", {"trace": trace.path, "sleep_ms": 60000})
            for co in (3, 4)]
    assert trace.begun() == ids[:1]
    running.reload(workers=3)
    running.wait_log("reloaded the configuration")
    wait_for(lambda: len(trace.begun()) == 3)
    assert len(running.workers()) == 3
    running.reload(workers=1)
    running.wait_log("reloaded the configuration", times=2)
    for job in ids[1:]:
        db.cancel(job)
    wait_for(lambda: len(running.workers()) == 1)
    assert db.status(ids[0]) == "GO"


def test_reload_says_what_waits_for_a_restart(daemon):
    """Keys that cannot change under way are named."""
    running = daemon()
    running.reload(lease="1min")
    running.wait_log(r"reloaded the configuration; these wait for a restart: timers\.lease")


def test_reload_of_a_bad_file(empty_queue, daemon, add_job):
    """Errors of the new file are told with file and line, and the old settings stay."""
    running = daemon()
    running.config.write_text("[pool]\nworkers = many\n")
    running.signal(signal.SIGHUP)
    running.wait_log("the configuration stays as it was")
    assert running.count(rf"{running.config}:2: ") == 1
    assert empty_queue.wait_final(add_job(2))[0]["status"] == "OK"


def test_reload_of_plugins_that_cannot_be_loaded(empty_queue, daemon, add_job):
    """The daemon itself refuses the whole file, whoever asked: nothing of it is half applied."""
    running = daemon(workers=1)
    running.reload(workers=3, load="Example Missing")
    running.wait_log("the configuration stays as it was")
    assert running.count("Missing") and not running.count("reloaded the configuration")
    jobs = [add_job(co, "Example.CountJob", {"sleep_ms": 300}) for co in (2, 3, 4)]
    wait_for(lambda: empty_queue.status(jobs[0]) == "GO")
    assert len(running.workers()) == 1
    assert {row["status"] for row in empty_queue.wait_final(*jobs)} == {"OK"}
    running.reload(workers=3, load=None)
    running.wait_log("reloaded the configuration")


def test_no_timer_is_needed(empty_queue, daemon, add_job):
    """What is submitted is sent before the loop waits: the daemon registers, runs jobs and hears of
    cancels without the help of any of its timers."""
    daemon(lease="1h", heartbeat="10min", sweep="1h", cancel_poll="1h")
    jobs = [add_job(2), add_job(3)]
    assert {row["status"] for row in empty_queue.wait_final(*jobs, timeout=8)} == {"OK"}
    job = add_job(2, "Example.CountJob", {"sleep_ms": 60000})
    empty_queue.wait_status(job, "GO", timeout=8)
    empty_queue.cancel(job)
    wait_for(lambda: empty_queue.history(job), 8)


def test_sighup_storm(empty_queue, daemon, add_job):
    """Reloads by the dozen while jobs run: nothing is lost."""
    db = empty_queue
    running = daemon()
    ids = [add_job(2 + i % 3) for i in range(100)]
    for _ in range(30):
        running.signal(signal.SIGHUP)
    assert {row["status"] for row in db.wait_final(*ids)} == {"OK"}
    assert running.stop() == 0


def run_daemon(config, *args):
    return subprocess.run([str(DAEMON), "--config", str(config), *args], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=False)


def test_check(tmp_path):
    """--check opens the plugins, prints the settings, and needs no database."""
    config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": "host=/nonexistent"})
    done = run_daemon(config, "--check")
    assert done.returncode == 0, done.stderr
    assert "workers = 4" in done.stdout and str(PLUGINS) in done.stdout


def test_limits_of_nobody(tmp_path):
    """A name below [limits] that nothing has is a warning; those of plugins and programs are none."""
    config = write_config(tmp_path / "c", {"Shell.True": {"command": "/bin/true"}},
                          {"": {}, **{name: {"memory": "1G"} for name in
                                      ("Example", "Example.CountJob", "Shell.True", "Examples")}},
                          **{**DEFAULTS, "conninfo": "host=/nonexistent"})
    done = run_daemon(config, "--check", "--quiet")
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and '[limits "Examples"]: no plugin' in done.stderr


@pytest.mark.parametrize("text, line, words", [
    ("[pool]\nworkers = 0\n", 2, "workers"), ("[pool]\nworkers = 4x\n", 2, "workers"),
    ("[pool]\nworker = 4\n", 2, "worker"), ("[pol]\nworkers = 4\n", 1, "pol"),
    ("[timers]\n\nsweep = soon\n", 3, "sweep"), ("[timers]\nsweep = 10ms\n", 2, "sweep"),
    ("[pool]\nworkers = 4\nworkers = 5\n", 3, "twice"), ("nonsense\n", 1, ""),
    ("workers = 4\n", 1, ""), ("[exec \"NoDot\"]\ncommand = /bin/cat\n", 1, "NoDot"),
    ("[exec Example.X]\ncommand = /bin/cat\n", 1, "exec"),
    pytest.param("[pool]\n" + "x" * 20000 + " = 1\n", 2, "", id="long")])
@pytest.mark.parametrize("check", [True, False], ids=["check", "start"])
def test_bad_configuration(tmp_path, text, line, words, check):
    """Exit code 78, with file and line, and without touching anything."""
    config = tmp_path / "bad.conf"
    config.write_text(text)
    done = run_daemon(config, *(["--check"] if check else []))
    assert done.returncode == 78
    assert f"{config}:{line}: " in done.stderr and words in done.stderr


@pytest.mark.parametrize("text, words", [
    ("[log]\nlevel = loud\n", "level"), ("[timers]\nlease = 5s\nheartbeat = 2s\n", "lease"),
    ("[plugins]\nload = \"x\n", "quotation"),
    ("[exec \"A.B\"]\ntimeout = 1s\n", "command")])
def test_configuration_that_does_not_fit(tmp_path, text, words):
    """Settings that contradict each other are errors, too."""
    config = tmp_path / "bad.conf"
    config.write_text(text)
    done = run_daemon(config, "--check")
    assert done.returncode == 78 and words in done.stderr and str(config) in done.stderr


@pytest.mark.parametrize("settings, words", [
    ({"directory": "/nonexistent"}, "/nonexistent"), ({"load": "Nothing"}, "Nothing"),
    ({"load": "../Example"}, "Example")])
def test_plugin_that_is_not_there(tmp_path, settings, words):
    """Wrong plugin directory or name: exit code 78, and the log says which."""
    config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": "host=/nonexistent",
                                             **settings})
    done = run_daemon(config)
    assert done.returncode == 78 and words in done.stderr


def test_missing_file(tmp_path):
    """No configuration file: exit code 78."""
    done = run_daemon(tmp_path / "none")
    assert done.returncode == 78 and str(tmp_path / "none") in done.stderr


@pytest.mark.parametrize("args, code, words", [
    (["--help"], 0, "--check"), (["--version"], 0, "registry-jobd"), (["extra"], 2, "extra"),
    (["--nonsense"], 2, "nonsense")])
def test_arguments(args, code, words):
    """--help and --version answer; anything unknown is exit code 2."""
    done = subprocess.run([str(DAEMON), *args], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.returncode == code and words in done.stdout + done.stderr
