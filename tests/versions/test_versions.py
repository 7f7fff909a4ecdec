"""A schema serves the daemons and commands of the version before: its package is built from git, and
runs beside this version. Each test is with the halves in both orders."""
import fcntl
import json
import shutil
import subprocess

import pytest
from conftest import (COMMAND, DAEMON, DEFAULTS, ROOT, Daemon, insert_job, run_command, wait_for,
                      without_jobs, write_config)

pytestmark = pytest.mark.limit(300)  # the first one builds a package
COUNT = "Example.CountJob"
VERSIONS = ROOT / "build" / "versions"


def git(*args, directory=ROOT, **kwargs):
    return subprocess.run(["git", "-C", directory, *args], check=False, capture_output=True, **kwargs)


def previous_commit():
    name = [line for line in (ROOT / "tests" / "versions" / "previous").read_text().splitlines()
            if not line.startswith("#")][0]
    found = git("rev-parse", "--verify", "--quiet", name + "^{commit}", text=True)
    is_whole = git("rev-parse", "--is-shallow-repository", text=True).stdout == "false\n"
    if found.returncode and not (is_whole and name.startswith("v")):
        pytest.skip(f"the version before is {name}, which the history of this copy does not have")
    assert not found.returncode, f"git knows no tag {name}"
    return found.stdout.strip()


def build(commit, place):
    """Its own package, by its own script, unpacked as an installation would."""
    source = place.with_suffix(".source")
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    top = git("rev-parse", "--show-toplevel", text=True).stdout.strip()
    subprocess.run(["tar", "-x", "-C", source], check=True, input=git("archive", commit, directory=top).stdout)
    done = subprocess.run([source / "systemd" / "build-package"], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    package, = (source / "build" / "package").glob("registry-jobd_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, source / "root"], check=True)
    (source / "root").rename(place)
    shutil.rmtree(source)


@pytest.fixture(scope="session")
def previous():
    """(daemon, command) of the version before."""
    commit = previous_commit()
    place = VERSIONS / commit
    VERSIONS.mkdir(parents=True, exist_ok=True)
    with open(VERSIONS / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            build(commit, place)
    return place / "usr" / "sbin" / "registry-jobd", place / "usr" / "bin" / "registry-job"


@pytest.fixture(params=["old daemon", "new daemon"])
def halves(request, previous):
    """(daemon, command), one of them of the version before."""
    return (previous[0], COMMAND) if request.param == "old daemon" else (DAEMON, previous[1])


@pytest.fixture
def run(db, tmp_path, halves):
    """run(*args): the command of the halves."""
    config = write_config(tmp_path / "command.conf", **{**DEFAULTS, "conninfo": db.conninfo})
    return lambda *args: run_command(config, *args, program=halves[1])


def test_registered_run_canceled(empty_queue, daemon, halves, run, trace):
    """Whatever one half does, the other one knows."""
    db = empty_queue
    running = daemon(program=halves[0])
    job = int(run("-c", 2, "-j", COUNT, "records=3").stdout)
    row, = db.wait_final(job)
    assert row["status"] == "OK" and len(db.history(job)) == 3
    assert all(row[name] for name in row if name.endswith("_time") or name == "modified"), row
    assert len(json.loads(run("history", job, "--json").stdout)) == 3
    assert "completed at" in run("why", job).stdout

    busy = int(run("-c", 2, "-j", COUNT, "sleep_ms=60000", f"trace={trace.path}").stdout)
    waiting = int(run("-c", 2, "-j", COUNT, "tag=waits").stdout)
    wait_for(lambda: busy in trace.begun())
    assert f"waits behind job {busy}" in run("why", waiting).stdout
    assert [w["job"] for w in json.loads(run("status", "--json").stdout)["workers"]] == [busy]
    assert run("cancel", waiting).returncode == 0 and db.status(waiting) == "CX"
    assert run("cancel", busy).returncode == 0
    wait_for(lambda: busy in trace.ended(), 5, "the plugin hears of the cancel")
    assert db.wait_final(busy)[0]["status"] == "CX"
    db.wait_idle()

    assert run("-c", 2, "-j", COUNT, "-s", "tag=here").returncode == 0
    assert running.stop() == 0
    assert run("retry", waiting).returncode == 0
    assert run("-r", "-c", "all").returncode == 0
    assert db.sql("SELECT status, count(*)::int AS n FROM public.jobs WHERE job_id IS NULL GROUP BY 1"
                  " ORDER BY 1") == [{"status": "CX", "n": 2}, {"status": "OK", "n": 3}]
    assert running.count("^<[0-3]>") == 0, running.log()


@pytest.mark.parametrize("killed", [0, 1])
def test_both_at_once(empty_queue, daemon, previous, add_job, cos, trace, killed):
    """They share the queue; what one leaves that is killed, the other one settles, and it is tried again."""
    db = empty_queue
    running = [daemon(program=program, workers=3, lease="6s", heartbeat="1s", sweep="1s")
               for program in (previous[0], DAEMON)]
    many = cos(10)
    jobs = [add_job(many[i % 10], COUNT, {"trace": trace.path, "sleep_ms": 60, "tag": str(i)},
                    retry_interval=1, max_retry=5) for i in range(200)]
    wait_for(lambda: len({event[3] for event in trace.events() if event[0] == "begin"} &
                         {pid for one in running for pid in one.workers()}) >= 4, what="both are at work")
    running[killed].kill()
    db.wait_final(*jobs, timeout=40)
    wait_for(lambda: not db.live(status="Q") and not db.live(status="GO"), 40, "retries are over")
    failed = db.live(status="X")
    assert len(failed) <= 3 and all("unexpectedly" in row["finish_summary"] for row in failed), failed
    tags = db.sql("SELECT parameters, count(*) FILTER (WHERE status = 'OK')::int AS n FROM public.jobs"
                  " WHERE job_id IS NULL GROUP BY 1")
    assert len(tags) == 200 and {row["n"] for row in tags} == {1}
    trace.check_one_at_a_time({row["id"] for row in failed})
    assert running[1 - killed].stop() == 0
    db.wait_idle()


def test_upgrade_while_it_runs(plain_db, previous, tmp_path, request, trace):
    """The schema of the version before is upgraded under its daemon; then the new one takes over."""
    db = without_jobs(plain_db)
    owner = write_config(tmp_path / "owner.conf", conninfo=db.owners)
    config = write_config(tmp_path / "daemon.conf", **{**DEFAULTS, "conninfo": db.conninfo})
    assert run_command(owner, "schema", "install", program=previous[1]).returncode == 0
    (tmp_path / "roles.sql").write_text(run_command(owner, "schema", "roles", program=previous[1]).stdout)
    db.cluster.load(db.name, tmp_path / "roles.sql")
    daemons = []

    def start(program):
        daemons.append(Daemon(f"daemon-{len(daemons) + 1}", config, tmp_path / f"{len(daemons)}.log",
                              program=program))
        request.addfinalizer(daemons[-1].kill)
        return daemons[-1].wait_ready()

    def add(n):
        with db.conn.cursor() as cursor:
            return [insert_job(cursor, 2 + i % 3, COUNT, {"trace": trace.path, "sleep_ms": 20,
                                                          "tag": f"{n} {i}"}) for i in range(60)]
    old = start(previous[0])
    jobs = add("before")
    wait_for(lambda: len(trace.begun()) > 5)
    done = run_command(owner, "schema", "upgrade")
    assert done.returncode == 0, done.stderr
    newest = max(int(path.name[:4]) for path in (ROOT / "schema").glob("[0-9]*.sql"))
    assert db.value("SELECT max(version) FROM jobd.schema_version") == newest
    jobs += add("after")
    wait_for(lambda: len(trace.begun()) > 80)
    new = start(DAEMON)
    assert old.stop() == 0
    jobs += add("last")
    assert {row["status"] for row in db.wait_final(*jobs, timeout=40)} == {"OK"}
    assert sorted(trace.begun()) == sorted(jobs)
    trace.check_one_at_a_time()
    assert new.stop() == 0
    for daemon in daemons:
        assert daemon.count("^<[0-3]>") == 0, daemon.log()
