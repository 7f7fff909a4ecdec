"""Texts of rows, plugins and people reach no terminal as commands, and no log as lines of their own."""
import json
import os
import pty
import subprocess

import pytest
from conftest import COMMAND, DEFAULTS, run_command, wait_for, write_config

# Clears the screen, sets a title, is CSI in one character, ends a line in three ways, and turns what
# follows around.
HOSTILE = "a\x1b[2J\x1b]0;t\x07\x7f\x9b31m\x85\u2028job 1 complete: b\u202edcba\u2066\u200f\u061cz"
FORGED = "\njob 1 complete: forged"
OBEYED = [*map(chr, [*range(10), *range(11, 32), *range(0x7f, 0xa0)]),
          *"\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
MODEL = "Hostile.Job"


def check(text):
    """Nothing in it is obeyed; something visible stands there."""
    assert not [c for c in OBEYED if c in text], ascii(text)
    assert not any(line.startswith("job 1 complete") for line in text.split("\n")), ascii(text)


@pytest.fixture
def hostile(empty_queue, add_job):
    """A job in all of whose texts anything stands, with a history record."""
    db = empty_queue
    text = HOSTILE + FORGED
    job = add_job(2, "Evil\x1b[31m.Job\x9b", {"tag": text}, status="X", finish_summary=text,
                  register_summary=text, start_summary=text, actor_identifier=text[:40],
                  assigned_host=text[:40])
    db.sql("INSERT INTO public.job_history_records (job_id, record_key, comment, status, created,"
           " modified, revision, deleted) VALUES (%s, %s, %s, 'OK', now(), now(), 0, false)",
           job, text[:60], text)
    db.sql("UPDATE public.cos SET name = %s WHERE id = 2", text)
    add_job(2)
    return job


VERBS = ["list", "show ID", "history ID", "watch ID", "why ID", "queue", "status", "doctor",
         "metrics", "retry ID"]


@pytest.mark.parametrize("verb", VERBS)
def test_text(hostile, command, verb):
    """What people read."""
    done = command(*verb.replace("ID", str(hostile)).split())
    check(done.stdout)
    check(done.stderr)
    if verb in ("list", "show ID", "history ID", "watch ID"):
        assert "a?[2J?]0;t???31m??job 1 complete: b?dcba???z" in done.stdout


def strings(value):
    """All strings of a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("verb", ["list", "show ID", "history ID", "watch ID", "queue"])
def test_json(hostile, command, verb):
    """What programs read: nothing is lost, and a terminal obeys nothing of it either."""
    done = command("--json", *verb.replace("ID", str(hostile)).split())
    check(done.stdout)
    values = [json.loads(line) for line in done.stdout.splitlines()] if verb == "watch ID" \
        else json.loads(done.stdout)
    assert HOSTILE + FORGED in strings(values)


@pytest.fixture
def program(tmp_path):
    """A model whose program says all of it: as a summary, a record and lines of its own."""
    path = tmp_path / "program"
    text = json.dumps(HOSTILE + FORGED)
    path.write_text(f"""#!/usr/bin/python3
import sys
text = {text}
print('{{"record": {{"status": "OK", "key": "k", "comment": %s}}}}' % {json.dumps(text)})
print('{{"summary": %s}}' % {json.dumps(text)})
print(text)
print(text, file=sys.stderr)
""", encoding="utf-8")
    path.chmod(0o755)
    return {MODEL: {"command": path, "parameter.who": "select(a\x9b31m\u202eb,c)"}}


def on_terminal(argv):
    """What a program writes to a terminal, and its exit code."""
    read_fd, write_fd = pty.openpty()
    process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL,
                               stdout=write_fd, stderr=write_fd, start_new_session=True)
    os.close(write_fd)
    text = bytearray()

    def has_ended():
        try:
            text.extend(os.read(read_fd, 65536))
        except OSError:
            return True
        return False
    wait_for(has_ended, 30, argv)
    os.close(read_fd)
    return text.decode().replace("\r\n", "\n"), process.wait(30)


def test_foreground(empty_queue, db, program, tmp_path):
    """The end of registry-job -s, and the lines of its program, on a terminal."""
    config = write_config(tmp_path / "conf", program, **{**DEFAULTS, "conninfo": db.conninfo})
    text, code = on_terminal([COMMAND, "--config", config, "-v", "-c", 2, "-j", MODEL, "-s"])
    assert code == 0
    check(text.replace("\r", "\n"))  # the bar of progress begins with one
    assert " is complete: a?[2J" in text and text.count("?dcba???z") >= 3


def test_plugins(db, program, tmp_path):
    """What a configuration says about its models."""
    config = write_config(tmp_path / "conf", program, **{**DEFAULTS, "conninfo": db.conninfo})
    for words in (["plugins"], ["--json", "plugins"]):
        done = run_command(config, *words)
        check(done.stdout + done.stderr)
        assert MODEL in done.stdout


@pytest.mark.parametrize("words", [
    [HOSTILE], ["show", HOSTILE], ["-c", HOSTILE, "-j", "Example.NoopJob"],
    ["-c", "2", "-j", HOSTILE], ["-c", "2", "-j", "Example.NoopJob", f"{HOSTILE}=1"],
    ["list", "--status", HOSTILE], [f"--{HOSTILE}"], ["list", "--limit", HOSTILE],
    ["schema", HOSTILE]])
def test_arguments(empty_queue, command, words):
    """What a script hands over may be somebody else's, too."""
    done = command(*words)
    assert done.returncode
    check(done.stdout)
    check(done.stderr)


def test_daemon(empty_queue, add_job, daemon, program):
    """The log: a line is one line, whatever is in it."""
    running = daemon(exec_models=program, level="debug")
    empty_queue.wait_final(add_job(2, MODEL), add_job(3, f"Evil.{HOSTILE}{FORGED}"[:60]))
    check(running.log())
    assert running.count(r"a\?\[2J") >= 4
    done = subprocess.run([running.process.args[0], f"--{HOSTILE}"], capture_output=True, text=True,
                          check=False, timeout=30)
    assert done.returncode == 2 and "?" in done.stderr
    check(done.stderr)


@pytest.fixture
def notices(empty_queue):
    """Each DDL statement makes the server say something, as a trigger of anybody may."""
    text = (HOSTILE + FORGED).replace("'", "''")
    empty_queue.sql(f"""CREATE FUNCTION public.say() RETURNS event_trigger LANGUAGE plpgsql AS
                        $$BEGIN RAISE WARNING '%%', '{text}'; END$$""", None)
    empty_queue.sql("CREATE EVENT TRIGGER say ON ddl_command_start EXECUTE FUNCTION public.say()")


def test_notices(notices, db, command):
    """What the server says to `schema` is for people, too."""
    command.config.write_text(command.config.read_text().replace(db.conninfo, db.owners))
    for words in (["schema", "remove"], ["schema", "install"]):
        done = command(*words)
        assert done.returncode == 0
        check(done.stderr)
        assert "the server says: a?[2J" in done.stderr


def test_notices_of_a_plugin(empty_queue, notices, add_job, daemon):
    """Those of a plugin's own connection are lines of its job."""
    running = daemon(load="Chaos Example")
    job = add_job(2, "Chaos.ChaosJob", {"act": "own_connection_settings"})
    empty_queue.wait_final(job)
    running.wait_log(rf"^<6>job {job}: a\?\[2J")
    check(running.log())
