"""The Registry's own models under the daemon: [registry], with the stand-in as the application. How the
bridge itself ends in every way is in tests/registry."""
import json
import os
import pathlib
import re
import signal
import statistics
import sys
import time

import pytest
from conftest import DAEMON, DEFAULTS, ROOT, insert_job, run_command, wait_for, write_config

sys.path.append(str(ROOT / "tests" / "registry"))
from driver import BRIDGE, PHP, Registry  # noqa: E402  pylint: disable=C0413

STEP, NOOP, TYPES = "Fake.StepJob", "Fake.NoopJob", "Fake.TypesJob"
COUNT = "Example.CountJob"
DATABASE = "local/config/database.php"


@pytest.fixture
def registry(tmp_path, empty_queue):
    tmp_path.chmod(0o755)
    return Registry(tmp_path, empty_queue)


def section(registry, **keys):
    """What an administrator writes, and where the stand-in has its database."""
    return {"app": registry.app, "php": pathlib.Path("/usr/bin") / PHP, "bridge": BRIDGE,
            **{f"environment.{name}": value for name, value in registry.env.items() if name != "PATH"},
            **keys}


@pytest.fixture
def serve(registry, daemon):
    """serve(**settings): a daemon that has the models of the stand-in, as soon as it has asked; then no start
    of the application has been counted."""
    def start(keys=None, **settings):
        running = daemon(registry=section(registry, **(keys or {})), **{"workers": 2, **settings})
        running.wait_log(r"the Registry at .* (provides|does not start)")
        registry.boots.unlink(missing_ok=True)
        return running
    return start


@pytest.fixture
def here(registry, tmp_path):
    """here(*args): registry-job with [registry]."""
    config = write_config(tmp_path / "here.conf", registry=section(registry),
                          **{**DEFAULTS, "conninfo": registry.db.conninfo})

    def run(*args, **kwargs):
        return run_command(config, *args, **kwargs)
    run.config = config
    return run


def add(registry, model=STEP, co=0, retry_interval=None, **params):
    """A job as the Registry would queue it; it writes every value as a string."""
    with registry.db.conn.cursor() as cursor:
        return insert_job(cursor, registry.cos[co], model, {name: str(value) for name, value in params.items()},
                          retry_interval=retry_interval)


def test_jobs_of_every_end(registry, serve):
    """Each with its reason, its history, and its retry; the one behind it runs."""
    db = registry.db
    running = serve()
    walk = add(registry, do="walk", steps=3)
    ends = {"throw": "a stone", "exit": "exit", "memory": "memory", "signal": "sigsegv", "forget": "finish"}
    jobs = {do: add(registry, do=do, retry_interval=600) for do in ends}
    last = add(registry, NOOP)
    rows = {row["id"]: row for row in db.wait_final(walk, *jobs.values(), last, timeout=40)}
    assert rows[walk]["status"] == "OK" and rows[walk]["finish_summary"] == "walked 3 steps"
    assert rows[walk]["start_summary"] == "walking 3 steps" and rows[walk]["percent_complete"] == 100
    assert [(h["record_key"], h["comment"], h["status"]) for h in db.history(walk)] == [
        (str(i), "done", "OK") for i in (1, 2, 3)]
    for do, job in jobs.items():
        assert rows[job]["status"] == "X" and ends[do] in rows[job]["finish_summary"].lower(), rows[job]
        assert len(db.live(requeued_from_job_id=job)) == 1
    assert rows[last]["status"] == "OK"
    assert registry.count_boots() == 1
    assert len({row["assigned_pid"] for row in rows.values()}) == 1, "no worker was lost"
    assert running.stop() == 0


def test_cancel_in_the_middle(registry, serve):
    """The plugin hears of it while it walks, and the next job of the CO runs at once."""
    db = registry.db
    serve()
    seconds = []
    for _ in range(5):
        job, behind = add(registry, do="walk", steps=100000, pause=2), add(registry, NOOP)
        db.wait_status(job, "GO")
        wait_for(lambda job=job: db.history(job))
        begun = time.monotonic()
        db.cancel(job)
        assert db.wait_final(behind)[0]["status"] == "OK"
        seconds.append(time.monotonic() - begun)
        assert db.status(job) == "CX"
    print(f"cancel to the end of the next job: {1000 * statistics.median(seconds):.0f} ms (median)")
    assert registry.count_boots() == 1


def test_two_cos_boot_twice(registry, serve):
    """A program for each worker, however many jobs; nothing of PHP is left after a stop."""
    db = registry.db
    running = serve()
    jobs = [add(registry, NOOP, co=i % 2) for i in range(200)]
    assert {row["status"] for row in db.wait_final(*jobs, timeout=40)} == {"OK"}
    assert registry.count_boots() <= 2
    assert running.stop() == 0
    wait_for(lambda: not programs(registry), 10)


def programs(registry):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(registry.app).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("victim", ["worker", "program"])
def test_killed(registry, serve, victim):
    """The job is Failed with the reason, no PHP is left of it, and the next job gets a new program."""
    db = registry.db
    serve()
    job, behind = add(registry, do="walk", steps=100000, pause=2), add(registry, NOOP)
    db.wait_status(job, "GO")
    old = wait_for(lambda: programs(registry))
    os.kill(db.job(job)["assigned_pid"] if victim == "worker" else min(old), signal.SIGKILL)
    rows = db.wait_final(job, behind)
    assert [row["status"] for row in rows] == ["X", "OK"] and "SIGKILL" in rows[0]["finish_summary"]
    wait_for(lambda: not set(old) & set(programs(registry)))
    assert registry.count_boots() == 2


def test_files_of_the_registry_change(registry, serve):
    """A deployment: the program leaves between two jobs, and no job is lost."""
    db = registry.db
    serve()
    assert db.wait_final(add(registry, NOOP))[0]["status"] == "OK"
    autoload = registry.app / "vendor" / "autoload.php"
    autoload.write_text(autoload.read_text() + "\n// deployed again\n")
    jobs = [add(registry, NOOP)]

    def has_started_anew():
        if registry.count_boots() > 1:
            return True
        jobs.append(add(registry, NOOP))
        db.wait_final(jobs[-1])
        return False
    wait_for(has_started_anew, 20, "a new program")
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}


# ---- a Registry that does not start ----

def break_(registry, how="exit('no configuration here'); return"):
    registry.replace(DATABASE, "return", how)


def mend(registry):
    path = registry.root / DATABASE
    path.write_text(re.sub(r"(?m)^.*; return", "return", path.read_text()))


@pytest.mark.parametrize("how, words", [
    ("exit('no configuration here'); return", "no configuration here"),
    ("exit(0); return", "it called exit()"),
    ("throw new Exception('a stone'); return", "a stone"),
    ("nowhere(); return", "nowhere"),
    ("sleep(100); return", "did not say that it is ready within 1s"),
    ("posix_kill(getmypid(), SIGSEGV); return", "SIGSEGV"),
])
def test_does_not_start(registry, serve, command, how, words):
    """Its jobs wait, those of other models run, everybody who asks is told; and then it starts."""
    db = registry.db
    break_(registry, how)
    running = serve({"start_timeout": "1s"})
    job = add(registry, NOOP)
    other = insert(registry, COUNT, co=1)
    assert db.wait_final(other)[0]["status"] == "OK"
    assert db.status(job) == "Q"
    problem = rf"the Registry at {registry.app} does not start: .*{re.escape(words)}"
    answer = json.loads(command("why", job, "--json").stdout)
    assert answer["reason"] == "no_model" and re.search(problem, answer["sentence"]), answer
    assert re.search(problem, command("status").stdout)
    found = command("doctor")
    assert found.returncode == 1 and re.search(rf"^error +models +.*{problem}", found.stdout, re.MULTILINE)
    wait_for(lambda: running.count(problem) and registry.db.status(job) == "Q")
    mend(registry)
    assert db.wait_final(job)[0]["status"] == "OK"
    running.wait_log(r"starts again")
    assert running.count(problem) == 1, "the same reason is said once"
    assert "does not start" not in command("status").stdout


def insert(registry, model, co=0):
    with registry.db.conn.cursor() as cursor:
        return insert_job(cursor, registry.cos[co], model, {})


def test_unknown_models_are_no_reason_to_fail(registry, serve):
    """As long as nobody knows which models the Registry has."""
    db = registry.db
    break_(registry)
    serve(unknown_models="fail")
    job = add(registry, NOOP)
    assert db.wait_final(insert(registry, COUNT, co=1))[0]["status"] == "OK"
    assert db.status(job) == "Q"
    mend(registry)
    assert db.wait_final(job)[0]["status"] == "OK"
    assert db.wait_final(insert(registry, "Fake.NowhereJob"))[0]["status"] == "X"


def test_stops_to_start_between_two_jobs(registry, serve):
    """It is being deployed while jobs wait: none is claimed that cannot run, none is failed, and all run in the
    end."""
    db = registry.db
    serve(workers=1)
    jobs = [add(registry, NOOP)]
    db.wait_final(*jobs)
    break_(registry)

    def has_stopped():
        if db.value("SELECT count(*) FROM jobd.supervisor WHERE problem IS NOT NULL"):
            return True
        if db.status(jobs[-1]) != "Q":
            jobs.append(add(registry, NOOP))
        return False
    wait_for(has_stopped)
    jobs += [add(registry, NOOP) for _ in range(5)]
    assert db.wait_final(insert(registry, COUNT, co=1))[0]["status"] == "OK"
    assert {db.status(job) for job in jobs[-5:]} == {"Q"}
    wait_for(lambda: not db.value("SELECT count(*) FROM jobd.lane WHERE supervisor_id IS NOT NULL"))
    mend(registry)
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}


def test_starts_in_no_worker(registry, serve, command):
    """Only there it has limits: what the daemon found out by itself is not believed again and again."""
    db = registry.db
    running = serve(limits={"Fake": {"memory": "4M"}})
    job = add(registry, NOOP)
    wait_for(lambda: running.count(r"does not start") >= 2)
    assert db.status(job) == "Q"
    wait_for(lambda: "does not start: " in command("why", job).stdout)
    running.settings.pop("limits")
    running.reload()
    assert db.wait_final(job)[0]["status"] == "OK"


@pytest.mark.parametrize("what", ["worker killed", "daemon killed", "job canceled"])
def test_while_a_worker_starts_it(registry, serve, daemon, what):
    """Laws 2 and 14: the lane is held and no job is claimed. Nothing is failed, and the CO goes on."""
    db = registry.db
    first = serve(workers=1, lease="3s", heartbeat="1s")
    break_(registry, "file_put_contents(getenv('STANDIN_BOOTS'), '1'); sleep(100); return")
    job, behind = add(registry, NOOP), add(registry, NOOP)
    worker = wait_for(lambda: registry.count_boots() and db.value(
        "SELECT worker_pid FROM jobd.lane WHERE supervisor_id IS NOT NULL"))
    assert db.status(job) == "Q"
    mend(registry)
    if what == "worker killed":
        os.kill(worker, signal.SIGKILL)
    elif what == "daemon killed":
        first.kill()
        daemon(registry=section(registry), workers=1, lease="3s", heartbeat="1s")
    else:
        db.cancel(job)
        assert db.status(job) == "CX"
        os.kill(min(programs(registry)), signal.SIGKILL)
    assert db.wait_final(behind, timeout=40)[0]["status"] == "OK"
    assert db.status(job) == ("CX" if what == "job canceled" else "OK")
    assert db.value("SELECT count(*) FROM public.jobs WHERE status = 'X'") == 0


def test_stopped_while_it_starts(registry, daemon):
    """Nothing of it is left."""
    break_(registry, "sleep(100); return")
    running = daemon(registry=section(registry))
    wait_for(lambda: programs(registry))
    assert running.stop() == 0
    wait_for(lambda: not programs(registry), 10)


# ---- other models than before ----

def test_plugin_that_is_activated(registry, serve):
    """A reload finds its models; one that is taken away is withdrawn."""
    db = registry.db
    db.sql("UPDATE public.plugins SET status = 'S' WHERE plugin = 'Fake'")
    running = serve()
    job = add(registry, NOOP)
    assert db.wait_final(insert(registry, COUNT, co=1))[0]["status"] == "OK"
    assert db.status(job) == "Q"
    db.sql("UPDATE public.plugins SET status = 'A' WHERE plugin = 'Fake'")
    running.reload()
    assert db.wait_final(job)[0]["status"] == "OK"
    db.sql("UPDATE public.plugins SET status = 'S' WHERE plugin = 'Fake'")
    running.reload()
    wait_for(lambda: not db.value("SELECT count(*) FROM jobd.model WHERE model = %s", NOOP))


def test_other_models_after_a_deployment(registry, serve):
    """A worker that starts it again finds that out, and no job is run, or failed, by mistake."""
    db = registry.db
    serve(idle_timeout="1s")
    assert db.wait_final(add(registry, NOOP))[0]["status"] == "OK"
    wait_for(lambda: not programs(registry), 10, "the end of an idle worker")
    path = registry.app / "plugins/Fake/src/Lib/Jobs/NoopJob.php"
    path.rename(path.with_suffix(".away"))
    job, behind = add(registry, STEP, do="walk", steps=1), add(registry, NOOP)
    assert db.wait_final(job)[0]["status"] == "OK"
    wait_for(lambda: not db.value("SELECT count(*) FROM jobd.model WHERE model = %s", NOOP))
    assert db.status(behind) == "Q"
    assert db.value("SELECT problem FROM jobd.supervisor") is None


def test_some_models_only(registry, serve):
    """`models`, and a model that the configuration provides itself is not the Registry's."""
    db = registry.db
    serve({"models": f"{NOOP}, {TYPES}"},
          exec_models={TYPES: {"command": "/bin/true", "parameters": "any"}})
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.model WHERE model = %s", NOOP))
    assert not db.value("SELECT count(*) FROM jobd.model WHERE model = %s", STEP)
    jobs = [insert(registry, TYPES), add(registry, NOOP)]
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}
    assert db.job(jobs[0])["finish_summary"] == "Completed", "by the program"


# ---- the command, and --check ----

def test_check(registry, here):
    """It starts the Registry: what there is, or what prevents it; and is a configuration all the same."""
    done = run_command(here.config, "--check", program=DAEMON)
    assert done.returncode == 0, done.stderr
    assert f"# the Registry at {registry.app} provides:\n" in done.stdout and f"#   {NOOP}\n" in done.stdout
    again = here.config.with_suffix(".again")
    again.write_text(re.sub(r"(?m)^(environment\.\w+) = .*",
                            lambda m: f"{m[1]} = {registry.env[m[1].partition('.')[2]]}", done.stdout))
    assert run_command(again, "--check", program=DAEMON).stdout == done.stdout
    registry.replace("app/vendor/registry.php", "finish(Job $job, string", "finish(Job $job, ?string")
    done = run_command(here.config, "--check", program=DAEMON)
    assert done.returncode == 78 and f"the Registry at {registry.app} does not start: it is of another" \
        " version" in done.stderr, done.stderr


@pytest.mark.parametrize("keys, words", [
    ("", "'app' is missing"),
    ("app = app", "app must be an absolute path"),
    ("app = /nowhere\nbridge = /dev/null\nphp = /nowhere/php", "'/nowhere/php'"),
    ("app = /nowhere\nbridge = /nowhere/bridge.php", "bridge '/nowhere/bridge.php': No such file"),
    ("app = /nowhere\nbridge = /dev/null\nstart_timeout = 0", "start_timeout must be"),
    ("app = /nowhere\nbridge = /dev/null\nenvironment.REGISTRY_X = 1", "environment.REGISTRY_X"),
])
def test_configuration_that_is_refused(tmp_path, keys, words):
    config = tmp_path / "bad.conf"
    config.write_text(f"[registry]\n{keys}\n")
    done = run_command(config, "--check", program=DAEMON)
    assert done.returncode == 78 and words in done.stderr, done.stderr


def test_plugins(registry, here):
    """Who provides which model, with its parameters; without a Registry the others."""
    listed = json.loads(here("plugins", "--json").stdout)
    assert {NOOP, STEP, TYPES, COUNT} <= {one["model"] for one in listed}
    assert re.search(rf"^{TYPES} .*\n(    .*\n)*    \w+ +bool", here("plugins").stdout, re.MULTILINE)
    break_(registry)
    done = here("plugins")
    assert done.returncode == 78 and COUNT in done.stdout and NOOP not in done.stdout
    assert "does not start: no configuration here" in done.stderr


def test_command_without_a_daemon(registry, here):
    """Registered with the parameters checked, run at once, drained; doctor knows the models."""
    db = registry.db
    co = registry.cos[0]
    done = here("-c", co, "-j", NOOP)
    assert done.returncode == 0, done.stderr
    job = int(done.stdout)
    assert "which nobody provides" not in here("doctor").stdout
    refused = here("-c", co, "-j", STEP, "nonsense=1")
    assert refused.returncode != 0 and "nonsense" in refused.stderr, refused.stderr
    unknown = here("-c", co, "-j", "Fake.NowhereJob")
    assert unknown.returncode == 1 and NOOP in unknown.stderr and COUNT in unknown.stderr
    now = here("-c", co, "-j", STEP, "-s", "do=walk", "steps=2")
    assert now.returncode == 0, now.stderr
    types = int(here("-c", co, "-j", TYPES, "flag=false", "other_flag=true", "count=7").stdout)
    assert json.loads(db.job(types)["parameters"]) == {"flag": "0", "other_flag": "1", "count": "7"}
    assert db.status(job) == "Q"
    assert here("-r", "-c", "all").returncode == 0
    assert db.status(job) == "OK"
    assert {row["record_key"]: row["comment"] for row in db.history(types)} == {
        "flag": "false", "other_flag": "true", "count": "'7'"}, "as PHP has them"


def test_drain_of_a_registry_that_does_not_start(registry, here):
    """It does not wait for it, says why, and runs what there is."""
    db = registry.db
    break_(registry)
    job, other = add(registry, NOOP), insert(registry, COUNT, co=1)
    done = here("-r", "-c", "all")
    assert "does not start: no configuration here" in done.stderr and NOOP in done.stderr
    assert (db.status(job), db.status(other)) == ("Q", "OK")
