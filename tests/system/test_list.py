"""registry-job: looking for jobs, times and names as people type them."""
import json
import os
import re

import pytest
from conftest import Terminal, new_id, wait_for

OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 3
COUNT, NOOP = "Example.CountJob", "Example.NoopJob"


@pytest.fixture
def queue(empty_queue):
    return empty_queue


# ---- times that are typed ----

@pytest.mark.parametrize("text, seconds", [("90", 90), ("90s", 90), ("90m", 5400), ("90min", 5400),
                                           ("1h", 3600), ("2d", 172800), ("2000ms", 2)])
def test_units(queue, command, text, seconds):
    """A number is of seconds, as ever; a unit may follow."""
    job = queue.job(new_id(command("-c", 2, "-j", COUNT, "--delay", text, "--requeue-interval", text,
                                   "--retry-interval", text)))
    assert (job["start_after_time"] - job["register_time"]).total_seconds() == seconds
    assert job["requeue_interval"] == job["retry_interval"] == seconds


@pytest.mark.parametrize("option", ["--delay", "--requeue-interval", "--retry-interval"])
@pytest.mark.parametrize("text", ["soon", "1.5h", "-1h", "1w", "1h30m", "1500ms", "25000d", ""])
def test_no_times(queue, command, option, text):
    """The message has the option, what was typed, and what would be right."""
    done = command("-c", 2, "-j", COUNT, option, text)
    assert done.returncode == USAGE and option in done.stderr and f"'{text}'" in done.stderr
    assert "15m, 1h or 2d" in done.stderr and not queue.live()


# ---- did you mean ----

def test_did_you_mean(queue, command):
    """A verb or a parameter that is nearly one is told with the one that it may be."""
    done = command("lsit")
    assert done.returncode == USAGE and "did you mean 'list'?" in done.stderr
    assert "did you mean" not in command("frobnicate").stderr
    done = command("-c", 2, "-j", COUNT, "cuont=1", "nonsense=1")
    assert done.returncode == FAILED and "did you mean 'count'?" in done.stderr
    assert done.stderr.count("did you mean") == 1


# ---- COs by name ----

@pytest.fixture
def named(queue):
    """named(name, **columns): a new CO of that name."""
    def add(name, status="A", **columns):
        row = {"name": name, "status": status, "revision": 0, "deleted": False, **columns}
        return queue.value(f"INSERT INTO public.cos ({', '.join(row)}, created) VALUES"
                           f" ({', '.join(['%s'] * len(row))}, now()) RETURNING id", *row.values())
    return add


def test_co_by_name(queue, command, add_job, named):
    """Wherever -c is taken: registering, listing, the queue, draining."""
    co = named("Physik \u00fc 7")
    other = add_job(3)
    job = new_id(command("-c", "Physik \u00fc 7", "-j", COUNT))
    assert queue.job(job)["co_id"] == co
    rows = json.loads(command("list", "--co", "Physik \u00fc 7", "--json").stdout)
    assert [row["id"] for row in rows] == [job]
    assert [row["co_id"] for row in json.loads(
        command("queue", "-c", "Physik \u00fc 7", "--json").stdout)] == [co]
    assert command("-r", "-c", "Physik \u00fc 7").returncode == OK
    assert queue.status(job) == "OK" and queue.status(other) == "Q"
    job = new_id(command("-c", "Physik \u00fc 7", "-j", COUNT, "-s"))
    assert queue.job(job)["co_id"] == co


def test_no_such_co(queue, command, named):
    """Unknown names, those of COs that are not active, archive copies: near names are told."""
    co, gone = named("Physics"), named("Gone", status="S")
    named("Copy", co_id=co)
    named("Deleted", deleted=True)
    for name in ("Pyhsics", "physics", "PHYSICS", "Phys"):
        done = command("list", "-c", name)
        assert done.returncode == USAGE and f"'Physics' ({co})" in done.stderr, name
    for name in ("Gone", "Copy", "Deleted", "Nonsense", "%", "' OR 1=1", "-7"):
        done = command("list", "-c", name)
        assert done.returncode == USAGE and f"'{name}'" in done.stderr, name
        assert "near" not in done.stderr
    assert command("list", "-c", gone).returncode == OK  # an id is taken as it is


def test_ambiguous_co(queue, command, named):
    """Nobody guesses which of two is meant."""
    ids = [named("Twins"), named("Twins")]
    done = command("-c", "Twins", "-j", COUNT)
    assert done.returncode == USAGE and not queue.live()
    assert all(str(co) in done.stderr for co in ids)


# ---- list ----

def listed(command, *args):
    done = command("list", "--json", *args)
    assert done.returncode == OK, done.stderr
    return [row["id"] for row in json.loads(done.stdout)]


def at(time):
    """Columns of a Complete job that ended then."""
    return {"status": "OK", "register_time": "2026-01-01 00:00:00", "start_time": "2026-01-01 00:00:01",
            "finish_time": time}


def test_by_time(queue, command, add_job):
    """The time of a job is when it ended; before, when it started or was registered."""
    old = add_job(2, **at("2026-03-01 10:00:00"))
    new = add_job(2, **at("2026-03-02 10:00:00"))
    running = add_job(2, status="GO", register_time="2026-01-01", start_time="2026-03-03 10:00:00")
    waiting = add_job(2, register_time="2026-03-04 10:00:00")
    nothing = add_job(2, register_time=None)
    utc = {"env": {"TZ": "UTC", "PATH": "/usr/bin:/bin"}}

    def ids(*args, **kwargs):
        done = command("list", "--json", *args, **(kwargs or utc))
        assert done.returncode == OK, done.stderr
        return [row["id"] for row in json.loads(done.stdout)]
    assert ids() == [nothing, waiting, running, new, old]
    assert ids("--since", "2026-03-02") == [waiting, running, new]
    assert ids("--since", "2026-03-02", "--until", "2026-03-03") == [new]
    assert ids("--until", "2026-03-02 10:00") == [old]
    assert ids("--until", "2026-03-02 10:00:01") == [new, old]
    assert ids("--since", "2026-03-02T11:00:00+01:00", "--until", "2026-03-02T05:01:00-05:00") == [new]
    assert ids("--since", "2026-03-02T11:00:01+01:00", "--until", "2026-03-03") == []
    berlin = {"env": {"TZ": "Europe/Berlin", "PATH": "/usr/bin:/bin"}}  # 11:00 is 10:00 UTC
    assert ids("--since", "2026-03-02 11:00", "--until", "2026-03-03", **berlin) == [new]
    assert ids("--since", "2026-03-02 11:01", "--until", "2026-03-03", **berlin) == []


def test_ago(queue, command, add_job):
    """A duration is counted back from now."""
    add_job(2, status="OK", finish_time="2026-03-02 10:00:00")
    recent = add_job(2)
    assert listed(command, "--since", "2h") == [recent]
    assert listed(command, "--since", "15m", "--until", "2d") == []


@pytest.mark.parametrize("text", ["soon", "2026", "2026-02-30", "2026-11-30 25:00", "5w", ""])
@pytest.mark.parametrize("option", ["--since", "--until"])
def test_no_point_in_time(queue, command, option, text):
    """The message has the option, what was typed, and what would be right."""
    done = command("list", option, text)
    assert done.returncode == USAGE and option in done.stderr and f"'{text}'" in done.stderr
    assert "2026-11-30T14:00:00Z" in done.stderr and "2h" in done.stderr


def test_by_model_and_text(queue, command, add_job):
    """A part is enough, in any case of letters; no character of it means anything else."""
    nester = add_job(2, "CoreJob.NesterJob", {"group_id": "7", "tag": "M\\u00fcller a/b"})
    count = add_job(2, COUNT, {"tag": "100%_x"}, status="X", finish_summary="Could not reach LDAP")
    for option in ("--model", "--plugin"):
        assert listed(command, option, "nester") == [nester]
        assert listed(command, option, COUNT) == [count]
        assert listed(command, option, "%") == listed(command, option, "Example_Count") == []
    assert listed(command, "--text", "could not REACH") == [count]
    assert listed(command, "--text", "100%_") == [count]
    assert listed(command, "--text", "m\\u00fcller") == [nester]  # as PHP writes it, it is escaped
    assert listed(command, "--text", "a/b") == [nester]
    assert listed(command, "--text", "JobCommand by", "--model", "Count") == [count]
    assert listed(command, "--text", "nowhere") == []
    for option in ("--model", "--text"):
        assert command("list", option, "").returncode == USAGE


def test_by_person(queue, command, add_job):
    """Jobs that have a record about a person, each once; no deleted record, no copy."""
    person = queue.value("SELECT min(id) FROM public.people WHERE co_id = 2 AND person_id IS NULL")
    jobs = [add_job(2) for _ in range(4)]
    for job, columns in ((jobs[0], {}), (jobs[0], {}), (jobs[2], {}), (jobs[1], {"deleted": True})):
        row = {"job_id": job, "person_id": person, "deleted": False, **columns}
        queue.sql(f"INSERT INTO public.job_history_records ({', '.join(row)}, created) VALUES"
                  " (%s, %s, %s, now())", *row.values())
    assert listed(command, "--person", person) == [jobs[2], jobs[0]]
    assert listed(command, "--person", person, "--limit", 1) == [jobs[2]]
    assert listed(command, "--person", person, "--before", jobs[2]) == [jobs[0]]
    assert listed(command, "--person", person, "--status", "failed") == []
    assert listed(command, "--person", person + 1) == []
    assert command("list", "--person", "ada").returncode == USAGE


def test_by_status(queue, command, add_job):
    """Several, by names or codes; one that is nearly one is told."""
    ids = {status: add_job(2, status=status) for status in ("Q", "A", "GO", "OK", "X", "CX")}
    assert listed(command, "--status", "failed,CX,Queued") == [ids["CX"], ids["X"], ids["Q"]]
    done = command("list", "--status", "failed,cancelled")
    assert done.returncode == USAGE and "did you mean 'canceled'?" in done.stderr


MANY = 25000


@pytest.fixture
def many(queue):
    """So many Complete jobs of CO 2 that several pages are walked; every tenth row is a copy."""
    queue.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, created, job_id)"
              " SELECT 2, 'P.M', '[]', 'OK', now(), NULL FROM generate_series(1, %s)", MANY)
    first = queue.value("SELECT min(id) FROM public.jobs")
    queue.sql("UPDATE public.jobs SET job_id = %s WHERE id %% 10 = 0 AND id > %s", first, first)
    return queue


def test_many_pages(many, command, add_job):
    """Any number of rows, each once, in a valid array; paging by id meets each once as well."""
    live = [row["id"] for row in many.live()][::-1]
    assert listed(command, "--limit", 1000000) == live
    assert listed(command, "--limit", 1001) == live[:1001]
    assert len(command("list", "--limit", 1000000).stdout.splitlines()) == len(live) + 1
    paged = []
    while page := listed(command, "--limit", 6000, *(["--before", paged[-1]] if paged else [])):
        paged += page
    assert paged == live


def test_walks_to_the_end(many, command, add_job):
    """What fits may be behind pages in which nothing does."""
    oldest = many.live()[0]["id"]
    many.sql("UPDATE public.jobs SET status = 'CX' WHERE id = %s", oldest)
    newest = add_job(3, COUNT)
    assert listed(command, "--status", "canceled") == [oldest]
    assert listed(command, "-c", 3) == [newest]
    assert listed(command, "--model", "nothing") == []
    assert command("list", "--model", "nothing").stdout.startswith("ID ")


def test_memory_stays_flat(many, command):
    """A long list takes no more memory than a short one."""
    watch = ("import resource, subprocess, sys;"
             "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")

    def peak(n):
        done = command("list", "--json", "--limit", n, prefix=[
            "env", f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=1",
            "/usr/bin/python3", "-c", watch])
        assert done.returncode == OK, done.stderr
        return int(done.stdout)
    assert peak(MANY) < peak(2000) + 2000  # KiB


def test_broken_off(many, command):
    """A list that cannot be had is no array, and the exit code says so."""
    many.sql("REVOKE SELECT ON public.jobs FROM registry_jobd")
    done = command("list", "--json")
    assert done.returncode == FAILED and not done.stdout and "permission denied" in done.stderr


# ---- as people read it ----

def shown(command, *args, **env):
    terminal = Terminal(command, *args, **env)
    assert terminal.end() == OK, terminal.shown
    return terminal.lines()


BERLIN = {"TZ": "Europe/Berlin"}


def test_times_of_the_reader(queue, command, add_job):
    """On a terminal in his zone, which is named; elsewhere in UTC, and in JSON it says so."""
    job = add_job(2, **at("2026-07-01 10:00:00"), start_after_time="2026-01-01 10:00:00")
    lines = shown(command, "list", columns=200, **BERLIN)
    zone = re.search(r"FINISHED \((CES?T)\)", lines[0])[1]
    winter = "2026-01-01 11:00:00" + (" CET" if zone != "CET" else "")
    summer = "2026-07-01 12:00:00" + (" CEST" if zone != "CEST" else "")
    assert winter + "  " in lines[1] and summer + "  " in lines[1]
    lines = shown(command, "show", job, **BERLIN)
    assert "finish_time          2026-07-01 12:00:00 CEST" in lines
    assert "finish_time          2026-07-01 10:00:00" in command("show", job).stdout.splitlines()
    assert "FINISHED  " in command("list").stdout and "2026-07-01 10:00:00" in command("list").stdout
    for args in (["show", job], ["list"]):
        row = json.loads(command(*args, "--json").stdout)
        row = row[0] if args == ["list"] else row
        assert row["finish_time"] == "2026-07-01T10:00:00Z"


def test_odd_times(queue, command, add_job):
    """What is no time of the usual form is shown as it is."""
    job = add_job(2, start_after_time="infinity", register_time="0044-03-15 12:00:00 BC")
    assert "start_after_time     infinity" in shown(command, "show", job, **BERLIN)
    row = json.loads(command("show", job, "--json").stdout)
    assert row["start_after_time"] == "infinity" and row["register_time"] == "0044-03-15 12:00:00 BC"


@pytest.mark.parametrize("columns", [40, 80, 100, 120, 250])
def test_width_of_the_terminal(queue, command, add_job, columns):
    """The longest texts are cut, no id, status or time; on a narrow one columns are left out."""
    job = add_job(2, COUNT, **at("2026-07-01 10:00:00"), start_after_time="2026-06-30 10:00:00",
                  finish_summary="\u00e4" * 256, percent_complete=100)
    lines = shown(command, "list", columns=columns, NO_COLOR="1", TZ="UTC")
    assert str(job) in lines[1] and "complete" in lines[1]
    assert ("2026-06-30 10:00:00" in lines[1]) == ("START AFTER" in lines[0]) == (columns >= 100)
    assert ("2026-07-01 10:00:00" in lines[1]) == ("FINISHED" in lines[0]) == (columns >= 80)
    assert ("Example.CountJob" in lines[1]) == (columns >= 80)
    if columns >= 80:
        assert all(len(line) <= columns for line in lines)
        assert len(lines[1]) == columns
    assert "\u00e4" * 256 in command("list").stdout


def test_narrow_terminal(queue, command, daemon, add_job):
    """The tables of queue and status fit 80 columns; what is empty is left out first, and a model can be read."""
    daemon()
    add_job(2, COUNT, {"end": "sleep"})
    add_job(2)
    add_job(3, "Nobody.KnowsJob")
    command("hold", "-c", 4, "--reason", "LDAP moves to another host")
    wait_for(lambda: queue.live(status="GO"))
    for verb in ("queue", "status"):
        lines = shown(command, verb, columns=80, NO_COLOR="1")
        assert all(len(line) <= 80 for line in lines), lines
    assert "Nobody.KnowsJob" in "".join(shown(command, "queue", columns=80))
    assert "Example.CountJob" in "".join(shown(command, "status", columns=80))


def test_colors(queue, command, add_job):
    """Of statuses, on a terminal that has colours, unless the reader wants none."""
    job = add_job(2, status="X")
    assert "\033[31mfailed\033[0m" in "".join(shown(command, "list"))
    assert "\033[31mfailed\033[0m" in "".join(shown(command, "show", job))
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
        assert "\033" not in "".join(shown(command, "list", **env))
    assert "\033[31m" in "".join(shown(command, "list", NO_COLOR=""))
    assert "\033" not in command("list", env={"TERM": "xterm", "PATH": "/usr/bin:/bin"}).stdout


def test_hostile_texts_on_a_terminal(queue, command, add_job):
    """What is cut is cut between characters, and no control character reaches the terminal."""
    add_job(2, "Evil\x1b[2J.Job", register_summary="a\nb\x1b[31m\u202e\x9b" + "\U0001f370" * 200)
    for verb in (["list"], ["queue"], ["status"]):
        text = "".join(shown(command, *verb, NO_COLOR="1"))
        assert "\x1b" not in text and "\u202e" not in text and "\x9b" not in text


def test_status_on_a_terminal(queue, command, daemon, add_job):
    """Times of daemons and of the queue as well."""
    daemon()
    add_job(2, start_after_time="2126-07-01 10:00:00")
    lines = shown(command, "status", columns=200, **BERLIN)
    assert re.search(r"STARTED \(CES?T\)", lines[0])
    assert "2126-07-01 12:00:00" in "".join(shown(command, "queue", columns=200, **BERLIN))
    row = json.loads(command("status", "--json").stdout)["supervisors"][0]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["started"])
