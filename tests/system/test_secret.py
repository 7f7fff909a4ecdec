"""Values of secret parameters: in the database, in no listing, no message and no list of processes."""
import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import termios

import pytest
from conftest import COMMAND, DAEMON, DEFAULTS, new_id, run_command, wait_for, write_config

OK, FAILED, USAGE, CONFIG = 0, 1, 2, 78
MODEL = "Secret.SecretJob"
# Not in the names of tests: pytest puts those into the environment of what runs beside them.
TOKEN = "n0T-t0-be-Sh0wn"
VERBS = ["show", "history", "log", "watch", "why", "list", "queue", "plugins", "status", "metrics", "doctor"]
WITH_ID = VERBS[:5]
PROBE = pathlib.Path(__file__).with_name("journal_probe.py")


@pytest.fixture
def queue(empty_queue):
    return empty_queue


@pytest.fixture
def secret(queue, tmp_path):
    """secret(*args): the command, where the plugin is known."""
    config = write_config(tmp_path / "secret.conf",
                          **{**DEFAULTS, "conninfo": queue.conninfo, "load": "Example Secret"})

    def run(*args, value=None, **kwargs):
        argv = [str(COMMAND), "--config", str(config), *map(str, args)]
        stdin = {"input": value} if value is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(argv, capture_output=True, timeout=30, check=False, **stdin, **kwargs)

    run.config = config
    return run


def start(secret, *args, **kwargs):
    return subprocess.Popen([str(COMMAND), "--config", str(secret.config), *map(str, args)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)


def stored(queue, job):
    return json.loads(queue.job(job)["parameters"])


def everything(done):
    return (done.stdout + done.stderr).decode() if isinstance(done.stdout, bytes) else \
        done.stdout + done.stderr


def processes_with(text):
    """PIDs and what it is of them that has the text: their command lines and environments."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ", "comm"):
            try:
                if text.encode() in pathlib.Path(f"/proc/{pid}/{name}").read_bytes():
                    found.append((pid, name))
            except OSError:
                pass
    return found


# ---- how it is given ----

@pytest.mark.parametrize("way", ["file", "standard input", "pipe"])
def test_given(queue, secret, tmp_path, way):
    """A file, standard input or a pipe: all of it but the end of its last line."""
    path = tmp_path / "a file=with signs"
    for content, value in (
            (b"n0T", "n0T"), (b"n0T\n", "n0T"), (b"n0T\r\n", "n0T"), (b"n0T\n\n", "n0T\n"), (b"", ""),
            (b"@x=y -z", "@x=y -z"), ("ä\nb\n".encode(), "ä\nb"), (b"x" * 100000, "x" * 100000)):
        path.write_bytes(content)
        words = ["-c", 2, "-j", MODEL, "--allow-duplicate", "--parameter-file"]
        if way == "file":
            done = secret(*words, f"token={path}")
        elif way == "standard input":
            done = secret(*words, "token=-", value=content)
        else:
            script = 'file=$1; shift; exec "$@" token=<(cat "$file")'
            done = subprocess.run(["bash", "-c", script, "bash", path, COMMAND, "--config",
                                   secret.config, *map(str, words)],
                                  capture_output=True, timeout=30, check=False)
        assert stored(queue, new_id(done)) == {"token": value} and not done.stderr


def test_given_beside_words(queue, secret, tmp_path):
    """Several files, words beside them, and any parameter, secret or not."""
    (tmp_path / "a").write_text(TOKEN)
    (tmp_path / "b").write_text("long text\n")
    job = new_id(secret("-c", 2, "-j", MODEL, "--parameter-file", f"token={tmp_path / 'a'}", "end=ok",
                        f"--parameter-file=tag={tmp_path / 'b'}"))
    assert stored(queue, job) == {"end": "ok", "token": TOKEN, "tag": "long text"}
    assert queue.job(job)["parameters"].startswith('{"end":')


def test_given_on_a_terminal(queue, secret):
    """Asked for, and read without an echo."""
    main, other = pty.openpty()
    process = start(secret, "-c", 2, "-j", MODEL, "--parameter-file", "token=-", stdin=other,
                    start_new_session=True,
                    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.set_blocking(main, False)
    shown = b""

    def has_prompt():
        nonlocal shown
        with contextlib.suppress(BlockingIOError):
            shown += os.read(main, 4096)
        return b"token: " in shown or process.poll() is not None
    wait_for(has_prompt)
    os.write(main, TOKEN.encode() + b"\n")
    out, err = process.communicate(timeout=20)
    with contextlib.suppress(OSError):
        shown += os.read(main, 4096)
    os.close(main)
    os.close(other)
    assert process.returncode == OK, err
    assert stored(queue, int(out)) == {"token": TOKEN}
    assert TOKEN.encode() not in shown + err


@pytest.mark.parametrize("option, code, words", [
    ("token", USAGE, "NAME=FILE"), ("=x", USAGE, "NAME=FILE"), ("token=", USAGE, "NAME=FILE"),
    ("token=/nonexistent", FAILED, "No such file"), ("token=/", FAILED, "directory"),
    ("token=nul", FAILED, "not UTF-8"), ("token=latin", FAILED, "not UTF-8"),
    ("token=/dev/zero", FAILED, "longer"), ("nonsense=good", FAILED, "nonsense"),
    ("pin=good", FAILED, "pin")])
def test_given_wrongly(queue, secret, tmp_path, option, code, words):
    """The reason is said, the value is not, and nothing is registered."""
    (tmp_path / "nul").write_bytes(TOKEN.encode() + b"\0")
    (tmp_path / "latin").write_bytes(TOKEN.encode() + b"\xe4")
    (tmp_path / "good").write_text(TOKEN)
    done = secret("-c", 2, "-j", MODEL, "tag=x", "--parameter-file", option, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr.decode() and TOKEN not in everything(done)
    assert not queue.live()


def test_given_twice(queue, secret):
    """By a word and by a file, or from standard input twice."""
    done = secret("-c", 2, "-j", MODEL, "token=x", "--parameter-file", "token=-", value=b"y")
    assert done.returncode == USAGE and b"'token' is given twice" in done.stderr
    done = secret("-c", 2, "-j", MODEL, "--parameter-file", "token=-", "--parameter-file", "tag=-",
                  value=b"y")
    assert done.returncode == USAGE and b"standard input" in done.stderr
    assert not queue.live()


def test_given_to_a_verb(queue, secret):
    """Only a job that is registered has parameters."""
    for args in (["list"], ["-r", "-c", "all"], []):
        done = secret(*args, "--parameter-file", "token=-", value=b"y")
        assert done.returncode == USAGE and done.stderr


# ---- on a command line ----

def test_warning(queue, secret):
    """A secret as a plain word still registers, with a warning that shows the other way."""
    done = secret("-c", 2, "-j", MODEL, f"token={TOKEN}", "tag=x")
    assert stored(queue, new_id(done)) == {"token": TOKEN, "tag": "x"}
    assert b"warning" in done.stderr and b"--parameter-file token=" in done.stderr
    assert b"'tag'" not in done.stderr and TOKEN.encode() not in done.stderr
    assert not secret("-c", 3, "-j", MODEL, f"token={TOKEN}", "-q").stderr
    assert not secret("-c", 2, "-j", "Example.CountJob", "tag=x").stderr


def test_no_process_shows_a_file(queue, secret):
    """While the command reads, and while its job runs: in no command line and no environment."""
    process = start(secret, "-c", 2, "-j", MODEL, "-s", "end=wait", "--parameter-file", "token=-",
                    stdin=subprocess.PIPE)
    line = pathlib.Path(f"/proc/{process.pid}/cmdline")
    wait_for(lambda: b"token=-" in line.read_bytes())
    process.stdin.write(TOKEN.encode())
    process.stdin.close()
    job = int(process.stdout.readline())
    queue.wait_status(job, "GO")
    assert stored(queue, job)["token"] == TOKEN
    assert not processes_with(TOKEN)
    queue.cancel(job)
    process.wait(20)


def test_no_process_shows_a_word_for_long(queue, secret):
    """A secret word is gone from the list of processes once the command has read it."""
    process = start(secret, "-c", 2, "-j", MODEL, "-s", "end=wait", f"token={TOKEN}")
    job = int(process.stdout.readline())
    queue.wait_status(job, "GO")
    assert not processes_with(TOKEN)
    line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_text(errors="replace")
    assert MODEL in line
    queue.cancel(job)
    process.wait(20)


def test_no_process_of_a_daemon_shows_it(queue, secret, daemon, add_job):
    """The worker's title names the job and its model."""
    daemon(load="Example Secret")
    job = add_job(2, MODEL, {"token": TOKEN, "end": "wait"})
    queue.wait_status(job, "GO")
    assert not processes_with(TOKEN)
    queue.cancel(job)


# ---- where it is shown ----

def look_everywhere(config, job):
    """What every verb says of the job, as text and as JSON."""
    for verb in VERBS:
        for more in ([], ["--json"]):
            done = run_command(config, verb, *([job] if verb in WITH_ID else []), *more)
            yield [verb, *more], everything(done)


@pytest.mark.parametrize("end", ["ok", "fail"])
def test_no_verb_shows_it(queue, secret, daemon, end):
    """Neither before nor after the job ran; names and other values are shown."""
    job = new_id(secret("-c", 2, "-j", MODEL, f"end={end}", "tag=visible", "pin=4711004711", "flag=1",
                        "mode=two", "--parameter-file", "token=-", value=TOKEN.encode()))
    shown = json.loads(secret("show", job, "--json").stdout)["parameters"]
    assert shown == {"end": end, "tag": "visible", "token": "(secret)", "pin": "(secret)",
                     "flag": "(secret)", "mode": "(secret)"}
    running = daemon(load="Example Secret", level="debug")
    queue.wait_final(job)
    assert queue.job(job)["finish_summary"] == f"a token of {len(TOKEN)} bytes"
    for how, text in look_everywhere(secret.config, job):
        assert TOKEN not in text and "4711004711" not in text, how
    assert "visible" in secret("show", job).stdout.decode()
    assert TOKEN not in running.log() and "4711004711" not in running.log()
    assert queue.value("SELECT count(*) FROM job_history_records h WHERE h::text LIKE %s",
                       f"%{TOKEN}%") == 0


@pytest.mark.parametrize("parameters", [
    {"token": TOKEN, "pin": TOKEN}, {"token": TOKEN, "flag": TOKEN}, {"token": TOKEN, "mode": TOKEN},
    {"token": TOKEN, "group_id": TOKEN}, {"token": TOKEN, "group_id": "4711004711"[:9]},
    {"token": [TOKEN]}, {"tokn": TOKEN}, f'{{"token": {TOKEN}}}', f'{{"token": "{TOKEN}',
    f'"{TOKEN}"', f'{{"token": "x", "token": "{TOKEN}"}}', TOKEN], ids=itertools.count())
def test_no_rejection_shows_it(queue, secret, daemon, add_job, parameters):
    """Wrong parameters: the summary, the log and every verb say what is wrong, not the value."""
    running = daemon(load="Example Secret", level="debug")
    job = add_job(2, MODEL, parameters)
    row, = queue.wait_final(job)
    assert row["status"] == "X" and re.search("parameter|JSON", row["finish_summary"])
    for text in (row["finish_summary"], running.log()):
        assert TOKEN not in text and "471100471" not in text
    for how, text in look_everywhere(secret.config, job):
        assert TOKEN not in text and "471100471" not in text, how


@pytest.mark.parametrize("words", [
    [f"pin={TOKEN}"], [f"mode={TOKEN}"], [f"flag={TOKEN}"], [f"group_id={TOKEN}"],
    ["group_id=471100471"], [f"tokn={TOKEN}"], [TOKEN], [f"={TOKEN}"], ["token=x", f"token={TOKEN}"]], ids=itertools.count())
def test_no_refusal_repeats_it(queue, secret, words):
    """What the command says about wrong words."""
    done = secret("-c", 2, "-j", MODEL, *words)
    assert done.returncode in (FAILED, USAGE) and done.stderr
    assert TOKEN not in everything(done) and "471100471" not in everything(done)
    assert not queue.live()


def test_retry_keeps_it(queue, secret, add_job):
    """The new row has the value, whatever show hides, and nothing that is said has it."""
    job = add_job(2, MODEL, {"token": TOKEN}, status="X")
    done = secret("retry", job)
    assert stored(queue, new_id(done)) == {"token": TOKEN}
    refused = secret("retry", job)
    assert refused.returncode == FAILED
    assert TOKEN not in everything(done) + everything(refused)


@pytest.mark.parametrize("load, reason", [
    ("Example", "nobody provides the model"), ("Nonexistent", "Nonexistent")])
def test_unknown_model(queue, tmp_path, add_job, load, reason):
    """A host that cannot tell which parameters are secret shows their names only, and says why."""
    config = write_config(tmp_path / "c", **{**DEFAULTS, "conninfo": queue.conninfo, "load": load})
    job = add_job(2, MODEL, {"token": TOKEN, "tag": "x"})
    shown = run_command(config, "show", job, "--json")
    assert json.loads(shown.stdout)["parameters"] == {"token": "(hidden)", "tag": "(hidden)"}
    assert shown.returncode == OK and reason in shown.stderr
    assert TOKEN not in run_command(config, "show", job).stdout
    assert not run_command(config, "show", job, "-q").stderr
    empty = add_job(3, MODEL, {})
    assert not run_command(config, "show", empty).stderr


def test_known_model_without_secrets(queue, command, add_job):
    """Nothing is hidden, and nothing is written anew."""
    job = add_job(2, "Example.CountJob", '{ "tag": "x", "other": 1 }')
    done = command("show", job)
    assert '{ "tag": "x", "other": 1 }' in done.stdout and not done.stderr


def test_plugins_says_which_are_secret(secret):
    """As text and as JSON."""
    assert re.search(r"token +string, required, secret  the secret", secret("plugins").stdout.decode())
    models = {m["model"]: m for m in json.loads(secret("plugins", "--json").stdout)}
    assert {p["name"] for p in models[MODEL]["parameters"] if p["secret"]} == \
        {"token", "pin", "flag", "mode", "group_id"}


# ---- the journal ----

def test_journal(queue, tmp_path):
    """No entry of a job's story has the value in any of its fields."""
    probe = ["unshare", "--mount", "--net"]
    if subprocess.run([*probe, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make namespaces")
    config = write_config(tmp_path / "conf", **{**DEFAULTS, "conninfo": queue.conninfo,
                                                "level": "debug", "load": "Example Secret"})
    (tmp_path / "token").write_text(TOKEN)
    done = subprocess.run(
        [*probe, sys.executable, PROBE, DAEMON, config], capture_output=True, text=True, timeout=120,
        check=False, input=f"""
        job() {{ "{COMMAND}" --config "{config}" "$@"; }}
        id=$(job -c 2 -j {MODEL} --parameter-file token={tmp_path / "token"} end=fail)
        job watch $id || true
        again=$(job retry $id)
        job watch $again || true
        id=$(job -c 2 -j {MODEL} --parameter-file token={tmp_path / "token"} end=wait)
        job cancel $id
        job -c 3 -j {MODEL} -s -q token={TOKEN}
        """)
    assert done.returncode == 0, done.stderr
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert {entry["PLUGIN"] for entry in entries if "PLUGIN" in entry} == {MODEL}
    assert sum("registered by" in entry["MESSAGE"] for entry in entries) == 4
    assert sum("RECORD_KEY" in entry for entry in entries) >= 2
    assert TOKEN not in done.stdout
