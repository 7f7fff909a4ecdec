"""What a job may use, what it has used, and whether it shows a sign of life."""
import contextlib
import json
import os
import pathlib
import re
import resource
import subprocess
import sys

import pytest
from chaos import CHAOS, ENDED, IS_SANITIZED, LOAD, OTHER, Bystander, ended, records
from conftest import COMMAND, DAEMON, DEFAULTS, ROOT, run_command, wait_for, write_config

EXEC = "CoreJob.ProvisionerJob"
PROBE = ROOT / "tests/system/journal_probe.py"
USAGE = (r"; ran (\d+\.\d) s, CPU time (\d+\.\d) s, peak memory of its worker (\d+\.\d) MB$")


@pytest.fixture
def program(tmp_path):
    """program(text): the keys of a model that is this shell script."""
    def write(text):
        path = tmp_path / "program"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return {EXEC: {"command": path, "parameter.model": "string"}}
    return write


def usage(db, job):
    """(seconds, CPU seconds, MB) as the record says."""
    comment = ended(db, job)
    found = re.search(USAGE, comment)
    assert found, comment
    return tuple(float(word) for word in found.groups())


def following(db, add_job, co):
    """The CO goes on, in a worker that is not limited by what was."""
    job = add_job(co, CHAOS, {"act": "nothing"})
    assert db.wait_final(job)[0]["status"] == "OK"


# ---- limits ----

def test_memory_limit(empty_queue, daemon, add_job):
    """A job that grows is ended with the limit's name; the same model without it is not."""
    db = empty_queue
    daemon(load=LOAD, limits={OTHER: {"memory": "64M"}})
    bystander = Bystander(db, add_job, (3, 4))
    job = add_job(2, OTHER, {"act": "memory", "value": 1500})
    print("injected: a job that grows to 1500 MB, of 64 MB that it may")
    row, = db.wait_final(job)
    assert row["status"] == "X"
    assert row["finish_summary"] == "ended by its memory limit (killed by SIGKILL)"
    assert 60 < usage(db, job)[2] < 600
    following(db, add_job, 2)
    bystander.check()
    print("checked:", row["finish_summary"])


@pytest.mark.skipif(IS_SANITIZED, reason="the sanitizer reports an allocation that fails")
def test_memory_limit_at_once(empty_queue, daemon, add_job):
    """A job that takes all of it at once: its allocation fails, or the watch ends it."""
    db = empty_queue
    daemon(load=LOAD, limits={"": {"memory": "64M"}})
    job = add_job(2, CHAOS, {"act": "memory_fast", "value": 1500})
    print("injected: a job that takes 1500 MB at once and aborts without them")
    row, = db.wait_final(job)
    assert row["status"] == "X"
    assert re.search("memory limit|SIGABRT", row["finish_summary"])
    assert usage(db, job)[2] < 600
    following(db, add_job, 2)
    print("checked:", row["finish_summary"])


def test_cpu_time_limit(empty_queue, daemon, add_job, cos):
    """A job that burns CPU time is ended, one that ignores SIGXCPU too, one that waits is not."""
    db = empty_queue
    daemon(load=LOAD, limits={"": {"cpu_time": "1s"}})
    bystander = Bystander(db, add_job, cos(2))
    jobs = [add_job(co, CHAOS, {"act": act, "value": 600000})
            for co, act in ((2, "cpu"), (3, "cpu_ignoring"))]
    print("injected: jobs that burn CPU time without end, of 1 s that they may")
    for row in db.wait_final(*jobs):
        assert row["status"] == "X"
        assert row["finish_summary"].startswith("ended by its CPU time limit (killed by SIG")
        assert 0.9 <= usage(db, row["id"])[1] <= 4
    following(db, add_job, 2)
    bystander.check()
    print("checked: ended by the limit after 1 s, with what they used")


def test_run_time_limit(empty_queue, daemon, add_job, cos, program):
    """Asked as by a cancel, then SIGTERM, then SIGKILL: whichever the job needs."""
    db = empty_queue
    daemon(load=LOAD, workers=8, limits={"Chaos": {"run_time": "1s"}, EXEC: {"run_time": "1s"}},
           exec_models=program("exec sleep 600\n"))
    bystander = Bystander(db, add_job, cos(2))
    jobs = [add_job(2, CHAOS, {"act": "obey"}, retry_interval=3600),
            add_job(3, CHAOS, {"act": "pause"}), add_job(4, CHAOS, {"act": "loop_blocked"}),
            add_job(1, EXEC, {})]
    print("injected: jobs that obey, wait, loop with signals blocked, and a program that sleeps")
    obeys, waits, blocks, runs = db.wait_final(*jobs, timeout=30)
    assert {row["status"] for row in (obeys, waits, blocks, runs)} == {"X"}
    assert obeys["finish_summary"] == "ended by its run time limit: obeyed"
    assert waits["finish_summary"] == "ended by its run time limit (killed by SIGTERM)"
    assert blocks["finish_summary"] == "ended by its run time limit (killed by SIGKILL)"
    assert runs["finish_summary"].startswith("ended by its run time limit")
    assert ENDED not in records(db, jobs[0])
    assert db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s", jobs[0])
    following(db, add_job, 4)
    bystander.check()
    print("checked: each is Failed by its run time limit, and names what it took")


def test_open_files_limit(empty_queue, daemon, add_job):
    """Opening one more fails, which is the plugin's to handle: the worker is not hurt."""
    db = empty_queue
    daemon(load=LOAD, limits={"Chaos": {"open_files": 60}})
    jobs = [add_job(2, CHAOS, {"act": "open_descriptors", "value": n}) for n in (2000, 5)]
    print("injected: a job that opens 2000 files, of 60 that it may")
    many, few = db.wait_final(*jobs)
    assert many["status"] == "X" and "Too many open files" in many["finish_summary"]
    assert int(many["finish_summary"].split()[0]) < 60
    assert few["status"] == "OK"
    assert many["assigned_pid"] == few["assigned_pid"] and ENDED not in records(db, jobs[0])
    print("checked:", many["finish_summary"], "- and the next job runs in the same worker")


def test_overrides(empty_queue, daemon, add_job):
    """A plugin's section counts before the general one, a model's before its plugin's."""
    db = empty_queue
    daemon(load=LOAD, limits={"": {"run_time": "1s"}, "Chaos": {"run_time": "0"},
                              OTHER: {"run_time": "500ms"}})
    general = add_job(2, "Example.CountJob", {"sleep_ms": 600000})
    of_plugin = add_job(3, CHAOS, {"act": "obey"})
    db.wait_status(of_plugin, "GO")
    of_model = add_job(4, OTHER, {"act": "obey"})
    for row in db.wait_final(general, of_model):
        assert row["finish_summary"].startswith("ended by its run time limit")
    assert db.status(of_plugin) == "GO"
    print("checked: 1 s for all, none for Chaos, 500 ms for Chaos.OtherJob")


def test_limits_after_a_reload(empty_queue, daemon, add_job):
    """New limits hold for workers that are forked from then on."""
    db = empty_queue
    running = daemon(load=LOAD, max_jobs_per_worker=1)
    before = add_job(2, CHAOS, {"act": "obey"})
    db.wait_status(before, "GO")
    running.reload(limits={"": {"run_time": "500ms"}})
    running.wait_log("reloaded the configuration")
    after = add_job(3, CHAOS, {"act": "obey"})
    row, = db.wait_final(after)
    assert row["finish_summary"].startswith("ended by its run time limit")
    assert db.status(before) == "GO"
    print("checked: the job that ran already is left alone, the next one is limited")


def test_limits_of_a_program(empty_queue, daemon, add_job, program):
    """An external program has its own CPU time, memory and descriptors; its worker lives on."""
    db = empty_queue
    text = """read -r parameters
case $parameters in
*cpu*) while :; do :; done;;
*memory*) exec /usr/bin/python3 -c 'print(len(bytearray(1500 << 20)))';;
*files*) [ "$(ulimit -n)" = 40 ];;
esac
"""
    daemon(load=LOAD, exec_models=program(text),
           limits={EXEC: {"cpu_time": "1s", "memory": "64M", "open_files": "40"}})
    jobs = [add_job(2, EXEC, {"model": what}) for what in ("files", "memory", "cpu")]
    files, memory, cpu = db.wait_final(*jobs)
    assert files["status"] == "OK"
    assert memory["status"] == cpu["status"] == "X"
    assert re.search("exited with code|memory limit", memory["finish_summary"])
    assert re.search("SIGXCPU|CPU time limit", cpu["finish_summary"])
    assert files["assigned_pid"] == cpu["assigned_pid"]
    print("checked:", memory["finish_summary"], "/", cpu["finish_summary"])


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


# ---- what was used ----

@pytest.mark.parametrize("then, words", [("kill", "killed by SIGKILL"), ("exit", "exit code 7")])
def test_usage_of_a_death(empty_queue, daemon, add_job, then, words):
    """One record says how it ended, how long it ran, and what it used."""
    db = empty_queue
    daemon(load=LOAD)
    job = add_job(2, CHAOS, {"act": "cpu", "value": 500, "then": then})
    row, = db.wait_final(job)
    assert row["finish_summary"] == f"terminated unexpectedly ({words})"
    assert ended(db, job)
    record, = db.history(job)
    assert (record["record_key"], record["status"]) == (ENDED, "NT")
    assert record["comment"].startswith(row["finish_summary"])
    wall, cpu, peak = usage(db, job)
    assert 0.4 <= cpu <= 2 and wall >= 0.4 and 1 < peak < 1000
    print("checked:", record["comment"])


@pytest.mark.skipif(IS_SANITIZED, reason="sanitizers switch core dumps off")
def test_usage_with_a_core(empty_queue, daemon, add_job, tmp_path):
    """A core that was dumped is mentioned."""
    db = empty_queue
    tmp_path.chmod(0o1777)
    running = daemon(load=LOAD, core_dumps="yes")
    try:
        resource.prlimit(running.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    except PermissionError:
        pytest.skip("this user may not raise the limit of core dumps")
    job = add_job(2, CHAOS, {"act": "signal", "value": 11, "path": str(tmp_path)})
    row, = db.wait_final(job)
    assert row["finish_summary"] == "terminated unexpectedly (killed by SIGSEGV, core dumped)"
    assert "core dumped" in ended(db, job)
    print("checked:", ended(db, job))


def may_unshare():
    return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"],
                          capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="this user may not make a mount namespace")
def test_usage_in_the_journal(empty_queue, add_job, tmp_path):
    """The same in the journal, with fields to search for."""
    db = empty_queue
    config = write_config(tmp_path / "conf", **{**DEFAULTS, "conninfo": db.conninfo, "load": LOAD})
    job = add_job(2, CHAOS, {"act": "cpu", "value": 300, "then": "kill"})
    watch = f"{COMMAND} --config {config} watch {job} || :"
    done = subprocess.run(["unshare", "--mount", "--net", sys.executable, PROBE, DAEMON, config],
                          input=watch, capture_output=True, text=True, timeout=120, check=True)
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    entry, = [entry for entry in entries
              if entry.get("JOB_ID") == str(job) and entry.get("JOB_STATUS") == "X"]
    assert entry["CO_ID"] == "2" and entry["PLUGIN"] == CHAOS
    assert re.search("killed by SIGKILL.*CPU time", entry["MESSAGE"])
    assert int(entry["JOB_CPU_USEC"]) >= 250000 and int(entry["JOB_WALL_USEC"]) >= 250000
    assert int(entry["WORKER_PEAK_MEMORY"]) > 1000000
    print("checked:", entry["MESSAGE"])


@contextlib.contextmanager
def memory_group(limit):
    """A memory cgroup of our own, version 1 or 2: move(pid) puts a process into it."""
    name = f"registry-jobd-test-{os.getpid()}"
    first, second = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")
    group, key = first / name, "memory.limit_in_bytes"
    try:
        if not (first / key).exists():
            (second / "cgroup.subtree_control").write_text("+memory")
            group, key = second / name, "memory.max"
        group.mkdir()
        (group / key).write_text(str(limit))
    except OSError as error:
        pytest.skip(f"no memory cgroup to be had: {error}")
    with contextlib.suppress(OSError):
        (group / "memory.swap.max").write_text("0")
    try:
        yield lambda pid: (group / "cgroup.procs").write_text(str(pid))
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text(), what="the cgroup is empty")
        group.rmdir()


def test_out_of_memory(empty_queue, daemon, add_job):
    """The kernel's OOM killer is named in the outcome."""
    db = empty_queue
    daemon(load=LOAD)
    bystander = Bystander(db, add_job, (3, 4))
    with memory_group(96 << 20) as move:
        job = add_job(2, CHAOS, {"act": "memory", "value": 2000})
        move(db.wait_status(job, "GO")["assigned_pid"])
        print("injected: a cgroup with 96 MB for a worker whose job takes 2000 MB")
        row, = db.wait_final(job)
    assert row["status"] == "X"
    assert re.search(r"killed by SIGKILL.*OOM killer", row["finish_summary"])
    assert "OOM killer" in ended(db, job) and usage(db, job)[2] > 50
    following(db, add_job, 2)
    bystander.check()
    print("checked:", ended(db, job))


# ---- stalls ----

def test_stall(empty_queue, daemon, add_job):
    """No sign of life: one warning, shown in the lane; then one line that it goes on."""
    db = empty_queue
    running = daemon(load=LOAD, stall="1s", heartbeat="1s", lease="5s")
    stalled = add_job(2, CHAOS, {"act": "silent", "value": 4500})
    lively = add_job(3, CHAOS, {"act": "progress", "value": 5000})
    print("injected: a job that is silent for 4.5 s, of 1 s that it may, and one that is not")
    running.wait_log(rf"<4>.*job {stalled}: no sign of life")
    lane = "SELECT stalled_job, stalled_since FROM jobd.lane WHERE co_id = 2"
    wait_for(lambda: db.sql(lane)[0]["stalled_job"] == stalled)
    assert db.sql(lane)[0]["stalled_since"] is not None
    running.wait_log(rf"job {stalled}: goes on")
    wait_for(lambda: db.sql(lane)[0]["stalled_job"] is None)
    db.wait_final(lively)
    db.cancel(stalled)
    db.wait_idle()
    assert running.count(rf"job {stalled}: no sign of life") == 1
    assert running.count(rf"job {stalled}: goes on") == 1
    assert not running.count(rf"job {lively}: no sign of life")
    print("checked: told once, seen in the lane, taken back once; the other never told of")


def test_no_stall_is_told(empty_queue, daemon, add_job):
    """stall = 0: never; and a job that ends while it is stalled does not 'go on'."""
    db = empty_queue
    running = daemon(load=LOAD, stall="1s", heartbeat="1s", lease="5s", cancel_grace="100ms")
    job = add_job(2, CHAOS, {"act": "pause"})
    running.wait_log(rf"job {job}: no sign of life")
    db.cancel(job)
    following(db, add_job, 2)
    db.wait_idle()
    assert not running.count(rf"job {job}: goes on")
    running.reload(stall="0")
    running.wait_log("reloaded the configuration")
    silent = add_job(2, CHAOS, {"act": "silent", "value": 2500})
    db.wait_status(silent, "GO")
    wait_for(lambda: db.job(silent)["percent_complete"])
    assert not running.count(rf"job {silent}: no sign of life")
    db.cancel(silent)
    print("checked: no line for a job that ended, none at all with stall = 0")
