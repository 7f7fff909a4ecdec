"""A configuration that is not right: the verbs that only look work all the same, a program that is
not there takes its own model away and nothing else, and a damaged plugin ends nobody but a child."""
import json
import os
import re
import shutil

import pytest
from conftest import DAEMON, DEFAULTS, PLUGINS, run_command, wait_for, write_config
from test_unprovided import models, run_behind

OK, CONFIG = 0, 78
MODEL, COUNT = "Own.ShellJob", "Example.CountJob"


@pytest.fixture
def queue(empty_queue):
    return empty_queue


@pytest.fixture
def program(tmp_path):
    return tmp_path / "program"


@pytest.fixture
def exec_models(program):
    return {MODEL: {"command": program, "parameter.name": "string required"}}


def put(program):
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)


# ---- a program that is not there ----

def test_missing_program(queue, daemon, command, add_job, program, exec_models):
    """The daemon starts, everything else runs, its jobs wait and say why, and a reload finds it."""
    running = daemon(exec_models=exec_models)
    problem = f'[exec "{MODEL}"]: command \'{program}\' cannot be executed: No such file or directory'
    job = add_job(2, MODEL, {"name": "Ada"})
    run_behind(queue, add_job, 3)
    assert queue.status(job) == "Q" and MODEL not in models(queue)
    assert running.count(re.escape(problem)) == 1
    assert problem in json.loads(command("why", job, "--json").stdout)["sentence"]
    assert problem in command("status").stdout
    found = command("doctor").stdout
    assert re.search(rf"^error +models .*{re.escape(problem)}\n +-> .*reload", found, re.MULTILINE), found
    put(program)
    running.reload()
    assert queue.wait_final(job)[0]["status"] == "OK"
    assert "cannot be executed" not in command("doctor").stdout


def test_reload_takes_no_model_away(queue, daemon, add_job, program, exec_models):
    """A reload that does not find a program which is there, or a new one, changes nothing; one that
    was missing before keeps nothing else from being found."""
    other = program.with_name("other")
    put(program)
    running = daemon(exec_models={**exec_models, "Own.OtherJob": {"command": other, "parameters": "any"}})
    wait_for(lambda: MODEL in models(queue))
    program.rename(program.with_name("away"))
    running.reload()
    running.wait_log("the configuration stays as it was")
    assert MODEL in models(queue) and running.count(re.escape(f'[exec "{MODEL}"]: command')) == 1
    running.exec_models = {**running.exec_models, "Own.ThirdJob": {"command": program, "parameters": "any"}}
    program.with_name("away").rename(program)
    running.reload()
    running.wait_log("reloaded the configuration")
    assert "Own.ThirdJob" in wait_for(lambda: "Own.ThirdJob" in models(queue) and models(queue))
    running.exec_models = {**running.exec_models, "Own.FourthJob": {"command": "/nowhere", "parameters": "any"}}
    running.reload()
    running.wait_log("the configuration stays as it was", times=2)
    put(other)
    job = add_job(2, "Own.OtherJob")
    del running.exec_models["Own.FourthJob"]
    running.reload()
    assert queue.wait_final(job)[0]["status"] == "OK"


def test_another_model_has_another_reason(queue, daemon, command, add_job, exec_models):
    """`why` names what concerns the job."""
    daemon(exec_models=exec_models)
    job = add_job(2, "Other.ShellJob")
    run_behind(queue, add_job, 3)
    sentence = json.loads(command("why", job, "--json").stdout)["sentence"]
    assert "no daemon provides Other.ShellJob;" in sentence and MODEL not in sentence


def test_missing_program_fails_no_job(queue, daemon, add_job, exec_models):
    """Nor with unknown_models = fail."""
    daemon(exec_models=exec_models, unknown_models="fail")
    job, behind = add_job(2, MODEL, {"name": "Ada"}), add_job(2)
    run_behind(queue, add_job, 3)
    assert [queue.status(one) for one in (job, behind)] == ["Q", "Q"]


def test_missing_program_and_the_command(queue, tmp_path, program, exec_models):
    """It can be registered for, and is not run; --check and doctor name it."""
    config = write_config(tmp_path / "own.conf", exec_models, **{**DEFAULTS, "conninfo": queue.conninfo})
    words = f'[exec "{MODEL}"]: command \'{program}\' cannot be executed'
    checked = run_command(config, "--check", program=DAEMON)
    assert checked.returncode == CONFIG and words in checked.stderr
    assert run_command(config, "list").returncode == OK
    assert re.search(rf"^error +configuration {re.escape(words)}", run_command(config, "doctor").stdout,
                     re.MULTILINE)
    listed = run_command(config, "plugins")
    assert listed.returncode == OK and words in listed.stderr and MODEL not in listed.stdout
    done = run_command(config, "-c", 2, "-j", MODEL, "-s", "name=Ada")
    assert done.returncode == CONFIG and words in done.stderr
    assert queue.value("SELECT count(*) FROM jobs") == 0
    assert "'name' is required" in run_command(config, "-c", 2, "-j", MODEL).stderr
    assert queue.status(int(run_command(config, "-c", 2, "-j", MODEL, "name=Ada").stdout)) == "Q"


# ---- a configuration with an error ----

LOOKS = [["list"], ["show", "{}"], ["history", "{}"], ["log", "{}"], ["why", "{}"], ["status"],
         ["queue"], ["top"], ["metrics"], ["watch", "{}"], ["complete", "jobs"]]


@pytest.fixture
def broken(queue, command):
    """broken(text): what stands in the configuration beside [database]."""
    def write(text):
        command.config.write_text(f"[database]\nconninfo = {queue.conninfo}\n{text}")
        return command
    return write


@pytest.mark.parametrize("verb", LOOKS, ids=lambda verb: verb[0])
def test_looking_needs_the_database_only(queue, broken, add_job, verb):
    """The error is said, and what was asked for is shown."""
    job = add_job(2, status="OK")
    done = broken("[pool]\nworkers = many\n")(*(word.format(job) for word in verb))
    assert done.returncode == OK, done.stderr
    assert done.stdout
    assert ("workers must be" in done.stderr) == (verb[0] != "complete")


@pytest.mark.parametrize("words", [["retry", "1"], ["plugins"],
                                   ["-c", "2", "-j", COUNT], ["-r", "-c", "2"]], ids=lambda words: words[0])
def test_hands_off(queue, broken, words):
    """Who needs to know the models is refused."""
    done = broken("[pool]\nworkers = many\n")(*words)
    assert done.returncode == CONFIG and "workers must be" in done.stderr and not done.stdout


def test_the_night_is_bad_enough(queue, broken, add_job):
    """A misspelt word elsewhere keeps nobody from stopping what has to stop."""
    command = broken("[pool]\nworkers = many\n")
    job, gone = add_job(2), add_job(3, status="GO", assigned_host="elsewhere", assigned_pid=1)
    for words, shows in ((["hold", "-c", 2], "is held"), (["release", "-c", 2], "is released"),
                         (["cancel", job], "canceled"), (["settle", gone, "--force"], "failed")):
        done = command(*words)
        assert done.returncode == OK and "workers must be" in done.stderr, done.stderr
        assert shows in done.stdout + done.stderr
    assert [queue.status(one) for one in (job, gone)] == ["CX", "X"]


def test_doctor_names_it(broken):
    """As a finding, and nothing of models, which are not known."""
    done = broken("[pool]\nworkers = many\n[limits \"Example\"]\nmemry = 1G\n")("doctor", "--json")
    found = [f for f in json.loads(done.stdout)["checks"] if f["check"] == "configuration"]
    assert [f["result"] for f in found] == ["error", "error"]
    assert "workers must be" in found[0]["text"] and "unknown key 'memry'" in found[1]["text"]
    assert not done.stderr and '"models"' not in done.stdout


@pytest.mark.parametrize("text", ["host = db\n", "[datebase]\nconninfo = dbname=x\n"])
def test_which_database(broken, queue, text):
    """Where it may be another database that was meant, nobody looks at any."""
    command = broken("")
    command.config.write_text(f"[database]\n{text}")
    done = command("list")
    assert done.returncode == CONFIG and str(command.config) in done.stderr


def test_host_belongs_into_conninfo(broken):
    done = broken("host = db\n")("list")
    assert done.returncode == CONFIG
    assert ":3: 'host' is a word of conninfo, not a key: conninfo = host=..." in done.stderr


def test_limits_of_a_misspelt_model(tmp_path):
    config = write_config(tmp_path / "own.conf", limits={"Example.CuontJob": {"memory": "1G"}}, **DEFAULTS)
    done = run_command(config, "--check", program=DAEMON)
    assert done.returncode == OK and "has this name; did you mean 'Example.CountJob'?" in done.stderr


# ---- a damaged plugin ----

@pytest.fixture
def damaged(queue, command, tmp_path):
    """damaged(size): only so many bytes of the plugin are there."""
    directory = tmp_path / "plugins"
    directory.mkdir()
    shutil.copy(PLUGINS / "Example.so", directory)
    command.config.write_text(command.config.read_text().replace(str(PLUGINS), str(directory)))

    def cut(size):
        os.truncate(directory / "Example.so", size)
        return command
    return cut


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.6])
def test_truncated_plugin(queue, damaged, part):
    """Words, an exit code and the way to install one, instead of a signal."""
    command = damaged(int((PLUGINS / "Example.so").stat().st_size * part))
    for words in (["plugins"], ["-c", 2, "-j", COUNT], ["-s", "-c", 2, "-j", COUNT]):
        done = command(*words)
        assert done.returncode == CONFIG, (done.returncode, done.stderr)
        assert "could not load plugin 'Example': " in done.stderr, done.stderr
    checked = run_command(command.config, "--check", program=DAEMON)
    assert checked.returncode == CONFIG and "could not load plugin 'Example': " in checked.stderr
    assert command("doctor").returncode >= 0 and queue.value("SELECT count(*) FROM jobs") == 0
