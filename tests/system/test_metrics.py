"""registry-job metrics and status: the values are those of what was really run, the text is what
Prometheus reads, and asking is cheap and bounded whatever is in the database.
"""
import collections
import json
import os
import re
import signal
import stat
import subprocess
import time

import psycopg2
import pytest
from conftest import ROOT, SLOW, run_command, wait_for, write_config
from prometheus_client.parser import text_string_to_metric_families

COUNT = "Example.CountJob"
CHAOS = "Chaos.ChaosJob"
UNAVAILABLE = 69
DAEMON = {"heartbeat": "1s", "load": "Chaos Example"}
RULES = ROOT / "systemd" / "registry-jobd.rules.yml"
RULES_TEST = ROOT / "tests" / "data" / "registry-jobd.rules.test.yml"
PER_CO = ["queue_waiting_jobs", "queue_due_jobs", "running_jobs", "stalled_jobs", "stopping_jobs", "co_held",
          "chains_ended", "co_active"]


class Metrics:
    """What the command printed, parsed by Prometheus's own library."""

    def __init__(self, text):
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]
        seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in self.samples]
        assert len(seen) == len(set(seen)), "a series is there twice"

    def of(self, name, **labels):
        """Values of all series of that name which have these labels."""
        return [s.value for s in self.samples if s.name == f"registry_jobd_{name}"
                and all(s.labels.get(key) == str(value) for key, value in labels.items())]

    def get(self, name, **labels):
        values = self.of(name, **labels)
        assert len(values) == 1, (name, labels, values)
        return values[0]

    def total(self, name, **labels):
        return sum(self.of(name, **labels))


def promtool(*args, text=None):
    done = subprocess.run(["promtool", *map(str, args)], input=text, capture_output=True, text=True,
                          timeout=60 * SLOW, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def metrics(command):
    """metrics(*args): runs the command; every text must please the parser."""
    def ask(*args):
        done = command("metrics", *args)
        assert done.returncode == 0, done.stderr
        return Metrics(done.stdout)
    return ask


@pytest.fixture
def wait_metrics(metrics):
    """Waits until the counts say so: they are as old as the last heartbeat."""
    def wait(condition, timeout=20):
        def look():
            found = metrics()
            return found if condition(found) else None
        return wait_for(look, timeout, "metrics", interval=0.05)
    return wait


# ---- what was really run ----

def test_counts_are_those_of_what_ran(empty_queue, daemon, add_job, wait_metrics, metrics, trace):
    """Every end of a job, once, and the histograms with as many."""
    db = empty_queue
    daemon(**DAEMON)
    done = [add_job(2, COUNT, {"count": 1, "sleep_ms": 20}) for _ in range(5)]
    failed = [add_job(3, COUNT, {"end": "fail"}) for _ in range(3)]
    rejected = add_job(3, "NoModel", {})
    db.wait_final(*done, *failed, rejected)
    canceled = add_job(2, COUNT, {"sleep_ms": 60000, "trace": trace.path})
    wait_for(trace.begun)
    assert metrics().get("running_jobs", co_id=2) == 1
    db.cancel(canceled)
    db.wait_final(add_job(2))
    killed = add_job(3, CHAOS, {"act": "signal", "value": int(signal.SIGKILL)})
    exited = add_job(3, CHAOS, {"act": "exit", "value": 3})
    db.wait_final(killed, exited)

    found = wait_metrics(lambda m: m.total("jobs_settled_total", of="worker", status="failed") == 2
                         and m.total("jobs_finished_total") == 11)
    assert found.get("jobs_finished_total", status="complete") == 6
    assert found.get("jobs_finished_total", status="failed") == 4
    assert found.get("jobs_finished_total", status="canceled") == 1
    assert found.get("workers_died_total") == 2 and found.get("workers_killed_total") == 0
    assert found.get("cancels_total") == 1
    # All that ran, those that died in it included; not the one that no plugin provides.
    assert found.get("job_run_seconds_count") == 12
    assert found.get("job_wait_seconds_count") == 13
    assert found.get("job_run_seconds_sum") >= 0.1
    assert found.get("job_run_seconds_bucket", le="0.01") <= 7
    assert found.get("job_run_seconds_bucket", le="+Inf") == 12
    assert found.get("notifications_total", type="queued") >= 2
    assert found.get("notifications_total", type="cancel") == 1
    assert found.get("workers_started_total") >= 3
    assert found.get("lease_losses_total", how="lost") == 0
    assert 0 < found.get("supervisor_lease_seconds", kind="daemon") <= 30


def test_canceled_under_a_worker_that_dies(empty_queue, daemon, add_job, wait_metrics):
    """A plugin that does not hear its cancel takes its worker along: killed, not died."""
    db = empty_queue
    daemon(**DAEMON, cancel_grace="100ms")
    job = add_job(2, CHAOS, {"act": "loop_ignored"})
    db.wait_status(job, "GO")
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL"))
    db.cancel(job)
    found = wait_metrics(lambda m: m.total("jobs_settled_total", status="canceled") == 1)
    assert found.get("workers_killed_total") == 1 and found.get("workers_died_total") == 0
    assert found.get("jobs_finished_total", status="canceled") == 0
    assert found.get("job_run_seconds_count") == 1


def test_waits(empty_queue, daemon, add_job, wait_metrics):
    """From being due, not from being registered; whole seconds, and none for times without end."""
    db = empty_queue
    old = "2020-01-01 00:00:00"
    long = add_job(2, register_time=old, start_after_time=old)
    fresh = add_job(2)
    ancient = add_job(2, register_time="-infinity", start_after_time="-infinity")
    unknown = add_job(2, register_time=None, start_after_time=None)
    started = add_job(3, start_after_time=old)  # registered now
    daemon(**DAEMON)
    db.wait_final(long, fresh, ancient, unknown, started)
    found = wait_metrics(lambda m: m.total("jobs_finished_total") == 5)
    assert found.get("job_wait_seconds_count") == 3
    assert found.get("job_wait_seconds_bucket", le="60") == 2
    assert found.get("job_wait_seconds_bucket", le="86400") == 2
    assert found.get("job_wait_seconds_sum") >= 5 * 365 * 86400
    assert found.of("job_wait_seconds_bucket", le="0.5") == []


def test_wakeups(empty_queue, daemon, add_job, wait_metrics):
    """Sweep, timer and notification are told apart."""
    db = empty_queue
    daemon(**DAEMON, sweep="3s")
    job = add_job(2, delay=2)  # of cut seconds: not so soon that the look that hears of it is late
    db.wait_final(job)
    found = wait_metrics(lambda m: m.total("queue_looks_total", by="sweep") >= 1
                         and m.total("queue_looks_total", by="timer") >= 1)
    assert found.get("notifications_total", type="delayed") == 1
    assert found.get("queue_looks_total", by="other") >= 1


def test_replaced_and_reconnected(empty_queue, daemon, add_job, wait_metrics):
    """Workers that served their time, and a connection that was lost."""
    db = empty_queue
    daemon(**DAEMON, max_jobs_per_worker=1)
    db.wait_final(*[add_job(2) for _ in range(3)])
    wait_metrics(lambda m: m.total("workers_replaced_total") >= 1)
    assert db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name = 'registry-jobd supervisor'"
                    " AND datname = current_database()") == 1
    found = wait_metrics(lambda m: m.total("database_reconnects_total") == 1)
    assert found.total("jobs_finished_total", status="complete") == 3


def test_a_lease_that_was_lost(empty_queue, daemon, wait_metrics):
    """Others took it for dead: it registers anew, and its counts go on."""
    db = empty_queue
    daemon(**DAEMON)
    first = db.value("SELECT id FROM jobd.supervisor")
    db.sql("DELETE FROM jobd.supervisor")
    found = wait_metrics(lambda m: m.total("lease_losses_total", how="lost") == 1)
    assert found.of("supervisor_workers", id=first) == []


def test_a_dead_supervisor(empty_queue, daemon, add_job, wait_metrics, metrics, trace):
    """Whoever settles for it counts that; its own counts are gone with its row."""
    db = empty_queue
    first = daemon(**DAEMON)
    canceled = add_job(2, COUNT, {"trace": trace.path, "end": "sleep", "ignore_cancel": True})
    running = add_job(3, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_for(lambda: len(trace.begun()) == 2)
    assert len(metrics().of("supervisor_info", pid=first.pid)) == 1
    first.signal(signal.SIGSTOP)  # it hears no cancel any more
    db.cancel(canceled)
    first.kill()
    daemon(**DAEMON, sweep="1s")
    assert db.wait_final(running)[0]["status"] == "X"
    found = wait_metrics(lambda m: m.total("jobs_settled_total", of="supervisor") == 2)
    assert found.get("jobs_settled_total", of="supervisor", status="failed") == 1
    assert found.get("jobs_settled_total", of="supervisor", status="canceled") == 1
    assert found.get("workers_died_total") == 0


def test_workers_that_give_up(empty_queue, daemon, add_job, wait_metrics):
    """A lost connection is not a death that somebody has to look into."""
    db = empty_queue
    daemon(**DAEMON)
    db.wait_final(add_job(2))
    db.wait_idle()
    db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
           " WHERE application_name = 'registry-jobd worker' AND datname = current_database()")
    found = wait_metrics(lambda m: m.total("workers_gave_up_total") >= 1)
    assert found.get("workers_died_total") == 0


@pytest.mark.limit(120)
def test_a_lease_that_lapsed(server, empty_queue, daemon, wait_metrics):
    """Without the database for too long; it goes on with its counts when that is back."""
    running = daemon(**DAEMON, lease="6s")
    empty_queue.close()
    server.stop()
    running.wait_log("the lease could not be renewed", timeout=30)
    server.start()
    wait_metrics(lambda m: m.total("lease_losses_total", how="lapsed") == 1
                 and m.total("database_reconnects_total") >= 1, timeout=40)


@pytest.mark.parametrize("value", [-1, 0, 1 << 40])
def test_a_page_that_lies(empty_queue, daemon, add_job, wait_metrics, value):
    """A plugin that writes over its worker's counts spoils them for nobody else."""
    db = empty_queue
    daemon(**DAEMON)
    db.wait_final(*[add_job(2) for _ in range(7)])
    wait_metrics(lambda m: m.total("jobs_finished_total") == 7)
    liar = add_job(2, CHAOS, {"act": "page_counts", "value": value})
    assert db.wait_final(liar)[0]["status"] == "OK"
    # Its worker is made to end, so that what it showed is read for the last time.
    db.wait_final(add_job(2, CHAOS, {"act": "exit", "value": 3}))
    db.wait_final(*[add_job(3) for _ in range(5)])
    found = wait_metrics(lambda m: m.total("jobs_settled_total") == 1
                         and m.total("jobs_finished_total") >= 12)
    # Its worker may have put right what it wrote: the truth is 13 that ended, and 14 that ran.
    assert 12 <= found.total("jobs_finished_total") <= 13
    assert 12 <= found.get("job_run_seconds_count") <= 14
    assert found.get("job_run_seconds_sum") < 60 and found.get("job_wait_seconds_sum") < 600


def test_a_page_written_over(empty_queue, daemon, add_job, wait_metrics):
    """Nothing of a page without its seals is believed."""
    db = empty_queue
    daemon(**DAEMON)
    db.wait_final(*[add_job(2) for _ in range(7)])
    wait_metrics(lambda m: m.total("jobs_finished_total") == 7)
    db.wait_final(add_job(2, CHAOS, {"act": "page", "value": -1}), timeout=30)
    db.wait_final(*[add_job(2) for _ in range(5)])
    found = wait_metrics(lambda m: m.total("jobs_finished_total", status="complete") >= 12)
    assert found.total("jobs_finished_total", status="complete") <= 13
    assert found.get("job_run_seconds_sum") < 60


# ---- the queue, and who takes part ----

NAMES = ["plain", 'quo"te', "back\\slash", "new\nline", "Zoë \u2603", "", "a=\"b\",c{}", "\\n"]


def test_queue_without_a_daemon(empty_queue, add_job, cos, metrics):
    """What waits is told from the database alone; any name of a CO comes through."""
    db = empty_queue
    ids = cos(len(NAMES))
    for co, name in zip(ids, NAMES):
        db.sql("UPDATE public.cos SET name = %s WHERE id = %s", name, co)
        add_job(co, delay=3600)
    past = db.value("SELECT date_trunc('second', now() AT TIME ZONE 'UTC') - interval '90 s'")
    add_job(ids[0], register_time=past, start_after_time=past)
    add_job(ids[0])
    add_job(ids[1], start_after_time="2001-01-01")  # due since it was registered
    db.sql("UPDATE public.cos SET status = 'S' WHERE id = %s", ids[1])
    found = metrics()
    assert found.get("database_up") == 1
    for co, name in zip(ids, NAMES):
        assert found.get("queue_waiting_jobs", co_id=co, co=name) >= 1
    assert found.get("queue_waiting_jobs", co_id=ids[0]) == 3
    assert found.get("queue_due_jobs", co_id=ids[0]) == 2
    assert 90 <= found.get("queue_oldest_due_age_seconds", co_id=ids[0]) < 150
    assert found.get("queue_oldest_due_age_seconds", co_id=ids[1]) < 60
    assert found.of("queue_oldest_due_age_seconds", co_id=ids[2]) == []
    assert found.get("co_active", co_id=ids[0]) == 1 and found.get("co_active", co_id=ids[1]) == 0
    assert found.of("supervisor_workers") == []
    for name in PER_CO:
        assert len(found.of(name)) == len(NAMES), name


def test_times_without_an_end(empty_queue, add_job, metrics):
    """Rows that no arithmetic of times survives make no error."""
    add_job(2, register_time="-infinity", start_after_time="-infinity")
    add_job(3, register_time=None, start_after_time=None)
    add_job(5, register_time="infinity", start_after_time=None)
    found = metrics()
    assert found.get("queue_oldest_due_age_seconds", co_id=2) == 315576000
    assert found.get("queue_oldest_due_age_seconds", co_id=3) < 60
    assert found.get("queue_oldest_due_age_seconds", co_id=5) == 0


def test_promtool_likes_it(empty_queue, daemon, add_job, wait_metrics):
    """The linter of Prometheus has nothing to say, of a text with everything in it."""
    daemon(**DAEMON)
    empty_queue.wait_final(add_job(2))
    add_job(2, delay=3600)
    found = wait_metrics(lambda m: m.total("jobs_finished_total") == 1)
    code, words = promtool("check", "metrics", text=found.text)
    assert code == 0 and not words, words
    manual = (ROOT / "src" / "cli" / "registry-job.1").read_text()
    described = set(re.findall(r"^\.It Li (registry_jobd_\w+)", manual, re.MULTILINE))
    told = {re.search(r"# TYPE (\S+)", line)[1] for line in found.text.splitlines()
            if line.startswith("# TYPE")}
    assert told - {"registry_jobd_database_up"} == described


def add_supervisor(db, counters):
    return db.sql("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version,"
                  " workers, lease, counters) VALUES (1, 'daemon', 'h\"\\', 1, 'b', 1, 'v', 3, '1 h',"
                  " %s) RETURNING id", counters)[0]["id"]


@pytest.mark.parametrize("counters", [None, "[]", "7", "null", '{"complete": "x"}',
                                      '{"complete": -3, "run": [1, 2]}'])
def test_supervisors_that_count_nothing(db, metrics, command, counters):
    """An older daemon has no counts, a later one other names: it is told without them."""
    old = add_supervisor(db, counters)
    found = metrics()
    assert found.get("supervisor_workers", id=old, host='h"\\') == 3
    assert found.of("jobs_finished_total") == found.of("job_run_seconds_count") == []
    shown = json.loads(command("status", "--json").stdout)["supervisors"][0]["counters"]
    assert shown == (json.loads(counters) if counters else None)


def test_status(empty_queue, daemon, add_job, command, wait_metrics):
    """status has the queue's totals, and the counts of each supervisor."""
    db = empty_queue
    done = json.loads(command("status", "--json").stdout)
    assert done["queue"] == {"waiting": 0, "due": 0, "cos": 0, "oldest_due_age_seconds": None}
    past = db.value("SELECT date_trunc('second', now() AT TIME ZONE 'UTC') - interval '3 h'")
    suspended = db.value("SELECT id FROM public.cos WHERE status = 'S' ORDER BY id")
    add_job(suspended, register_time="2020-01-01", start_after_time="2020-01-01")
    add_job(2, register_time=past, start_after_time=past)
    add_job(2, delay=3600)
    queue = json.loads(command("status", "--json").stdout)["queue"]
    assert 10800 <= queue.pop("oldest_due_age_seconds") < 10860
    assert queue == {"waiting": 3, "due": 2, "cos": 2}
    assert re.search(r"^queue: 3 waiting in 2 COs, 2 due, the oldest for 3 h$",
                     command("status").stdout, re.MULTILINE)
    daemon(**DAEMON)
    wait_metrics(lambda m: m.total("jobs_finished_total") == 1)
    supervisor = json.loads(command("status", "--json").stdout)["supervisors"][0]
    assert supervisor["counters"]["complete"] == 1 and sum(supervisor["counters"]["run"]) == 1


def test_label(db, add_job, metrics, command):
    """One more label, for several registries on one host."""
    db.sql("DELETE FROM jobd.queue")
    add_job(2)
    found = metrics("--label", 'registry=ma"in\\')
    assert all(sample.labels["registry"] == 'ma"in\\' for sample in found.samples)
    assert len(found.samples) == len(PER_CO) + 2
    for wrong in ("registry", "=x", "1a=x", "a-b=x", "__a=x", "co=x", "le=1"):
        assert command("metrics", "--label", wrong).returncode == 2, wrong


def test_with_its_own_role(db, add_job, tmp_path):
    """Needs nothing but what schema/roles.sql grants."""
    with db.conn.cursor() as cursor:
        for role in ("registry_jobd NOLOGIN", "jobd_login LOGIN"):
            cursor.execute(f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR"
                           " unique_violation THEN NULL; END $$")
        cursor.execute((ROOT / "schema" / "roles.sql").read_text())
        cursor.execute("GRANT registry_jobd TO jobd_login")
    db.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    config = write_config(tmp_path / "role.conf", conninfo=db.cluster.conninfo(db.name, "jobd_login"))
    for verb in (["metrics"], ["status", "--json"]):
        done = run_command(config, *verb)
        assert done.returncode == 0, done.stderr


# ---- the file ----

def test_output(db, add_job, command, tmp_path):
    """The whole text, readable for the node exporter, and nothing beside it."""
    path = tmp_path / "out" / "registry-jobd.prom"
    path.parent.mkdir()
    for _ in range(2):
        done = command("metrics", "--output", path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert os.listdir(path.parent) == [path.name]
    assert Metrics(path.read_text()).get("database_up") == 1


@pytest.mark.limit(120)
def test_output_is_never_half(db, cos, add_job, command, tmp_path):
    """Whoever reads while it is written sees one text or the other, and a writer may be killed."""
    for co in cos(300):
        add_job(co)
    path = tmp_path / "x.prom"
    assert command("metrics", "--output", path).returncode == 0
    whole = len(path.read_text().splitlines())
    for i in range(15):
        writer = subprocess.Popen([*command.argv, "metrics", "--output", path],
                                  stdin=subprocess.DEVNULL)
        end = time.monotonic() + i * 0.002 if i % 2 else None
        while writer.poll() is None:
            assert len(path.read_text().splitlines()) == whole
            if end and time.monotonic() > end:
                writer.kill()
        writer.wait()
    assert len(path.read_text().splitlines()) == whole


def test_output_that_fails(db, command, tmp_path):
    """The old file stays, nothing is left beside it, and the place is named."""
    (tmp_path / "directory.prom").mkdir()
    kept = tmp_path / "directory.prom" / "kept"
    kept.write_text("old")
    missing = tmp_path / "missing" / "x.prom"
    for place in (missing, tmp_path / "directory.prom"):
        done = command("metrics", "--output", place)
        assert done.returncode == 1 and f"'{place}'" in done.stderr and not done.stdout
    assert kept.read_text() == "old" and not missing.parent.exists()
    assert [name for name in os.listdir(tmp_path) if ".prom." in name] == []
    full = command("metrics", "--output", "/dev/full/x")
    assert full.returncode == 1


def test_output_over_what_is_no_file(db, command, tmp_path):
    """Neither a pipe nor a device is replaced, nor a link to one."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    for place in (pipe, link):
        done = command("metrics", "--output", place)
        assert done.returncode == 2 and f"'{place}' is not a file" in done.stderr
    assert stat.S_ISFIFO(pipe.stat().st_mode) and link.is_symlink()


def test_output_when_the_disk_is_full(db, command, tmp_path):
    """Not a byte of the old file is touched before the new one is whole."""
    path = tmp_path / "x.prom"
    path.write_text("old")
    done = subprocess.run(["prlimit", "--fsize=100", *command.argv, "metrics", "--output", path],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          timeout=30 * SLOW, preexec_fn=lambda: signal.signal(signal.SIGXFSZ,
                                                                              signal.SIG_IGN))
    assert done.returncode == 1 and f"'{path}'" in done.stderr, done.stderr
    assert path.read_text() == "old"
    assert [name for name in os.listdir(tmp_path) if name.startswith("x.prom.")] == []


@pytest.mark.parametrize("away", ["stopped", "no such database", "no such host"])
def test_database_away(server, db, command, tmp_path, away):
    """It says so, and nothing else; a file that says so is no failure."""
    config = command.config
    if away == "stopped":
        db.close()
        server.stop()
    else:
        wrong = {"no such database": f"host={server.dir} dbname=none user=postgres",
                 "no such host": "host=no-such-host.invalid dbname=x"}[away]
        config = write_config(tmp_path / "wrong.conf", conninfo=wrong)
    path = tmp_path / "x.prom"
    done = run_command(config, "metrics")
    assert done.returncode == UNAVAILABLE and done.stderr
    found = Metrics(done.stdout)
    assert found.get("database_up") == 0 and len(found.samples) == 1
    done = run_command(config, "metrics", "--output", path)
    assert done.returncode == 0 and Metrics(path.read_text()).get("database_up") == 0
    assert promtool("check", "metrics", text=path.read_text()) == (0, "")
    if away == "stopped":
        server.start()
        assert run_command(config, "metrics", "--output", path).returncode == 0
        assert Metrics(path.read_text()).get("database_up") == 1


def test_without_the_schema(plain_db, tmp_path):
    """What is wrong is said; a database that answers is not called down."""
    config = write_config(tmp_path / "plain.conf", conninfo=plain_db.conninfo)
    path = tmp_path / "x.prom"
    done = run_command(config, "metrics", "--output", path)
    assert done.returncode == 1 and "schema install" in done.stderr and not path.exists()


@pytest.mark.limit(120)
def test_a_lock_is_not_waited_for_long(db, command, tmp_path):
    """Somebody who holds everything costs the monitoring seconds, not minutes."""
    other = db.connect(autocommit=False)
    other.cursor().execute("LOCK TABLE public.jobs, jobd.queue IN ACCESS EXCLUSIVE MODE")
    begun = time.monotonic()
    done = command("metrics", timeout=60)
    assert done.returncode == 1 and "lock" in done.stderr
    assert time.monotonic() - begun < 30 * SLOW
    other.close()


@pytest.mark.limit(120)
def test_a_silent_server_is_not_waited_for_long(server, db, command, tmp_path):
    """One that takes connections and says nothing is away, too."""
    db.close()
    postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
    path = tmp_path / "x.prom"
    begun = time.monotonic()
    os.kill(postmaster, signal.SIGSTOP)
    try:
        done = command("metrics", "--output", path, timeout=60)
    finally:
        os.kill(postmaster, signal.SIGCONT)
    assert done.returncode == 0, done.stderr
    assert Metrics(path.read_text()).get("database_up") == 0
    assert time.monotonic() - begun < 20 * SLOW


# ---- what it costs ----

def plan_of(db, name, argument=""):
    """As our connections run it: the plan of a prepared statement, and what it really read."""
    conn = psycopg2.connect(db.conninfo)
    with conn, conn.cursor() as cursor:
        text = (ROOT / "src" / "db" / "connect.c").read_text()
        for setting in re.findall(r"SET (?:jit|enable_seqscan|plan_cache_mode) = \w+", text):
            cursor.execute(setting)
        statement = (ROOT / "src" / "db" / "sql" / f"{name}.sql").read_text()
        cursor.execute(f"PREPARE asked AS {statement}")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{argument}")
        top = cursor.fetchone()[0][0]
    conn.close()
    return top


def buffers_of(node, table):
    """How often each kind of scan read `table`: {(node type, index): loops}."""
    found = collections.Counter()
    if node.get("Relation Name") == table:
        found[node["Node Type"], node.get("Index Name")] += node["Actual Loops"]
    for child in node.get("Plans", []):
        found += buffers_of(child, table)
    return found


@pytest.mark.limit(180)
@pytest.mark.parametrize("statement, argument", [("metrics_cos", "(10001)"), ("queue_summary", "")])
def test_cost_does_not_depend_on_history(empty_queue, cos, statement, argument):
    """20,000 that wait in 50 COs: with 40,000 jobs more that have ended it reads no more."""
    db = empty_queue
    ids = cos(50)
    db.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, register_time,"
           " start_after_time, created) SELECT %s + i %% 50, 'P.M', '[]', 'Q', jobd.registry_now(),"
           " jobd.registry_now(), now() FROM generate_series(1, 20000) i", ids[0])
    db.sql("ANALYZE jobd.queue")
    costs = []
    for _ in range(2):
        top = plan_of(db, statement, argument)["Plan"]
        read = buffers_of(top, "jobs")
        assert set(read) == {("Index Scan", "jobs_pkey")} and sum(read.values()) <= 60, read
        assert sum(buffers_of(top, "queue").values()) == 1
        costs.append(top["Shared Hit Blocks"] + top["Shared Read Blocks"])
        db.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT %s + i %% 50, 'P.M',"
               " 'OK', now() FROM generate_series(1, 40000) i", ids[0])
    assert costs[1] <= costs[0] + 200, costs


@pytest.mark.limit(180)
def test_not_more_than_so_many_cos(empty_queue, cos, command):
    """10,050 COs that wait: those with most that are due are told, and that there are more."""
    db = empty_queue
    ids = cos(10050)
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, register_time, created)"
           " SELECT %s + i %% 10050, 'P.M', 'Q', now(), now() FROM generate_series(0, 10059) i",
           ids[0])
    done = command("metrics")
    assert done.returncode == 0 and "10000 COs" in done.stderr
    found = Metrics(done.stdout)
    assert len(found.of("queue_due_jobs")) == 10000
    assert found.of("queue_due_jobs").count(2) == 10
    assert command("metrics", "--quiet").stderr == ""


# ---- the alerts ----

def test_rules():
    """Well-formed, and each alert fires when it should and not otherwise; all name known metrics."""
    code, words = promtool("check", "rules", RULES)
    assert code == 0, words
    code, words = promtool("test", "rules", RULES_TEST)
    assert code == 0, words
    rules, test = RULES.read_text(), RULES_TEST.read_text()
    alerts = re.findall(r"alert: (\w+)", rules)
    assert alerts and all(f'alertname="{alert}"' in test for alert in alerts)
    manual = (ROOT / "src" / "cli" / "registry-job.1").read_text()
    for name in re.findall(r"registry_jobd_\w+", rules):
        assert name in manual, name
