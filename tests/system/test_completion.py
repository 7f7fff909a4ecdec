"""registry-job: what a shell completes, and that it never waits for long."""
import socket
import subprocess
import time

import pytest
from conftest import COMMAND, DEFAULTS, ROOT, run_command, write_config

COUNT = "Example.CountJob"
SCRIPT = ROOT / "src" / "cli" / "registry-job.bash"


@pytest.fixture
def queue(empty_queue):
    return empty_queue


def complete(config, *words):
    """The candidates for the last word."""
    words = [str(COMMAND), "--config", str(config), *map(str, words)]
    code = (f"source {SCRIPT}; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _registry_job;"
            " printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", code, "bash", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=False)
    assert not done.stderr, done.stderr
    return done.stdout.split("\n")[:-1]


def test_ids(queue, command, add_job):
    """Those that the verb can do something about, newest first."""
    ids = {status: add_job(2, status=status) for status in ("Q", "A", "GO", "OK", "X", "CX")}
    everything = [str(job) for job in sorted(ids.values(), reverse=True)]
    assert complete(command.config, "show", "") == everything
    assert complete(command.config, "cancel", "") == [str(ids[s]) for s in ("GO", "A", "Q")]
    assert complete(command.config, "cancel", ids["Q"], "") == [str(ids[s]) for s in ("GO", "A", "Q")]
    assert complete(command.config, "retry", "") == [str(ids[s]) for s in ("CX", "X")]
    assert complete(command.config, "settle", "") == [str(ids[s]) for s in ("GO", "A")]
    first = str(ids["GO"])
    assert complete(command.config, "why", first[:-1]) == [i for i in everything if i.startswith(first[:-1])]


def test_names(queue, command, daemon, cos):
    """COs by name, quoted for the shell, and the models of daemons."""
    queue.sql("UPDATE public.cos SET name = 'A; rm -rf $(x) \"q\"' WHERE id = %s", cos(1)[0])
    names = complete(command.config, "list", "-c", "")
    assert "all" in names and "A\\;\\ rm\\ -rf\\ \\$\\(x\\)\\ \\\"q\\\"" in names
    assert complete(command.config, "list", "--co", "A\\;\\ rm") == names[names.index("all") + 1:][:1]
    assert COUNT in complete(command.config, "-j", "Example.C")  # no daemon: of this host
    daemon()
    assert COUNT in complete(command.config, "list", "--model", "Example.C")
    assert "count=" in complete(command.config, "-j", COUNT, "co")


@pytest.mark.parametrize("words", [["show", ""], ["list", "-c", ""], ["-j", "Example.C"]])
def test_database_away(tmp_path, words):
    """Nothing is said, and nothing takes long: no server, and one that does not answer."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for conninfo in ("host=/nonexistent", f"host=127.0.0.1 port={silent.getsockname()[1]}"):
            config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": conninfo})
            begun = time.monotonic()
            found = complete(config, *words)
            assert time.monotonic() - begun < 6
            assert found in ([""], ["all"], [COUNT], [])
            done = run_command(config, "complete", "cos")
            assert done.returncode == 69 and not done.stdout and not done.stderr


def test_broken_configuration(tmp_path):
    """A configuration that cannot be read is no matter for a prompt."""
    config = tmp_path / "bad.conf"
    config.write_text("[nonsense]\n")
    assert complete(config, "show", "") in ([""], [])


def test_complete_what(db, command):
    """Other words are refused."""
    done = command("complete", "people")
    assert done.returncode == 2 and "'people'" in done.stderr
