"""registry-job schedule: each time of a schedule gets one job, whoever asks, and however late."""
import calendar
import glob
import os
import subprocess
import time

import pytest
from conftest import COMMAND, DEFAULTS, write_config

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
IS_SANITIZED = b"__asan_init" in COMMAND.read_bytes()  # its runtime must be loaded first
NIGHTLY = {"when": "*-*-* 02:00:00 UTC", "co": 2, "job": "Example.CountJob"}


def at(text):
    """Seconds since 1970."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


class Schedules:
    """Files of schedules, and the command that a timer starts for them."""

    def __init__(self, directory, command):
        self.directory = directory
        self.command = command
        directory.chmod(0o755)

    def write(self, name="nightly", parameters=(), **keys):
        keys = {**NIGHTLY, **keys}
        lines = ["[schedule]", *(f"{key} = {value}" for key, value in keys.items() if value is not None),
                 "[parameters]", *(f"{key} = {value}" for key, value in dict(parameters).items())]
        return self.text("\n".join(lines) + "\n", name)

    def text(self, text, name="nightly"):
        path = self.directory / f"{name}.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o644)
        return path

    def start(self, path, elapsed=None, *words, **environment):
        if elapsed is not None and IS_SANITIZED:
            pytest.skip("libfaketime cannot be loaded before the runtime of a sanitizer")
        if elapsed is not None:  # systemd-analyze is asked about times, and has no clock of its own
            environment |= {"LD_PRELOAD": FAKETIME[0], "FAKETIME": f"{elapsed - time.time():+f}s",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        return subprocess.Popen([*self.command.argv, "schedule", str(path), *words], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, **environment})

    def __call__(self, path, elapsed=None, *words, **environment):
        running = self.start(path, elapsed, *words, **environment)
        out, err = running.communicate(timeout=60)
        return subprocess.CompletedProcess(running.args, running.returncode, out, err)


@pytest.fixture
def schedules(empty_queue, command, tmp_path):
    return Schedules(tmp_path, command)


def registered(db):
    return [(row["key"], row["job_id"]) for row in db.sql("SELECT * FROM jobd.registration ORDER BY key")]


def test_schedule(empty_queue, schedules):
    """The job is that of the file, and says who registered it."""
    db = empty_queue
    path = schedules.write(parameters={"tag": "a = b; c", "sleep_ms": 0}, retry_interval=60, max_retry=3)
    done = schedules(path, at("2026-11-30 02:00:00") + 0.01)
    assert done.returncode == 0 and not done.stderr, done.stderr
    row = db.job(int(done.stdout))
    assert (row["co_id"], row["plugin"], row["retry_interval"], row["max_retry"], row["requeue_interval"]) \
        == (2, "Example.CountJob", 60, 3, None)
    assert row["actor_identifier"] == "schedule nightly" and "schedule nightly" in row["register_summary"]
    assert '"tag":"a = b; c"' in row["parameters"].replace('": "', '":"')
    assert registered(db) == [("nightly@2026-11-30T02:00:00Z", row["id"])]


@pytest.mark.parametrize("late", [0, 1, 7.5, 59, 60, 61, 3599, 40000, 86390])
def test_late(empty_queue, schedules, late):
    """Two hosts whose timers elapse at different moments, by clocks that differ: one time, one job."""
    path = schedules.write()
    first = schedules(path, at("2026-11-30 02:00:00"))
    empty_queue.sql("UPDATE public.jobs SET status = 'CX'")  # nothing waits that would make a duplicate
    second = schedules(path, at("2026-11-30 02:00:00") + late)
    assert (first.returncode, second.returncode) == (0, 0)
    assert second.stdout == first.stdout and "'nightly@2026-11-30T02:00:00Z' before" in second.stderr


@pytest.mark.parametrize("elapsed, expected", [
    ("2026-11-30 01:59:55", "2026-11-29T02:00:00Z"), ("2026-11-30 02:00:00", "2026-11-30T02:00:00Z"),
    ("2026-12-01 01:59:55", "2026-11-30T02:00:00Z"), ("2026-12-01 02:00:00", "2026-12-01T02:00:00Z")])
def test_boundary(empty_queue, schedules, elapsed, expected):
    assert schedules(schedules.write(), at(elapsed)).returncode == 0
    (key, _), = registered(empty_queue)
    assert key == f"nightly@{expected}"


@pytest.mark.parametrize("when, expected", [
    ("minutely", "2026-11-30T14:37:00Z"), ("*:0/15", "2026-11-30T14:30:00Z"),
    ("hourly", "2026-11-30T14:00:00Z"), ("Mon,Thu 03:00 UTC", "2026-11-30T03:00:00Z"),
    ("Sun 03:00 UTC", "2026-11-29T03:00:00Z"), ("*-*-01 00:00 UTC", "2026-11-01T00:00:00Z"),
    ("*-02-29 12:00 UTC", "2024-02-29T12:00:00Z"),
    ("*-*-* 09..11:0/20 UTC", "2026-11-30T11:40:00Z"),
    ("*-*-* 02:00 Europe/Berlin", "2026-11-30T01:00:00Z")])
def test_calendars(empty_queue, schedules, when, expected):
    """As systemd reckons; the zone of whoever calls the command is nothing to it."""
    done = schedules(schedules.write(when=when), at("2026-11-30 14:37:42"), TZ="Asia/Kathmandu")
    assert done.returncode == 0, done.stderr
    (key, _), = registered(empty_queue)
    assert key == f"nightly@{expected}"


def test_summer_time(empty_queue, schedules):
    """The hour that comes twice, and the one that does not come."""
    path = schedules.write(when="*-*-* 02:30 Europe/Berlin")
    for elapsed in ("2026-03-29 12:00:00", "2026-10-25 00:30:00", "2026-10-25 01:30:00"):
        done = schedules(path, at(elapsed))
        assert done.returncode == 0, done.stderr
        empty_queue.sql("UPDATE public.jobs SET status = 'CX'")
    assert [key for key, _ in registered(empty_queue)] == ["nightly@2026-03-28T01:30:00Z",
                                                         "nightly@2026-10-25T00:30:00Z"]


def test_by_hand(empty_queue, schedules):
    """Without a timer the time is the last one before now: registered as if it had been missed, once."""
    path = schedules.write(when="2020-01-01 03:00 UTC")
    first, second = schedules(path), schedules(path)
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == second.stdout and "before: no other one is" in second.stderr
    assert [key for key, _ in registered(empty_queue)] == ["nightly@2020-01-01T03:00:00Z"]
    forced = schedules(path, None, "--force", "--actor", "ada")
    assert forced.returncode == 0 and "still waits" in forced.stderr and not forced.stdout
    empty_queue.sql("UPDATE public.jobs SET status = 'CX'")
    forced = schedules(path, None, "--force", "--actor", "ada")
    row = empty_queue.job(int(forced.stdout))
    assert row["actor_identifier"] == "ada" and row["status"] == "Q"


def test_duplicate(empty_queue, schedules, command):
    """The job of the last time still waits: no failure, and said; the time has no job, and is not used
    up: another host whose timer elapses after the end of that job registers it."""
    path = schedules.write()
    before = command("-c", 2, "-j", "Example.CountJob")
    done = schedules(path, at("2026-11-30 02:00:00"))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (f"registry-job: job {before.stdout.strip()}, which is the same, still waits or runs: "
                           "the schedule 'nightly' registers none for this time\n")
    assert not registered(empty_queue)
    command("cancel", before.stdout.strip())
    assert schedules(path, at("2026-11-30 02:00:00")).stdout


def test_concurrent(empty_queue, schedules):
    """Eight hosts at once, with clocks that are seconds apart."""
    path = schedules.write()
    running = [schedules.start(path, at("2026-11-30 02:00:00") + host * 1.5) for host in range(8)]
    told = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 8, told
    assert len({out for out, _ in told}) == 1 and len(registered(empty_queue)) == 1, told
    assert empty_queue.value("SELECT count(*) FROM public.jobs") == 1


def test_missed_times(empty_queue, schedules):
    """However many were missed, the last one is registered, and no other."""
    path = schedules.write()
    assert schedules(path, at("2026-11-20 02:00:00")).returncode == 0
    empty_queue.sql("UPDATE public.jobs SET status = 'CX'")
    assert schedules(path, at("2026-11-30 14:00:00")).returncode == 0
    assert [key for key, _ in registered(empty_queue)] == ["nightly@2026-11-20T02:00:00Z",
                                                         "nightly@2026-11-30T02:00:00Z"]


@pytest.mark.parametrize("text, words", [
    ("", ["{}: [schedule] has no 'when'", "[schedule] has no 'co'", "[schedule] has no 'job'"]),
    ("[schedule]\nwhen = daily\nco = 2\n", ["{}: [schedule] has no 'job'"]),
    ("[schedule]\nwhen = daily\nwhen = daily\nco =\njob = A.B\nevery = 3\n",
     ["{}:3: when is given twice", "{}:4: co has no value", "{}:6: unknown key 'every' in [schedule]"]),
    ("[when]\nwhen = daily\n", ["{}:1: unknown section [when], known are: [schedule], [parameters]"]),
    ("when = daily\n", ["{}:1: 'when' stands before the first [section]"]),
    ("[schedule]\nwhen: daily\nnonsense\n", ["{}:2: neither a [section] nor a key = value", "{}:3: neither"]),
    ("[schedule]\nretry_interval = 0\nmax_retry = many\n",
     ["{}:2: retry_interval must be a number from 1", "{}:3: max_retry must be a number from 0"]),
    (b"[schedule]\nwhen = \xff\n", ["'{}' is not UTF-8 text"]),
    ("[schedule]\nwhen = " + "x" * 9000 + "\n", ["{}:2: the line is too long: "])])
def test_wrong_files(schedules, text, words):
    """78, which systemd does not try again; all that is wrong, with file and line."""
    path = schedules.text(text)
    done = schedules(path)
    assert done.returncode == 78 and not done.stdout
    for word in words:
        assert word.format(path) in done.stderr, done.stderr


@pytest.mark.parametrize("keys, code, words", [
    ({"when": "every full moon"}, 78, "{}: when = every full moon: Failed to parse calendar specification"),
    ({"when": "2099-01-01"}, 78, "{}: when = 2099-01-01: '2099-01-01' has not come yet"),
    ({"when": "--help"}, 78, "{}: when = --help: Failed to parse calendar specification"),
    ({"co": "many"}, 78, "{}:3: co must be the id of a CO, not 'many'"), ({"co": 4711}, 1, "there is no CO 4711"),
    ({"job": "No.Such"}, 1, "No.Such"),
    ({"parameters": {"sleep_ms": "long"}}, 1, "parameter 'sleep_ms' must be an integer, not 'long'")])
def test_wrong_words(empty_queue, schedules, keys, code, words):
    """What is wrong with the job itself is said as always, with the file that it comes from."""
    path = schedules.write(**keys)
    done = schedules(path)
    assert done.returncode == code and words.format(path) in done.stderr, done.stderr
    assert str(path) in done.stderr
    if code != 78:
        assert "systemctl start registry-job-register@nightly" in done.stderr
    assert not registered(empty_queue)


def test_files_of_others(schedules):
    """A file that anybody can change is not read."""
    path = schedules.write()
    path.chmod(0o666)
    done = schedules(path)
    assert done.returncode == 78 and f"'{path}' is not read: " in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["../x", "a/../.b.conf", "", "a b", "ä", "x" * 65])
def test_names(schedules, name):
    done = schedules(name)
    assert done.returncode == 78 and ("is not the name of a schedule" in done.stderr
                                      or "could not read" in done.stderr), done.stderr


def test_not_there(schedules):
    done = schedules("nightly")
    assert done.returncode == 78
    assert "could not read '" in done.stderr and "/registry-jobd/schedules/nightly.conf'" in done.stderr


def test_secrets(empty_queue, schedules, tmp_path):
    """A value in the file is on no command line, so that nothing warns of it."""
    config = write_config(tmp_path / "secret.conf", **{**DEFAULTS, "conninfo": empty_queue.conninfo,
                                                       "load": "Secret"})
    path = schedules.write(job="Secret.SecretJob", parameters={"token": "n0T-t0-be-Sh0wn"})
    done = schedules(path, None, "--config", str(config))
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "n0T-t0-be-Sh0wn" in empty_queue.job(int(done.stdout))["parameters"]


def test_without_the_database(empty_queue, schedules, tmp_path):
    """69, which systemd tries again."""
    config = tmp_path / "away.conf"
    config.write_text("[database]\nconninfo = host=/nonexistent dbname=registry\n[plugins]\nload =\n")
    done = schedules(schedules.write(), None, "--config", str(config))
    assert done.returncode == 69 and "nothing was registered" not in done.stderr, done.stderr
