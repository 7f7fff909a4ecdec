"""plugins/registry/bridge.php as a resident program: every way in which a job, a child, the program
or the Registry's start ends, and what a plugin is handed.
"""
import base64
import json
import os
import re
import signal
import statistics
import subprocess
import time

import pytest
from conftest import wait_for
from driver import BRIDGE, PHP, bridge, check, cluster, registry  # noqa: F401

NO_FORK = ("-d", "disable_functions=pcntl_fork")
HAS_FFI = subprocess.run([PHP, "-r", "FFI::cdef('int getpid();');"], capture_output=True).returncode == 0


# ---- what it says ----

def test_models_of_active_plugins(bridge):
    """With their parameters as the daemon has them. A model that nobody can run is left out."""
    one = bridge()
    assert sorted(one.models) == ["Fake.NoopJob", "Fake.StepJob", "Fake.TypesJob"]
    assert one.models["Fake.NoopJob"] == []

    def parameter(name, type, **more):
        return {"name": name, "type": type, "required": False, "help": "", **more}
    assert one.models["Fake.TypesJob"] == [
        parameter("flag", "bool", help="yes or no"),
        parameter("other_flag", "bool"),
        parameter("count", "integer", required=True, help="how many"),
        parameter("size", "integer"),
        parameter("word", "select", choices=["one", "two"]),
        parameter("text", "string"),
        parameter("odd", "string"),
        parameter("person_id", "fk", table="people"),
        parameter("name_id", "fk", table="names"),
        parameter("co_id", "integer"),
        parameter("unheard_of_id", "integer"),
    ]
    assert re.search(r"^Broken.BrokenJob is left out: has no parameters to tell of \(BrokenJob.php:\d+\)$",
                     one.log(), re.MULTILINE)
    assert "Fake.MissingJob is left out: the Registry has no class" in one.log()


def test_model_that_does_not_compile_is_left_out(bridge, registry):
    (registry.app / "plugins/Fake/src/Lib/Jobs/MissingJob.php").write_text("<?php class {")
    one = bridge()
    assert "Fake.NoopJob" in one.models and "Fake.MissingJob" not in one.models
    assert one.run().end == 0


def test_some_models_only(bridge):
    one = bridge(arguments=["--models", "Fake.StepJob,Fake.NoopJob,Other.AnyJob"])
    assert sorted(one.models) == ["Fake.NoopJob", "Fake.StepJob"]


def test_a_job_from_its_start_to_its_end(bridge, registry):
    one = bridge()
    job = registry.add_job()
    row = registry.db.job(job)
    one.give(job, do="walk", steps=2)
    assert one.await_end(job).messages == [
        {"job": job, "start_summary": "walking 2 steps"},
        *[message for i in (1, 2) for message in (
            {"job": job, "record": {"key": str(i), "comment": "done", "status": "OK", "person_id": None,
                                    "external_identity_id": None}},
            {"job": job, "progress": {"done": 50 * i, "total": 100}})],
        {"job": job, "summary": "walked 2 steps"},
        {"job": job, "end": 0},
    ]
    assert registry.db.job(job) == row and not registry.db.history(job)
    assert one.leave() == 0


ENDS = {
    "refuse": "there is nothing to walk on",
    "throw": r"a stone lay in the way \(StepJob.php:\d+\)",
    "error": r"Division by zero \(StepJob.php:\d+\)",
    "type_error": r"strlen\(\): Argument .* must be of type string, array given \(StepJob.php:\d+\)",
    "exit": r"its plugin called exit\(\)",
    "die": r"its plugin called exit\(\)",
    "exit_in_transaction": r"its plugin called exit\(\)",
    "memory": r"PHP fatal error: Allowed memory size of 67108864 bytes exhausted .* \(StepJob.php:\d+\)",
    "undefined": r"PHP fatal error: Declaration of Three::f.* \(StepJob.php.*",
    "signal": "PHP was killed by SIGSEGV",
    "kill": "PHP was killed by SIGKILL",
    "exec": "PHP ended with exit code 3",
    "forget": "its plugin ended without finishing its job",
    "open": "its plugin left a transaction open, which was rolled back",
    "begin_by_sql": "its plugin left a transaction open, which was rolled back",
    "start_twice": r"Job \d+ was started before \(bridge.php:\d+\)",
    "finish_only": r"Job \d+ is not in progress and cannot be finished \(bridge.php:\d+\)",
    "finish_early": r"late \(StepJob.php:\d+\)",
}
ALONE = [name for name in ENDS if name not in ("signal", "kill", "exec")]


@pytest.mark.parametrize("do", ENDS)
def test_a_job_that_does_not_end_well(bridge, registry, do):
    """It has failed, says why and where, has changed nothing that it did not commit, and costs no
    other job anything: a new child of the same program goes on."""
    one = bridge()
    assert one.run("walk").end == 0
    before = one.children()
    outcome = one.run(do)
    assert outcome.end == 1 and re.fullmatch(ENDS[do], outcome.summary), outcome.messages
    assert one.children() == []
    registry.db.sql("SET lock_timeout = '2s'")
    assert registry.db.sql("UPDATE public.cos SET description = 'free' WHERE description = ''") == 3
    assert one.run("walk", steps=3).end == 0
    assert one.children() != before and registry.count_boots() == 1
    assert one.leave() == 0


@pytest.mark.parametrize("do", ALONE)
def test_a_job_that_does_not_end_well_without_a_fork(bridge, registry, do):
    """Then the program leaves, and does not take another job."""
    one = bridge(php_arguments=NO_FORK)
    outcome = one.run(do)
    assert outcome.end == 1 and re.fullmatch(ENDS[do], outcome.summary), outcome.messages
    with pytest.raises(BrokenPipeError):
        one.give(registry.add_job())
    assert one.read() is None
    one.wait()
    assert bridge().run("walk").end == 0


def test_a_child_that_does_not_leave_is_killed(bridge):
    one = bridge()
    outcome = one.run("slow_end")
    assert outcome.end == 1 and outcome.summary.startswith("ends slowly")
    assert one.run("walk").end == 0


def test_memory_for_the_last_words(bridge):
    """Under a limit of the whole program."""
    one = bridge(php_arguments=("-d", "memory_limit=32M"))
    outcome = one.run("little_memory")
    assert outcome.end == 1 and "PHP fatal error: Allowed memory size" in outcome.summary
    assert one.run("walk").end == 0


# ---- what a plugin is handed ----

def test_parameters_of_every_kind(bridge):
    """As stored, but for a bool, which is one."""
    one = bridge()
    for value, expected in [(True, True), (False, False), ("true", True), ("false", False), ("1", True),
                            ("0", False), (1, True), (0, False), ("", False), (None, False)]:
        outcome = one.run(model="Fake.TypesJob", flag=value, other_flag=value)
        assert outcome.comments() == {"flag": str(expected).lower(), "other_flag": str(expected).lower()}
    assert one.run(model="Fake.TypesJob", flag="perhaps").comments() == {"flag": "'perhaps'"}
    outcome = one.run(model="Fake.TypesJob", count="17", size=17, word="one", text="false", odd=1.5,
                      person_id="4,5", unknown=None, name_id=3)
    assert outcome.comments() == {
        "count": "'17'", "size": "17", "word": "'one'", "text": "'false'", "odd": "1.5",
        "person_id": "'4,5'", "unknown": "NULL", "name_id": "3"}
    assert one.run(model="Fake.TypesJob", text="x" * 300000).end == 0  # longer than a pipe
    assert one.run(model="Fake.TypesJob").records == []


def test_entity_as_the_runner_of_the_registry_hands_it_over(bridge, registry):
    """Assigned when it is started, and nothing by which finish() would register a successor."""
    one = bridge()
    outcome = one.run("entity", columns={"requeue_interval": 60, "retry_interval": 60, "retry_count": 2})
    job = outcome.messages[0]["job"]
    assert json.loads(outcome.comments()["entity"]) == [job, registry.cos[0], "GO", None, None, 2, []]
    assert outcome.end == 0 and one.run("throw", columns={"retry_interval": 60}).end == 1
    assert registry.db.value("SELECT count(*) FROM public.jobs") == 2


def test_row_of_the_job_is_the_daemons(bridge, registry):
    one = bridge()
    job = registry.add_job()
    row = registry.db.job(job)
    one.give(job, do="own")
    assert one.await_end(job).end == 0
    assert registry.db.job(job) == row
    assert one.log().count(f"the row of job {job} is the daemon's: what a plugin saved is dropped") == 2


def test_other_jobs_are_the_registrys(bridge, registry):
    """A plugin may start, finish and write about another job, as it always could."""
    one = bridge()
    other = registry.add_job(status="A")
    assert one.run("other", other=other).end == 0
    row = registry.db.job(other)
    assert (row["status"], row["start_summary"], row["finish_summary"], row["percent_complete"]) == \
        ("X", "of another", "ended by another", 42)
    assert [(r["record_key"], r["comment"]) for r in registry.db.history(other)] == [("of another", "false")]


def test_jobs_registered_from_within_a_job(bridge, registry):
    """A successor as ProvisioningTargets registers it."""
    outcome = bridge().run("register", columns={"retry_count": 1})
    row = registry.db.job(int(outcome.comments()["registered"]))
    assert (row["status"], row["plugin"], row["requeued_from_job_id"], row["retry_count"]) == \
        ("Q", "Fake.NoopJob", outcome.messages[0]["job"], 2)


@pytest.mark.parametrize("php_arguments", [(), NO_FORK], ids=["fork", "alone"])
def test_tables_know_the_co_of_the_job(bridge, registry, php_arguments):
    one = bridge(php_arguments=php_arguments)
    for co in (*registry.cos, *registry.cos):
        assert one.run("co", co=co).comments()["co"] == str(co)


def test_records_with_links_and_each_status(bridge, registry):
    one = bridge()
    assert one.run("person").records[0] == {"key": "p", "comment": "linked", "status": "OK",
                                            "person_id": 17, "external_identity_id": 4}
    job = registry.add_job(status="CX")
    one.give(job, do="walk")
    assert [record["status"] for record in one.await_end(job).records] == ["OK", "CX"]


def test_progress_stays_in_its_range(bridge):
    done = [message["progress"]["done"] for message in bridge().run("percents").messages
            if "progress" in message]
    assert done[:4] == [0, 0, 100, 100]


def forms_of_text():
    """200 texts, and what is to arrive of each; None: anything that is a text."""
    forms = [(b"", ""), (b"plain", "plain"), ("ä€😀".encode(), "ä€😀"), (b"a\0b", "a?b"), (b"\0", "?"),
             (b"x" * 5000, "x" * 4096), (b"\0" * 5000, "?" * 4096), (b"'\"\\/</script>", "'\"\\/</script>"),
             (b'{"job": 1, "end": 0}', '{"job": 1, "end": 0}'), (b'\n{"job": 1, "end": 0}\n',) * 2,
             ("\u2028\u2029\ufeff\u202e".encode(), "\u2028\u2029\ufeff\u202e"), (b"\xff", None),
             (b"\xc3", None), (b"\xed\xa0\x80", None), (b"\xc0\x80", None), (b"\xf5\x80\x80\x80", None),
             ("€".encode() * 3000, None), (b"x" * 100000 + b"\xff", "x" * 4096), (b"%s%n%d", "%s%n%d"),
             (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"), ("\x85\x9b".encode(), "\x85\x9b")]
    forms = [(raw, out.decode() if isinstance(out, bytes) else out) for raw, out in forms]
    forms += [(bytes([i]) * 3, chr(i) * 3) for i in range(1, 128)]
    forms += [(b"a" + bytes([i]) + b"b", None) for i in range(128, 256)]
    return [form for form in forms if b"\n" not in form[0] or b"{" in form[0]][:200]


def test_200_forms_of_text(bridge, registry, tmp_path):
    forms = forms_of_text()
    assert len(forms) == 200
    file = tmp_path / "texts"
    file.write_bytes(b"".join(base64.b64encode(raw) + b"\n" for raw, _ in forms))
    one = bridge()
    job = registry.add_job()
    one.give(job, do="texts", file=str(file))
    lines = []
    while b'"end"' not in (line := one.read_line()) or b'"record"' in line:
        assert len(line) < 65536
        lines.append(line.decode())  # fails unless UTF-8
    records = [message["record"] for message in map(json.loads, lines) if "record" in message]
    for i, (_, expected) in enumerate(forms):
        comment = records[i]["comment"]
        assert records[i]["key"] == str(i) and "\0" not in comment
        assert comment == expected if expected is not None else "\ufffd" in comment or "€" in comment
    assert records[200] == {"key": "", "comment": "", "status": "NT", "person_id": None,
                            "external_identity_id": None}
    assert json.loads(line)["end"] == 0


# ---- descriptors ----

def test_what_a_plugin_prints_is_no_message(bridge):
    one = bridge()
    outcome = one.run("echo")
    assert outcome.end == 0 and outcome.summary == "walked 1 steps"
    assert not [record for record in outcome.records if record["comment"] == "forged"]
    assert one.log().count("forged") == 2 and re.search(r'"end":0', one.log())


def test_a_plugin_reads_no_job(bridge, registry):
    one = bridge()
    first, second = registry.add_job(), registry.add_job()
    one.give(first, do="input")
    one.give(second, do="walk")
    assert one.await_end(first).comments()["input"] == "''"
    assert one.await_end(second).end == 0


@pytest.mark.parametrize("php_arguments", [(), ("-d", "ffi.enable=0")], ids=["ffi", "no-ffi"])
def test_a_process_that_a_job_leaves_behind(bridge, php_arguments):
    """It holds no descriptor of jobs or messages where PHP can prevent that; and where it does write
    there, no end of a job is lost by it."""
    one = bridge(php_arguments=php_arguments)
    lines, job = [], one.registry.add_job()
    one.give(job, do="leave_behind")
    while b'"end":' not in (line := one.read_line()) or b"job" not in line or line.startswith(b'{"job": 1'):
        lines.append(line)
    assert json.loads(line) == {"job": job, "end": 0}
    whole = [json.loads(text) for text in lines if not text.startswith(b'{"job": 1')]
    assert [next(iter(set(message) - {"job"})) for message in whole] == [
        "start_summary", "record", "record", "progress", "summary"]
    comment = whole[1]["record"]["comment"]
    fds = dict(pair.partition(" ")[::2] for pair in comment.split(", "))
    assert fds["0"] == "/dev/null"
    if HAS_FFI and not php_arguments:
        assert not [fd for fd, file in fds.items() if int(fd) > 2 and file.startswith(("pipe", "socket"))]
        assert not [text for text in lines if text.startswith(b'{"job": 1,')]
    one.close_input()
    assert one.wait() == 0  # what is left is for the kill of the group


def test_a_plugin_that_forks(bridge):
    """Its child neither speaks for the job nor goes on with jobs."""
    one = bridge()
    for do in ("fork", "fork_and_exit"):
        outcome = one.run(do)
        assert outcome.end == 0 and [r["key"] for r in outcome.records if r["comment"] == "done"] == ["1"]
        assert [r["comment"] for r in outcome.records if r["key"] == "forked"] in ([], ["9"])
    wait_for(lambda: len(one.group()) == 2, what="the program and one child")


def test_nobody_listens_any_more(bridge, registry):
    """Who cannot say anything does nothing either."""
    one = bridge()
    job = registry.add_job()
    one.give(job, do="walk", steps=10000, pause=5)
    one.await_start(job)
    os.close(one.output)
    one.output = os.open("/dev/null", os.O_RDONLY)
    wait_for(lambda: not one.children(), what="the end of the child")


# ---- turns ----

def test_a_turn_is_one_child(bridge, registry):
    """Jobs of a CO run in one process, one after another; those of another CO in another one."""
    one = bridge()
    a, b, _ = registry.cos
    processes, seen = zip(*[(outcome.comments()["process"], outcome.comments()["seen"]) for outcome in
                            (one.run("remember", co=co) for co in (a, a, b, a))])
    assert processes[0] == processes[1] and len(set(processes)) == 3
    assert [len([job for job in jobs.split(",") if job]) for jobs in seen] == [0, 1, 0, 0]
    assert registry.count_boots() == 1


def test_a_turn_ends_with_the_jobs(bridge, registry):
    """Who has nothing to do holds no connection, and remembers nothing of the database for later."""
    one = bridge()
    assert one.run("remember").comments()["seen"] == ""
    wait_for(lambda: not one.children(), what="the end of the turn")
    wait_for(lambda: not registry.db.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'registry'"))
    assert one.run("remember").comments()["seen"] == "" and registry.count_boots() == 1


def test_a_child_is_replaced_after_some_jobs(bridge, registry):
    one = bridge(REGISTRY_BRIDGE_JOBS="2")
    processes = [one.run("remember").comments()["process"] for _ in range(5)]
    assert [processes.count(process) for process in dict.fromkeys(processes)] == [2, 2, 1]
    assert registry.count_boots() == 1


def test_alone_it_leaves_after_some_jobs(bridge, registry):
    one = bridge(REGISTRY_BRIDGE_JOBS="2", php_arguments=NO_FORK)
    assert [one.run().end, one.run().end] == [0, 0]
    with pytest.raises(BrokenPipeError):
        one.give(registry.add_job())
    assert one.wait() == 0 and one.read() is None


@pytest.mark.limit(120)
def test_1000_jobs_of_one_co(bridge, registry):
    """The Registry is started once, and memory does not grow."""
    one = bridge()
    jobs = [registry.add_job() for _ in range(1000)]
    memory, begin = {}, time.monotonic()
    for i, job in enumerate(jobs):
        if i in (100, 999):
            one.give(job, do="remember")
            outcome = one.await_end(job)
            memory[i] = int(outcome.comments()["memory"])
        else:
            one.give(job, "Fake.NoopJob")
            outcome = one.await_end(job)
        assert outcome.end == 0
    took = time.monotonic() - begin
    child, = one.children()
    peak = re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{child}/status").read())[1]
    print(f"{took:.3f} ms a job; {peak} kB at most")
    assert memory[999] - memory[100] < 50000, memory
    assert registry.count_boots() == 1


def test_jobs_that_wait_in_the_pipe(bridge, registry):
    one = bridge()
    jobs = [(registry.add_job(co), co) for co in registry.cos for _ in range(2)]
    for job, co in jobs:
        one.give(job, "Fake.NoopJob", co)
    one.close_input()
    assert [one.await_end(job).end for job, _ in jobs] == [0] * 6
    assert one.read() is None and one.wait() == 0


# ---- cancel ----

def cancel_in_the_database(registry, job):
    registry.db.sql("UPDATE public.jobs SET status = 'CX' WHERE id = %s", job)


def test_cancel_in_the_middle(bridge, registry):
    """Reaches a running plugin at once, and no job after it."""
    one = bridge()
    took = []
    for _ in range(30):
        job = registry.add_job()
        one.give(job, do="hang", steps=2)
        one.await_start(job)
        cancel_in_the_database(registry, job)
        begin = time.monotonic()
        one.cancel()
        outcome = one.await_end(job)
        took.append(1000 * (time.monotonic() - begin))
        assert [record["status"] for record in outcome.records] == ["OK", "CX"]
        assert [record["status"] for record in one.run("walk", steps=2).records] == ["OK", "OK"]
    print(f"cancel: p50 {statistics.median(took):.1f} ms, at most {max(took):.1f} ms")
    assert registry.count_boots() == 1


def test_cancel_while_a_child_is_forked(bridge, registry):
    """Each child gets the signal as soon as there is one, before it can have a handler."""
    one = bridge()
    for i in range(60):
        job = registry.add_job(registry.cos[i % 2])
        before = one.children()
        one.give(job, co=registry.cos[i % 2], do="hang")
        wait_for(lambda: set(one.children()) - set(before), interval=0, what="a child")
        one.cancel()
        assert one.await_end(job).records[-1]["status"] == "CX"


def test_cancel_between_two_jobs_of_a_turn(bridge, registry):
    """The signal was about the job before. One that is about the next job, and comes before that job
    has begun, is found in the database."""
    one = bridge()
    assert one.run("walk").end == 0
    one.cancel()
    assert [record["status"] for record in one.run("walk", steps=2).records] == ["OK", "OK"]
    job = registry.add_job(status="CX")
    one.give(job, do="hang")
    assert one.await_end(job).records[-1]["status"] == "CX"
    assert [record["status"] for record in one.run("walk").records] == ["OK"]


def test_cancel_while_idle(bridge):
    one = bridge()
    one.cancel()
    assert one.run("walk").end == 0
    one.cancel()
    assert one.leave() == 0


def test_cancel_without_a_fork_is_asked_for(bridge, registry):
    one = bridge(php_arguments=NO_FORK)
    job = registry.add_job()
    one.give(job, do="hang")
    one.await_start(job)
    cancel_in_the_database(registry, job)
    assert one.await_end(job).records[-1]["status"] == "CX"


# ---- kill ----

def test_kill_of_the_child(bridge, registry):
    one = bridge()
    job = registry.add_job()
    one.give(job, do="stuck")
    one.await_start(job)
    os.kill(one.children()[0], signal.SIGKILL)
    outcome = one.await_end(job)
    assert (outcome.end, outcome.summary) == (1, "PHP was killed by SIGKILL")
    assert one.run("walk").end == 0 and registry.count_boots() == 1


def test_kill_of_an_idle_child(bridge):
    """Costs no job: a new one takes the next."""
    one = bridge()
    assert one.run("walk").end == 0
    child, = one.children()
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: child not in one.group(), what="its death")
    assert one.run("walk").end == 0


@pytest.mark.parametrize("is_idle", [True, False], ids=["idle", "in a job"])
def test_kill_of_the_bridge(bridge, registry, is_idle):
    """Nothing of it goes on."""
    one = bridge()
    if is_idle:
        assert one.run("walk").end == 0
    else:
        job = registry.add_job()
        one.give(job, do="walk", steps=100000, pause=5)
        one.await_start(job)
    assert len(one.group()) == 2
    one.process.kill()
    one.wait()
    wait_for(lambda: not one.group(), what="no PHP left")


def test_end_of_input(bridge, registry):
    assert bridge().leave() == 0
    one = bridge()
    one.run()
    assert one.leave() == 0
    one = bridge(php_arguments=NO_FORK)
    one.run()
    one.run()
    assert one.leave() == 0 and one.log().count("PHP cannot fork") == 1


@pytest.mark.parametrize("php_arguments", [(), NO_FORK], ids=["fork", "alone"])
def test_connection_lost_in_a_transaction(bridge, registry, php_arguments):
    one = bridge(php_arguments=php_arguments)
    job = registry.add_job()
    one.give(job, do="lose_connection")
    outcome = one.await_end(job)
    assert outcome.end == 1 and "terminating connection" in outcome.summary


# ---- start ----

def start_fails(one):
    message = one.read()
    assert list(message) == ["failed"] and one.read() is None
    assert one.wait() not in (0, None)
    return message["failed"]


def test_a_configuration_that_cannot_be_read(bridge, registry):
    """The Registry then says so, and ends with code 0."""
    (registry.root / "local/config/database.php").unlink()
    words = "Config file `database.php` did not return an array"
    assert start_fails(bridge(is_ready=False)) == words
    assert f"the Registry at {registry.app} does not start: {words}" in check(registry).stderr


def test_a_start_that_exits_without_a_word(bridge, registry):
    registry.replace("local/config/database.php", "return", "exit(0); return")
    assert start_fails(bridge(is_ready=False)) == "it called exit()"


def test_a_database_that_is_away(bridge, registry):
    why = start_fails(bridge(is_ready=False, STANDIN_DB_NAME="nowhere"))
    assert re.search(r'^SQLSTATE.*database "nowhere" does not exist \(cake.php:\d+\)$', why)
    assert check(registry, STANDIN_DB_NAME="nowhere").returncode == 1


@pytest.mark.parametrize("path", ["app/config/app.php", "app/vendor/autoload.php"])
def test_files_that_are_no_php(bridge, registry, path):
    (registry.root / path).write_text("<?php return = 1;")
    assert re.search(rf"^.*syntax error.* \({os.path.basename(path)}:1\)$",
                     start_fails(bridge(is_ready=False)))


def test_files_that_are_not_there(bridge, registry):
    (registry.app / "vendor/autoload.php").unlink()
    assert "vendor/autoload.php cannot be read" in start_fails(bridge(is_ready=False))


def test_a_start_that_is_fatal(bridge, registry):
    registry.replace("local/config/database.php", "return", "class_alias('NoSuch', 'X'); new NoSuch(); return")
    assert 'Class "NoSuch" not found' in start_fails(bridge(is_ready=False))


def test_a_start_that_hangs(bridge, registry):
    """It says nothing, and can be killed."""
    registry.replace("local/config/database.php", "return", "file_put_contents(getenv('STANDIN_BOOTS'), '1');"
                                                            " for (;;) { usleep(1000); } return")
    one = bridge(is_ready=False)
    wait_for(registry.count_boots, what="its start")
    assert one.children() == []
    one.cancel()
    assert one.wait() == -signal.SIGTERM and one.read() is None


def test_debug_is_off_unless_the_site_wants_it(bridge):
    assert "DebugKit" in start_fails(bridge(is_ready=False, DEBUG="true"))


def test_logs_of_the_registry_go_to_the_log(bridge):
    """Those of its start too; that nothing is written into its files is looked at after each test."""
    one = bridge()
    one.run("register")
    assert one.run("cache").comments()["cached"] == "value"
    assert "error: the application is started" in one.log()
    assert "saving into jobs" not in one.log()


def test_log_has_the_trace_of_an_exception_without_arguments(bridge):
    one = bridge(php_arguments=("-d", "zend.exception_ignore_args=0"))
    assert one.run("secret", password="swordfish").summary.startswith("wrong password")
    assert "StepJob->log_in()" in one.log() and "swordfish" not in one.log()


# ---- files change under it ----

CHANGES = {
    "autoload": lambda root: (root / "app/vendor/autoload.php").touch(),
    "configuration": lambda root: (root / "app/config/app.php").touch(),
    "new configuration": lambda root: (root / "app/config/new.php").touch(),
    "database": lambda root: (root / "local/config/database.php").touch(),
    "salt": lambda root: (root / "local/config/security.salt").touch(),
    "code": lambda root: (root / "app/vendor/cake.php").touch(),
    "plugin": lambda root: (root / "app/plugins/Fake/src/Lib/Jobs/StepJob.php").touch(),
    "models": lambda root: (root / "app/plugins/Fake/config/plugin.json").touch(),
    "all gone": lambda root: (root / "app").rename(root / "old"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_it_leaves_when_files_have_changed(bridge, registry, what):
    """By itself, while it has nothing to do."""
    one = bridge()
    CHANGES[what](registry.root)
    assert one.wait() == 0 and one.read() is None
    if what == "all gone":
        (registry.root / "old").rename(registry.root / "app")


@pytest.mark.parametrize("php_arguments", [(), NO_FORK], ids=["fork", "alone"])
def test_no_job_is_lost_when_files_change(bridge, registry, php_arguments):
    """A job follows the other without a pause, as from a busy worker: each that could be written gets
    its end, and the one that could not is for a new program."""
    one = bridge(php_arguments=php_arguments)
    CHANGES["configuration"](registry.root)
    begin, jobs = time.monotonic(), 0
    with pytest.raises(BrokenPipeError):
        while time.monotonic() < begin + 20:
            job = registry.add_job()
            one.give(job, "Fake.NoopJob")
            assert one.await_end(job).end == 0
            jobs += 1
    assert jobs and one.wait() == 0 and one.read() is None
    assert bridge().run().end == 0


def test_a_link_to_another_release(bridge, registry):
    link = registry.root / "current"
    link.symlink_to("app")
    one = bridge(app=link / ".." / "current")
    assert one.run().end == 0
    other = registry.root / "other"
    subprocess.run(["cp", "-a", registry.app, other], check=True)
    link.unlink()
    link.symlink_to("other")
    assert one.wait() == 0


def test_it_stays_while_nothing_changes(bridge, registry):
    """Reading files and writing elsewhere is no change."""
    one = bridge()
    ran = wait_for(lambda: one.run().end == 0 and time.monotonic() > begin + 5, timeout=30) \
        if (begin := time.monotonic()) else None
    assert ran and registry.count_boots() == 1


# ---- check ----

def test_check(registry):
    done = check(registry)
    assert done.returncode == 0, done.stderr
    assert "Fake.TypesJob\n    flag = bool  yes or no\n" in done.stdout
    assert "    count = integer required  how many\n" in done.stdout
    assert "    word = select(one,two)\n" in done.stdout and "    person_id = fk(people)\n" in done.stdout
    assert "Fake.MissingJob is left out" in done.stderr


SIGNATURES = {
    "start": ("start(Job $job, string", "start(Job $task, string"),
    "finish": ("finish(Job $job, string", "finish(Job $job, ?string"),
    "setPercentComplete": ("setPercentComplete(Job $job, int $percent)",
                           "setPercentComplete(Job $job, int $percent, int $of)"),
    "isCanceled": ("isCanceled(int $id): bool", "isCanceled(int $id): int"),
    "record": ("function record(", "function note("),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_that_differs(bridge, registry, name):
    """Is named, and no job is run over it."""
    registry.replace("app/vendor/registry.php", *SIGNATURES[name])
    done = check(registry)
    assert done.returncode == 1 and re.search(rf"Table has (no )?{name}\(", done.stderr), done.stderr
    assert f"{name}(" in start_fails(bridge(is_ready=False))


def test_a_signature_with_more_that_need_not_be_given(bridge, registry):
    registry.replace("app/vendor/registry.php", 'start(Job $job, string $summary = "")',
                     'start(Job $job, string $summary = "", bool $quietly = false)')
    assert check(registry).returncode == 0
    assert bridge().run().end == 0


def test_usage(registry):
    for arguments in ([], ["a", "b"], ["--check"], ["a", "--models"]):
        done = subprocess.run([PHP, str(BRIDGE), *arguments], capture_output=True, text=True, timeout=30)
        assert done.returncode == 64 and done.stderr.startswith("usage: "), arguments
    done = subprocess.run([PHP, str(BRIDGE), str(registry.app)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 64 and "descriptor 3 is not open" in done.stderr


def test_log_of_a_failed_job(bridge):
    """The last line says what happened, because the daemon's history keeps the last ones; above it is where,
    without this program's own frames. What an application does in an old way is not said."""
    one = bridge()
    assert one.run("deprecated").end == 0
    assert one.run("throw").end == 1
    lines = one.log().splitlines()
    assert re.fullmatch(r"RuntimeException: a stone lay in the way \(StepJob.php:\d+\)", lines[-1])
    assert re.match(r"#\d+ .*StepJob", lines[-2]) and not [line for line in lines if re.match(r"#\d+ .*bridge.php", line)]
    assert not [line for line in lines if "old way" in line or "eprecated" in line]
