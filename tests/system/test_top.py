"""registry-job top in a real terminal (tmux): what it shows, that it follows what happens, fits any size,
outlives the database, and gives the terminal back however it ends."""
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess

import pytest
from conftest import COMMAND, LOGIN, SLOW, Terminal, run_command, wait_for
from test_hold import hold

COUNT = "Example.CountJob"
# What a picture is made of, beside its text: places, colours, and what takes the terminal and gives it back.
OURS = re.compile(r"\x1b\[(?:\?(?:1049|25|7)[hl]|H|2?J|2K|(?:0|3[1-6])m)")


class Tmux:
    """A shell in a terminal of its own, which a tmux server that is only ours keeps."""

    def __init__(self, directory, columns, rows, **env):
        self.argv = ["tmux", "-S", str(directory / "tmux")]
        self.env = {**os.environ, "TERM": "xterm", "PS1": "$ ", **env}
        self.run("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, "sh", "-i")
        self.wait_for(r"^\$")  # what is typed before the shell reads may be lost

    def run(self, *args):
        done = subprocess.run([*self.argv, *map(str, args)], env=self.env, capture_output=True,
                              text=True, timeout=20 * SLOW, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lines(self):
        return self.run("capture-pane", "-p").splitlines()

    def text(self):
        return "\n".join(self.lines())

    def flag(self, name):
        return self.run("display", "-p", f"#{{{name}}}").strip()

    def type(self, *keys):
        self.run("send-keys", *keys)

    def resize(self, columns, rows):
        self.run("resize-window", "-x", columns, "-y", rows)

    def wait_for(self, pattern, timeout=20):
        def has():
            text = self.text()
            return text if re.search(pattern, text) else None
        try:
            return wait_for(has, timeout, pattern, interval=0.05)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} in:\n{self.text()}") from None

    def begin(self, command, *args, shows="workers busy"):
        """Starts the view from the shell; what stood there before must stand there again."""
        self.type("echo be''fore", "Enter")
        self.wait_for(r"(?m)^before$")
        self.type(shlex.join([*command.argv, "top", *map(str, args)]), "Enter")
        return self.wait_for(shows)

    def wait_given_back(self, code):
        """The shell has its screen, its cursor and its line again, and the exit code."""
        wait_for(lambda: self.flag("alternate_on") == "0", what="the screen given back")
        self.type("echo it was $?", "Enter")  # behind the prompt, where the shell is not back yet
        text = self.wait_for(rf"(?m)^(?:\$ )?it was {code}$")
        assert re.search(r"(?m)^before$", text) and "q ends it" not in text
        assert [self.flag(name) for name in ("alternate_on", "cursor_flag", "wrap_flag")] == ["0", "1", "1"]
        self.type("stty -a | tr ' ;' '\\n\\n' | grep -xE -e '-?(icanon|echo)'", "Enter")
        self.wait_for(r"(?m)^(?:\$ )?icanon\necho$")

    def pid_of_top(self):
        return int(subprocess.run(["pgrep", "-P", self.flag("pane_pid"), "-x", COMMAND.name[:15]],
                                  capture_output=True, text=True, check=True).stdout)

    def end(self):
        with contextlib.suppress(AssertionError):
            self.run("kill-server")


@pytest.fixture
def tmux(tmp_path):
    """tmux(columns, rows, **env): a terminal; all are closed at the end."""
    servers = []

    def start(columns=80, rows=24, **env):
        directory = tmp_path / f"tmux-{len(servers)}"
        directory.mkdir()
        servers.append(Tmux(directory, columns, rows, **env))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def running(empty_queue, daemon, add_job, trace):
    """The id of a job of CO 2 that has done 25 % in 1000 seconds."""
    daemon()
    job = add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_for(trace.begun)
    assert empty_queue.undo("UPDATE public.jobs SET percent_complete = 25, start_time = start_time"
                            " - make_interval(secs => 1000) WHERE id = %s", job)
    return job


def sessions(db):
    return [row["pid"] for row in db.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                                         " AND application_name = 'registry-job top'")]


# ---- what it shows ----

def test_picture(empty_queue, running, add_job, command, tmux):
    """Totals, what runs, and what waits with its reason; in 80 columns nothing is lost."""
    hold(empty_queue, co=3, reason="Rollout")
    behind, held = add_job(2), add_job(3)
    add_job(3, delay=3600)
    terminal = tmux(80, 24)
    terminal.begin(command)
    text = terminal.wait_for(r"held by ada: Rollout")
    assert re.search(r"2 due, 1 later; 1 running; 1 of 4 workers busy; 1 daemon; 1 hold, 1 CO held up", text)
    assert re.search(rf"(?m)^{running} +2 +Example\S* +\S+ +1[67] min +25 +1.5 %/min +50 min +in progress$", text)
    assert re.search(rf"(?m)^2 +1 +0 +20\S+ \S+ +{behind} +behind job {running}$", text)
    assert re.search(rf"(?m)^3 +1 +1 +20\S+ \S+ +{held} +held by ada: Rollout$", text)


def test_follows(empty_queue, running, add_job, command, tmux):
    """What happens is on the screen by itself; a canceled job that has not stopped says so."""
    terminal = tmux(140, 30)
    terminal.begin(command, "--interval", "1s")
    terminal.wait_for(rf"(?m)^{running} .* in progress$")
    job = add_job(2)
    terminal.wait_for(f"behind job {running}")
    empty_queue.cancel(running)
    assert "%/" not in terminal.wait_for(rf"(?m)^{running} .* canceled$")
    os.kill(empty_queue.job(running)["assigned_pid"], signal.SIGKILL)
    terminal.wait_for("nothing runs")
    assert "nothing waits" in terminal.wait_for("nothing waits")
    empty_queue.wait_final(job)


def test_why_not(empty_queue, add_job, command, daemon, db):
    """One reason for each CO; the most fundamental one first."""
    def why():
        done = command("top", "--json")
        assert done.returncode == 0, done.stderr
        return {row["co_id"]: row["why"] for row in json.loads(done.stdout)["waiting"]}

    add_job(2)
    add_job(3, delay=3600)
    assert why() == {2: "no daemon is running", 3: "not due"}
    daemon()
    empty_queue.wait_final(*[row["id"] for row in db.live(co_id=2)])
    add_job(2, "No.SuchModel")
    assert why() == {2: "no daemon provides No.SuchModel", 3: "not due"}
    db.sql("UPDATE public.cos SET status = 'S' WHERE id = 2")
    assert why()[2] == "the CO is not active"


def test_without_a_terminal(running, add_job, command):
    """One picture, whole and without escapes, and the end; with --json for programs."""
    job = add_job(2)
    done = command("top")
    assert done.returncode == 0 and not done.stderr and "\x1b" not in done.stdout
    assert re.search(rf"(?m)^{running} .*1.5 %/min +50 min +in progress$", done.stdout)
    assert re.search(rf"(?m)^2 .* {job} +Example.NoopJob +behind job {running}$", done.stdout)
    picture = json.loads(command("top", "--json").stdout)
    assert picture["totals"]["running"] == 1 and picture["totals"]["due"] == 1
    row, = picture["running"]
    assert (row["job"], row["status"], row["percent_complete"]) == (running, "GO", 25)
    assert 80 < row["percent_per_hour"] <= 90 and row["since"].endswith("Z")
    assert not {"rate", "time_left", "runs_for"} & set(row)
    assert [row["first_job"] for row in picture["waiting"]] == [job]


def test_one_co(empty_queue, running, add_job, command):
    """By id and by name."""
    other = add_job(3, delay=3600)
    for co, jobs, waiting in ((2, [running], []), ("Astro", [running], []), (3, [], [3])):
        picture = json.loads(command("top", "-c", co, "--json").stdout)
        assert [row["job"] for row in picture["running"]] == jobs
        assert [row["co_id"] for row in picture["waiting"]] == waiting
        assert picture["totals"]["later"] == len(waiting) and picture["totals"]["running"] == len(jobs)
    assert empty_queue.status(other) == "Q"


def test_in_the_foreground(empty_queue, command, trace):
    """What -s runs has no lane, and runs."""
    with subprocess.Popen([*command.argv, "-s", "-c", "2", "-j", COUNT, f"trace={trace.path}", "end=sleep"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(trace.begun)
            row, = json.loads(command("top", "--json").stdout)["running"]
            assert (row["job"], row["pid"]) == (trace.begun()[0], process.pid)
        finally:
            process.terminate()


def test_bounded(empty_queue, add_job, command, cos, db):
    """Five hundred rows of a table at most, and how many there are."""
    cos(520)
    db.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, register_time, start_after_time, created,"
           " modified, revision, deleted, actor_identifier) SELECT c.id, 'Example.NoopJob', '[]', 'Q', t, t, t, t,"
           " 0, false, '' FROM public.cos c, (SELECT now() AT TIME ZONE 'UTC' AS t) x WHERE c.name LIKE 'Test %'")
    waiting = json.loads(command("top", "--json").stdout)["waiting"]
    assert len(waiting) == 500 and waiting[0]["cos"] == 520
    assert command("top").stdout.endswith("and 20 more\n")


@pytest.mark.parametrize("interval", ["0", "0s", "61m", "2d", "1.5s", "often"])
def test_interval(command, interval):
    done = command("top", "--interval", interval)
    assert done.returncode == 2 and "--interval must be a time" in done.stderr


# ---- where it shows it ----

def test_every_size(empty_queue, add_job, command, tmux, cos):
    """The first line stays the first one, what has no room is counted, and a larger screen gets more."""
    for co in cos(40):
        add_job(co)
    terminal = tmux(80, 24)
    terminal.begin(command)
    terminal.wait_for("and 24 more")
    for columns, rows, more in ((80, 12, 36), (80, 40, 8), (30, 20, 28), (80, 8, "40 COs"), (200, 60, "Test 40")):
        terminal.resize(columns, rows)
        text = terminal.wait_for(f"and {more} more" if isinstance(more, int) else rf"(?m)^{more}|{more} ")
        assert text.startswith("registry-job top") and "nothing runs" in text
    for rows, rest in ((4, r"\n40 due, .*\n\n"), (2, r"\n")):  # no tables, no totals
        terminal.resize(80, rows)
        terminal.wait_for(rf"\Aregistry-job top .*{rest}\Z")
    terminal.resize(80, 24)
    terminal.wait_for("and 24 more")
    terminal.type("q")
    terminal.wait_given_back(0)


def test_hostile_texts(empty_queue, add_job, command, db):
    """Nothing in a row reaches the terminal as a command, nor as a line of its own."""
    evil = "\x1b]0;title\x07\x1b[31m\n\x1b[2J\x9b5m\u202e"
    db.sql("UPDATE public.cos SET name = %s WHERE id = 2", "A" + evil)
    add_job(2, "E" + evil)
    add_job(3, "E" + evil)
    hold(empty_queue, co=3, actor="a" + evil, reason="r" + evil)
    terminal = Terminal(command, "top", columns=200)
    terminal.wait_for("held by")
    terminal.wait_for("\x1b[J")
    terminal.type("q")
    assert terminal.end() == 0
    rest = OURS.sub("", terminal.shown)
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", rest), repr(rest)
    assert "A?]0;title??[31m" in rest and "\x07" not in rest


def test_no_color(running, command):
    """A status has its colour, unless nobody wants colours."""
    for env, has in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        terminal = Terminal(command, "top", **env)
        terminal.wait_for("in progress")
        terminal.type("q")
        assert terminal.end() == 0
        assert ("\x1b[36min progress" in terminal.shown) == has


# ---- how it ends ----

def test_q(running, command, tmux):
    terminal = tmux()
    terminal.begin(command)
    assert terminal.flag("alternate_on") == "1" and terminal.flag("cursor_flag") == "0"
    terminal.type("x")  # is not echoed, and does nothing
    terminal.type("q")
    terminal.wait_given_back(0)
    assert "x" not in terminal.lines()[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals(running, command, tmux, number):
    """The exit code is that of the signal."""
    terminal = tmux()
    terminal.begin(command)
    if number == signal.SIGINT:
        terminal.type("C-c")
    else:
        os.kill(terminal.pid_of_top(), number)
    terminal.wait_given_back(128 + number)


def test_suspended(running, command, tmux):
    """Ctrl-Z gives the terminal to the shell, fg takes it again, with a new picture."""
    terminal = tmux()
    terminal.begin(command)
    terminal.type("C-z")
    terminal.wait_for("(?m)^before$")
    assert terminal.flag("alternate_on") == "0" and terminal.flag("cursor_flag") == "1"
    terminal.type("fg", "Enter")
    terminal.wait_for("workers busy")
    terminal.type("q")
    terminal.wait_given_back(0)


def test_error(empty_queue, command, tmux, db):
    """What does not pass ends it, with words where the shell is."""
    terminal = tmux(120, 24)
    terminal.begin(command, "--interval", "1s")
    db.sql("ALTER SCHEMA jobd RENAME TO away")
    try:
        terminal.wait_for("registry-job: relation .* does not exist")
        terminal.wait_given_back(1)
    finally:
        db.sql("ALTER SCHEMA away RENAME TO jobd")


def test_no_database(tmp_path, tmux, command):
    """Without any picture it does not begin."""
    config = tmp_path / "none.conf"
    config.write_text(f"[database]\nconninfo = host={tmp_path} dbname=none\n")
    done = run_command(config, "top")
    assert done.returncode == 69 and not done.stdout
    terminal = tmux()
    terminal.type(shlex.join([str(COMMAND), "--config", str(config), "top"]) + "; echo it was $?", "Enter")
    terminal.wait_for("(?m)^it was 69$")
    assert terminal.flag("alternate_on") == "0"


# ---- a database that goes away ----

@pytest.fixture
def no_login(db):
    """no_login(): until the end of the test, or yes(), no session begins as the command's role."""
    def yes():
        db.sql(f"ALTER ROLE {LOGIN} LOGIN")

    def forbid():
        db.sql(f"ALTER ROLE {LOGIN} NOLOGIN")
    forbid.yes = yes
    yield forbid
    yes()


def test_cut_connection(running, add_job, command, tmux, db, no_login):
    """It says so above the last picture, tries again, and goes on."""
    terminal = tmux(120, 24)
    terminal.begin(command, "--interval", "1s")
    no_login()
    for pid in sessions(db):
        db.sql("SELECT pg_terminate_backend(%s)", pid)
    text = terminal.wait_for("no news, trying again: ")
    assert re.search(rf"(?m)^{running} .* in progress$", text)
    wait_for(lambda: "is not permitted to log in" in "".join(terminal.lines()))  # in as many lines as it needs
    terminal.resize(100, 20)  # the old picture fits the new size
    text = wait_for(lambda: re.search("(?m)^JOB .* STATUS$", terminal.text()) and terminal.text())
    assert "SINCE" not in text and "in progress" in text
    job = add_job(2)
    no_login.yes()
    text = terminal.wait_for(f"behind job {running}")
    assert "no news" not in text and str(job) in text
    terminal.type("q")
    terminal.wait_given_back(0)


def test_silent_server(running, command, tmux, db):
    """A server that does not answer keeps nobody: q ends it at once, and so does a deadline the wait."""
    terminal = tmux(120, 24)
    terminal.begin(command, "--interval", "1s")
    silent, = wait_for(lambda: sessions(db))
    os.kill(silent, signal.SIGSTOP)
    try:
        terminal.wait_for("trying again: the server does not answer", timeout=30)
        wait_for(lambda: "no news" not in terminal.text())
        second, = set(sessions(db)) - {silent}
        os.kill(second, signal.SIGSTOP)
        try:
            wait_for(lambda: db.value("SELECT state = 'idle' FROM pg_stat_activity WHERE pid = %s", second))
            terminal.type("q")
            terminal.wait_given_back(0)
        finally:
            os.kill(second, signal.SIGCONT)
    finally:
        os.kill(silent, signal.SIGCONT)


def test_no_picture_yet(running, command, tmux, db):
    """A first question without an answer does not leave the screen empty."""
    terminal = tmux()
    other = db.connect(autocommit=False)
    try:
        other.cursor().execute("LOCK TABLE jobd.hold")
        terminal.begin(command, shows="no news")
        terminal.wait_for(r"\Aregistry-job top  no picture yet  \(q ends it\)\nno news, trying again: canceling")
    finally:
        other.close()
    terminal.wait_for(rf"(?m)^{running} .* in progress$")


def test_lock(running, command, tmux, db):
    """A statement that waits for a lock is given up; the connection stays."""
    terminal = tmux(120, 24)
    terminal.begin(command, "--interval", "1s")
    before = wait_for(lambda: sessions(db))
    other = db.connect(autocommit=False)
    try:
        other.cursor().execute("LOCK TABLE jobd.hold")
        terminal.wait_for("trying again: canceling statement due to lock timeout")
    finally:
        other.close()
    wait_for(lambda: "no news" not in terminal.text())
    assert sessions(db) == before
