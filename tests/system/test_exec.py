"""Models that are external programs, mapped in the configuration."""
import json
import os
import pathlib

import pytest
from conftest import DEFAULTS, run_command, wait_for, write_config

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
    tmp_path.chmod(0o777)
    ldif = tmp_path / "out dir"
    program = TOP / "tests/programs/provision-ldif"
    daemon(exec_models=keys(f'{program} --ldif "{ldif}" --conninfo "{empty_queue.conninfo}"'))
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


def test_cancel_reaches_the_program(empty_queue, daemon, add_job, program, tmp_path):
    """The signal of the configuration; the row stays Canceled; nothing of the program is left."""
    tmp_path.chmod(0o777)
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
    tmp_path.chmod(0o777)
    pids = tmp_path / "pids"
    daemon(exec_models=keys(program(f'sleep 600 & echo $! >>"{pids}"; echo $$ >>"{pids}"; wait\n')))
    job = add_job(2, MODEL, {"model": "People", "provisioning_target_id": 1})
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)

    os.kill(empty_queue.job(job)["assigned_pid"], 9)
    row, = empty_queue.wait_final(job)
    assert "killed by SIGKILL" in row["finish_summary"]

    def is_gone(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True
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
