"""Models that are external programs, mapped in the configuration."""
import json
import os
import pathlib

import pytest
from conftest import DEFAULTS, is_gone, run_command, wait_for, write_config

TOP = pathlib.Path(__file__).resolve().parents[2]
MODEL = "CoreJob.ProvisionerJob"


@pytest.fixture
def program(tmp_path):
    """program(text): an executable shell script."""
    def write(text):
        path = tmp_path / "program"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path
    return write


def keys(command, **more):
    return {MODEL: {"command": command, "parameter.model": "select(Groups,People) required",
                    "parameter.provisioning_target_id": "fk required",
                    "parameter.entities": "string", **more}}


def test_real_program_on_the_real_table(empty_queue, daemon, add_job, tmp_path):
    """Every person of the CO as LDIF, each with a history record that is linked to them."""
    tmp_path.chmod(0o1777)
    ldif = tmp_path / "out dir"
    program = TOP / "tests/programs/provision-ldif"
    daemon(exec_models=keys(f'{program} --ldif "{ldif}" --conninfo "{empty_queue.owners}"'))
    job = add_job(3, MODEL, {"model": "People", "provisioning_target_id": 2})
    assert empty_queue.wait_final(job)[0]["status"] == "OK"
    row = empty_queue.job(job)
    assert row["finish_summary"] == f"wrote 120 people to co3-job{job}-people.ldif"
    assert row["percent_complete"] == 100
    text = (ldif / f"co3-job{job}-people.ldif").read_text()
    assert text.count("\ndn: ") + text.startswith("dn: ") == 120
    linked = empty_queue.value(
        "SELECT count(DISTINCT h.person_id) FROM job_history_records h JOIN people p"
        " ON p.id = h.person_id AND p.co_id = 3 WHERE h.job_id = %s AND h.status = 'OK'", job)
    assert linked == 120


def test_environment_and_parameters(empty_queue, daemon, add_job, program):
    """Ids in the environment, parameters on standard input, nothing else of ours."""
    script = program('read -r line\n'
                     'echo "{\\"record\\": {\\"status\\": \\"OK\\", \\"key\\": \\"ids\\", \\"comment\\":'
                     ' \\"$REGISTRY_JOB_ID $REGISTRY_CO_ID $REGISTRY_JOB_PLUGIN\\"}}"\n'
                     'case $line in *\'"entities":17\'*) exit 0;; esac\n'
                     'exit 9\n')
    daemon(exec_models=keys(script))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1, "entities": 17})
    assert empty_queue.wait_final(job)[0]["status"] == "OK"
    assert empty_queue.value("SELECT comment FROM job_history_records WHERE job_id = %s",
                             job) == f"{job} 2 {MODEL}"


def test_exit_code(empty_queue, daemon, add_job, program):
    """A failed program is a Failed job that says how, and its retry."""
    daemon(exec_models=keys(program("exit 3\n")))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1}, retry_interval=60)
    row, = empty_queue.wait_final(job)
    assert row["status"] == "X" and "exited with code 3" in row["finish_summary"]
    assert empty_queue.value("SELECT count(*) FROM jobs WHERE requeued_from_job_id = %s", job) == 1


LDAP_SAYS = 'echo "connecting" >&2\necho >&2\necho "no LDAP: timed out" >&2\n'


def test_last_words_of_a_failed_program(empty_queue, daemon, add_job, program):
    """What it wrote last to standard error is in the summary, where it gave none; the last lines are a
    history record. Nothing of it where the job is Complete."""
    running = daemon(exec_models=keys(program(LDAP_SAYS + "read -r line\ncase $line in *7*) exit 0;; esac\n"
                                              'case $line in *8*) echo \'{"summary": "own"}\';; esac\nexit 3\n')))
    failed, own, done = (add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1, "entities": n})
                         for n in (6, 8, 7))
    rows = {row["id"]: row for row in empty_queue.wait_final(failed, own, done)}
    assert rows[failed]["finish_summary"].endswith("' exited with code 3: no LDAP: timed out")
    assert rows[own]["finish_summary"] == "own (exit code 3)"
    assert rows[done]["status"] == "OK" and rows[done]["finish_summary"] == "Completed"
    for job in (failed, own):
        assert [(r["record_key"], r["status"], r["comment"]) for r in empty_queue.history(job)] \
            == [("standard error", "NT", "connecting | no LDAP: timed out")]
    assert not empty_queue.history(done)
    assert running.count(rf"job {failed}: no LDAP: timed out") == 1


def test_last_words_are_hostile(empty_queue, daemon, add_job, program):
    """A megabyte in one line, bytes that are no UTF-8, a NUL and controls: cut, and made text."""
    daemon(exec_models=keys(program("head -c 1000000 /dev/zero | tr '\\0' x >&2\necho >&2\n"
                                    "printf 'a\\033[2Jb\\377c\\000d\\r\\n' >&2\nexit 1\n")))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1})
    row, = empty_queue.wait_final(job)
    assert row["finish_summary"].endswith("' exited with code 1: a?[2Jb?c?d")
    record, = empty_queue.history(job)
    assert record["comment"] == "a?[2Jb?c?d"


def test_statuses_of_records(empty_queue, daemon, add_job, program):
    """Every word and every code is stored as the Registry has it."""
    words = ["OK", "ok", "X", "failed", "NT", "notice", "CX", "canceled"]
    script = program("".join(f'echo \'{{"record": {{"key": "{word}", "status": "{word}"}}}}\'\n'
                             for word in words))
    daemon(exec_models=keys(script))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1})
    assert empty_queue.wait_final(job)[0]["status"] == "OK"
    codes = {row["record_key"]: row["status"] for row in empty_queue.history(job)}
    assert [codes[word] for word in words] == ["OK", "OK", "X", "X", "NT", "NT", "CX", "CX"]


@pytest.mark.limit(90)
def test_many_lines(empty_queue, daemon, add_job, program):
    """More lines than the log takes cost a job nothing: they are dropped, and counted."""
    script = program("seq 1000100 >&2\n"
                     'echo "{\\"summary\\": \\"said it all\\"}"\n')
    running = daemon(exec_models=keys(script))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1})
    row, = empty_queue.wait_final(job, timeout=80)
    assert row["status"] == "OK" and row["finish_summary"] == "said it all"
    assert running.count(rf"job {job}: the program wrote 100 more lines, which the log") == 1


def test_cancel_reaches_the_program(empty_queue, daemon, add_job, program, tmp_path):
    """The signal of the configuration; the row stays Canceled; nothing of the program is left."""
    tmp_path.chmod(0o1777)
    mark = tmp_path / "mark"
    script = program(f'trap \'echo stopped >>"{mark}"; exit 0\' USR1\n'
                     f'echo running >>"{mark}"\n'
                     'while :; do sleep 0.05; done\n')
    daemon(exec_models=keys(script, cancel_signal="USR1"))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1})
    following = add_job(2, "Example.NoopJob", {})
    wait_for(mark.exists)
    empty_queue.sql("UPDATE jobs SET status = 'CX' WHERE id = %s AND status = 'GO'", job)
    empty_queue.wait_final(following)
    assert mark.read_text().split() == ["running", "stopped"]
    assert empty_queue.status(job) == "CX"


def test_kill_of_the_worker_ends_the_program(empty_queue, daemon, add_job, program, tmp_path):
    """Law 4: when the worker dies, what it called dies with it, before the next job begins."""
    tmp_path.chmod(0o1777)
    pids = tmp_path / "pids"
    daemon(exec_models=keys(program(f'sleep 600 & echo $! >>"{pids}"; echo $$ >>"{pids}"; wait\n')))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1})
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)

    os.kill(empty_queue.job(job)["assigned_pid"], 9)
    row, = empty_queue.wait_final(job)
    assert "killed by SIGKILL" in row["finish_summary"]

    wait_for(lambda: all(is_gone(pid) for pid in pids.read_text().split()))


def test_secret_parameter(empty_queue, db, program, tmp_path):
    """A secret value is stored, and in no message and no listing."""
    config = write_config(
        tmp_path / "secret.conf",
        {MODEL: {"command": program("exit 0\n"), "parameter.token": "string required secret",
                 "parameter.pin": "integer secret"}},
        **{**DEFAULTS, "conninfo": db.conninfo})
    refused = run_command(config, "-c", 2, "-j", MODEL, "token=x", "pin=hunter2")
    assert refused.returncode == 1 and "pin" in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout
    done = run_command(config, "-c", 2, "-j", MODEL, "token=hunter2")
    job = int(done.stdout)
    assert json.loads(empty_queue.job(job)["parameters"])["token"] == "hunter2"
    for arguments in (["show", job], ["show", job, "--json"], ["list"], ["list", "--json"]):
        shown = run_command(config, *arguments)
        assert shown.returncode == 0 and "hunter2" not in shown.stdout


def test_links_to_people_of_other_cos(empty_queue, daemon, add_job, program):
    """They are left out, and that is said once a job; the records are written."""
    ours, theirs = (empty_queue.value("SELECT min(id) FROM people WHERE co_id = %s AND person_id IS NULL", co)
                    for co in (2, 3))
    script = program("".join(f'echo \'{{"record": {{"status": "OK", "key": "k", "person_id": {person}}}}}\'\n'
                             for person in (theirs, ours, theirs)))
    running = daemon(exec_models=keys(script))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1})
    assert empty_queue.wait_final(job)[0]["status"] == "OK"
    assert [r["person_id"] for r in empty_queue.history(job)] == [None, ours, None]
    assert running.count(rf"job {job}: 2 links of its history records to people who are not of its CO left out") == 1
