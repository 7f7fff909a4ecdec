"""Programs, plugins, the configuration and the credential: nobody but root and the user who runs us
may be able to change them. What is wrong, where, and what to do is said."""
import os
import shutil
import subprocess

import pytest
from conftest import COMMAND, DAEMON, DEFAULTS, LOGIN, PLUGINS, run_command, wait_for, write_config

CONFIG = 78
MODEL = "Own.ShellJob"
SOMEBODY = 64211
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs files of another user")


@pytest.fixture
def place(tmp_path):
    """A directory with a program and a link to it in others."""
    directory = tmp_path / "place"
    directory.mkdir()
    directory.chmod(0o755)
    program = directory / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    return directory


def models(program):
    return {MODEL: {"command": program, "parameters": "any"}}


@pytest.fixture
def run_now(db, tmp_path):
    """run_now(program): registry-job -s of a model that is this program."""
    def run(program):
        config = write_config(tmp_path / "now.conf", models(program),
                              **{**DEFAULTS, "conninfo": db.conninfo})
        return run_command(config, "-s", "-c", 2, "-j", MODEL)
    return run


def is_refused(done, *words):
    assert done.returncode == CONFIG, done.stderr
    assert all(str(word) in done.stderr for word in words), (done.stderr, words)
    return True


def everybodys_program(place):
    (place / "program").chmod(0o777)
    return place / "program", f"file '{place}/program'", "(mode 0777): chmod"


def everybodys_directory(place):
    place.chmod(0o777)
    return place / "program", f"directory '{place}'", "(mode 0777): chmod"


def behind_a_link(place):
    """The program itself is safe, and whoever may write to the directory of the link is not."""
    links = place.parent / "links"
    links.mkdir()
    links.chmod(0o757)
    (links / "link").symlink_to(place / "program")
    return links / "link", f"directory '{links}'", "(mode 0757): chmod o-w"


def linked_above(place):
    """A link to a directory, in a directory that a group may write to."""
    links = place.parent / "links"
    links.mkdir()
    os.chown(links, -1, SOMEBODY)
    links.chmod(0o775)
    (links / "place").symlink_to(place)
    return links / "place" / "program", f"directory '{links}'", f"group {SOMEBODY}", "chmod g-w"


def somebodys_program(place):
    os.chown(place / "program", SOMEBODY, SOMEBODY)
    return place / "program", f"file '{place}/program' belongs to user {SOMEBODY}", "chown root"


def somebodys_directory(place):
    os.chown(place, SOMEBODY, SOMEBODY)
    return place / "program", f"directory '{place}' belongs to user {SOMEBODY}", "chown root"


def somebodys_link(place):
    link = place.parent / "link"
    link.symlink_to(place / "program")
    os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
    return link, f"symbolic link '{link}'", "chown -h root"


@pytest.mark.parametrize("harm", [
    everybodys_program, everybodys_directory, behind_a_link, pytest.param(linked_above, marks=AS_ROOT),
    pytest.param(somebodys_program, marks=AS_ROOT), pytest.param(somebodys_directory, marks=AS_ROOT),
    pytest.param(somebodys_link, marks=AS_ROOT)])
def test_programs(empty_queue, run_now, daemon, place, harm):
    """registry-job -s and the daemon run no program that others can change or replace."""
    assert run_now(place / "program").returncode == 0
    program, *words = harm(place)
    assert is_refused(run_now(program), f"command '{program}' is not executed", *words)
    assert empty_queue.value("SELECT count(*) FROM jobs") == 1
    running = daemon(exec_models=models(program))
    assert all(word in running.log() for word in words), running.log()
    assert not empty_queue.value("SELECT count(*) FROM jobd.model WHERE model = %s", MODEL)


def test_usual_places(run_now, place):
    """A directory for everybody where each may only remove his own files, as /tmp; and what the
    umask 002 makes of the files of a user who has a group for himself."""
    place.chmod(0o1777)
    assert run_now(place / "program").returncode == 0
    if os.geteuid() == 0:  # whose group is root's own
        place.chmod(0o775)
        (place / "program").chmod(0o775)
        assert run_now(place / "program").returncode == 0


@pytest.fixture
def plugins(tmp_path):
    """A directory with copies of two plugins."""
    directory = tmp_path / "plugins"
    directory.mkdir()
    for name in ("Example", "CoreJob"):
        shutil.copy(PLUGINS / f"{name}.so", directory)
        (directory / f"{name}.so").chmod(0o644)
    return directory


@pytest.mark.parametrize("is_directory", [0, 1])
@pytest.mark.parametrize("kind", ["mode", pytest.param("owner", marks=AS_ROOT)])
def test_plugins(empty_queue, command, daemon, plugins, is_directory, kind):
    """Nobody loads a plugin that others can change, or put another one in its place."""
    db = empty_queue
    text = command.config.read_text().replace(str(PLUGINS), str(plugins))
    command.config.write_text(text)
    assert command("plugins").returncode == 0
    victim = plugins if is_directory else plugins / "Example.so"
    if kind == "mode":
        victim.chmod(0o777)
    else:
        os.chown(victim, SOMEBODY, SOMEBODY)
    words = [f"'{victim}'", "o-w" if kind == "mode" else "chown root"]
    assert is_refused(command("-s", "-c", 2, "-j", "Example.NoopJob"), "Example", *words)
    assert not db.value("SELECT count(*) FROM jobs")
    for prefix in (["--check"], []):
        done = subprocess.run([str(DAEMON), "--config", str(command.config), *prefix], check=False,
                              capture_output=True, text=True, timeout=30)
        assert is_refused(done, *words)
    running = daemon(ready=False, directory=plugins)
    assert running.wait() == CONFIG


def test_a_plugin_that_changes_hands(empty_queue, daemon, add_job, plugins):
    """Each worker looks again: jobs wait until the plugin is safe, and say in the log why."""
    db = empty_queue
    running = daemon(directory=plugins, max_jobs_per_worker=1, workers=1, idle_timeout="1s")
    db.wait_final(add_job(2))
    wait_for(lambda: not running.workers())
    (plugins / "Example.so").chmod(0o666)
    job = add_job(2)
    running.wait_log(r"could not load plugin 'Example': file '.*Example.so' can be changed by")
    assert db.status(job) == "Q"
    (plugins / "Example.so").chmod(0o644)
    assert db.wait_final(job, timeout=50)[0]["status"] == "OK"


def test_each_run(empty_queue, daemon, add_job, place):
    """A program is looked at before each job: one that is not safe any more fails the job, says why,
    and runs again when it is mended."""
    db = empty_queue
    daemon(exec_models=models(place / "program"))
    assert db.wait_final(add_job(2, MODEL))[0]["status"] == "OK"
    place.chmod(0o777)
    row, = db.wait_final(add_job(2, MODEL))
    assert row["status"] == "X"
    assert row["finish_summary"].startswith(f"'{place}/program' is not executed: directory '{place}'")
    place.chmod(0o755)
    assert db.wait_final(add_job(2, MODEL))[0]["status"] == "OK"


def test_a_reload_is_refused_as_a_whole(empty_queue, daemon, add_job, place, plugins):
    """Whatever of it is not safe: the program, a plugin, the file itself. All goes on as it was."""
    db = empty_queue
    running = daemon(exec_models=models(place / "program"), directory=plugins, workers=1)
    for n, (victim, mode) in enumerate([(place, 0o755), (plugins, 0o755), (running.config, 0o644)], 1):
        victim.chmod(0o777)
        running.reload(workers=2)
        running.wait_log("the configuration stays as it was", times=n)
        assert f"'{victim}' can be changed by everybody" in running.log()
        victim.chmod(mode)
    assert not running.count("reloaded the configuration")
    assert db.wait_final(add_job(2), add_job(3, MODEL))[1]["status"] == "OK"
    running.reload()
    running.wait_log("reloaded the configuration")


@pytest.mark.parametrize("kind", ["mode", "directory", pytest.param("owner", marks=AS_ROOT)])
def test_configuration(empty_queue, command, daemon, tmp_path, kind):
    """Whoever can write the configuration says what is run."""
    directory = tmp_path / "etc"
    directory.mkdir()
    config = directory / "jobd.conf"
    shutil.copy(command.config, config)
    config.chmod(0o644)
    victim = directory if kind == "directory" else config
    if kind == "owner":
        os.chown(config, SOMEBODY, SOMEBODY)
    else:
        victim.chmod(0o777)
    for argv in ([str(COMMAND), "--config", str(config), "list"], [str(DAEMON), "--config", str(config)]):
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)
        assert is_refused(done, f"'{config}' is not read", f"'{victim}'")


def test_configurations_without_a_name(db, command):
    """What the caller has opened himself: /dev/null, a pipe."""
    env = {**os.environ, "PGHOST": str(db.cluster.dir), "PGUSER": LOGIN, "PGDATABASE": db.name}
    done = run_command("/dev/null", "list", env=env)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(["bash", "-c", f'"$1" --config <(cat "{command.config}") list', "-", COMMAND],
                          check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mode,words", [(0o644, "can be read by everybody (mode 0644): chmod o-r"),
                                        (0o602, "can be changed by everybody (mode 0602): chmod o-w")])
def test_credential(daemon, tmp_path, mode, words):
    """The password is for us alone, and from root or us alone."""
    credential = tmp_path / "registry-jobd.password"
    credential.write_text("secret\n")
    credential.chmod(mode)
    running = daemon(ready=False, env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert running.wait() == CONFIG
    assert f"file '{credential}' {words}" in running.log()
    credential.chmod(0o600)
    daemon(env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
