"""The duplicate rule does a bounded amount of work, under a lock that nobody else can hold."""
import subprocess
import time

import psycopg2
import pytest
from conftest import LOGIN, SLOW, run_command, wait_for, write_config
from test_finish import successors

COUNT = "Example.CountJob"
UNCHECKED = "may be a duplicate"


@pytest.fixture
def stranger(db):
    """Somebody who can connect, and no more."""
    db.sql("DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object"
           " OR unique_violation THEN NULL; END $$")
    conn = db.connect("stranger", autocommit=False)
    yield conn.cursor()
    conn.close()


def start_register(command, *words):
    return subprocess.Popen([*command.argv, "-c", "2", "-j", COUNT, *words], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("key", ["register", "nesting", "schema"])
def test_no_advisory_lock(empty_queue, daemon, command, add_job, stranger, tmp_path, key):
    """Whoever holds an advisory lock, of those that were ours too, is in nobody's way."""
    db = empty_queue
    for seed in (0, 2):
        stranger.execute("SELECT pg_advisory_lock(hashtextextended(%s, %s))",
                         (f"registry-jobd {key}", seed))
    owner = write_config(tmp_path / "owner.conf", conninfo=db.owners)
    assert run_command(owner, "schema", "install").returncode == 0
    assert command("-c", 2, "-j", COUNT, "tag=new", "--delay", 600).returncode == 0
    daemon(load="Example CoreJob")
    job = add_job(2, COUNT, {}, requeue_interval=600)
    groups = [row["id"] for row in db.sql(
        "SELECT id FROM public.groups WHERE co_id = 2 AND group_type = 'S' AND status = 'A'"
        " AND group_id IS NULL AND deleted IS NOT TRUE ORDER BY id LIMIT 2")]
    nest = add_job(2, "CoreJob.NesterJob", {"group_id": groups[0], "target_group_id": groups[1]})
    rows = db.wait_final(job, nest)
    assert rows[0]["status"] == "OK" and len(successors(db, job)) == 1
    assert "canceling" not in rows[1]["finish_summary"]


@pytest.mark.parametrize("statement", [
    "SELECT * FROM jobd.co_lock FOR KEY SHARE", "LOCK TABLE jobd.co_lock IN ACCESS SHARE MODE",
    "LOCK TABLE jobd.schema_version IN SHARE ROW EXCLUSIVE MODE",
    "SELECT jobd.register_lock(2)", "SELECT jobd.try_lock_co(2, 'nest')"])
def test_strangers_take_no_lock_of_ours(db, stranger, statement):
    """It takes a right on the table."""
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        stranger.execute(statement)


@pytest.mark.parametrize("is_first", [True, False], ids=["no row yet", "row"])
def test_registration_waits_for_so_long(empty_queue, command, is_first):
    """Somebody of ours hangs with the lock: a registration says who, and what to do, and ends."""
    db = empty_queue
    if not is_first:
        assert command("-c", 2, "-j", COUNT, "tag=first").returncode == 0
    assert command("-c", 4, "-j", COUNT, "tag=first").returncode == 0
    innocent = db.connect(LOGIN, autocommit=False)
    innocent.cursor().execute("SELECT jobd.register_lock(4)")
    with db.connect(LOGIN, autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT jobd.register_lock(2)")
        began = time.monotonic()
        done = command("-c", 2, "-j", COUNT, "tag=x")
        took = time.monotonic() - began
        assert done.returncode == 1 and 4 < took < 15 * SLOW, took
        for words in ("CO 2", f"PID {conn.get_backend_pid()}", "idle in transaction",
                      f"pg_terminate_backend({conn.get_backend_pid()})"):
            assert words in done.stderr, done.stderr
        assert command("-c", 3, "-j", COUNT, "tag=x").returncode == 0
        waiting = start_register(command, "tag=x")
        wait_for(lambda: db.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        conn.rollback()
        assert waiting.wait(30) == 0, waiting.stderr.read()
    conn.close()
    innocent.close()


def test_finish_does_not_wait_for_a_registration(empty_queue, daemon, add_job):
    """The job ends, its chain goes on, and the history says that nobody looked for the same job."""
    db = empty_queue
    daemon()
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT jobd.register_lock(2)")
        job = add_job(2, COUNT, {}, requeue_interval=600)
        following = add_job(2)
        rows = db.wait_final(job, following, timeout=10)
        assert [row["status"] for row in rows] == ["OK", "OK"]
    conn.close()
    successor, = successors(db, job)
    record, = db.history(job)
    assert record["status"] == "NT" and UNCHECKED in record["comment"]
    assert str(successor["id"]) in record["comment"] and "1 s" in record["comment"]


def test_settlement_does_not_wait_for_a_registration(empty_queue, daemon, add_job):
    """The retry of a job whose worker died is queued unchecked, too."""
    db = empty_queue
    daemon()
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT jobd.register_lock(2)")
        job = add_job(2, COUNT, {"end": "kill"}, retry_interval=600)
        assert db.wait_final(job, timeout=10)[0]["status"] == "X"
    conn.close()
    assert len(successors(db, job)) == 1
    assert any(UNCHECKED in record["comment"] for record in db.history(job))


def test_settling_by_hand_waits_for_so_long(empty_queue, command, add_job):
    """A session without a limit of its own for locks."""
    db = empty_queue
    job = add_job(2, COUNT, {}, status="GO", retry_interval=600)
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT jobd.register_lock(2)")
        began = time.monotonic()
        done = command("settle", job)
        assert done.returncode == 0 and time.monotonic() - began < 10 * SLOW, done.stderr
    conn.close()
    assert db.status(job) == "X" and len(successors(db, job)) == 1


# ---- the work ----

def add_rows(db, n, parameters, plugin=COUNT, co=2):
    """n jobs of the CO that wait for tomorrow; `parameters` is SQL in which i is a number."""
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, parameters, start_after_time, created)"
           f" SELECT {co}, %s, 'Q', {parameters}, now() + interval '1 day', now()"
           f" FROM generate_series(1, {n}) i", plugin)


def find(db, parameters, for_successor=True, plugin=COUNT):
    """(the same job, whether it was decided, seconds)."""
    began = time.monotonic()
    row, = db.sql("SELECT * FROM jobd.find_same(2, %s, %s, NULL, %s)", plugin, parameters,
                  for_successor)
    return row["same"], row["is_decided"], time.monotonic() - began


HUGE = "'{\"tag\":\"' || repeat('x', 20000000) || i || '\"}'"
SLOW_TO_READ = "'[' || repeat('1,', 500000) || i || ']'"


def test_huge_rows_do_not_hold_up_a_finish(empty_queue, daemon, add_job):
    """Two rows with 20 MB of parameters: nobody reads them, and none of them is the same job."""
    db = empty_queue
    add_rows(db, 2, HUGE)
    daemon()
    job = add_job(2, COUNT, {"tag": "x"}, requeue_interval=600)
    killed = add_job(2, COUNT, {"end": "kill"}, retry_interval=600)
    rows = db.wait_final(job, killed, timeout=10)
    assert [row["status"] for row in rows] == ["OK", "X"]
    assert len(successors(db, job)) == len(successors(db, killed)) == 1
    assert not db.history(job)


@pytest.mark.limit(120)
def test_many_long_rows(empty_queue, daemon, add_job):
    """Of 1 MB each: what cannot be read in time is left, and the history says so. The job that is
    rejected here has parameters of that size itself."""
    db = empty_queue
    add_rows(db, 100, SLOW_TO_READ, "None.Job")
    wanted = "[" + "1," * 500000 + " 0]"
    same, is_decided, took = find(db, wanted, plugin="None.Job")
    assert same is None and not is_decided and took < 5 * SLOW
    daemon(unknown_models="fail")
    job = add_job(2, "None.Job", wanted, retry_interval=600)
    assert db.wait_final(job, timeout=15)[0]["status"] == "X"
    successor, = successors(db, job)
    assert successor["parameters"] == wanted
    record, = db.history(job)
    assert record["status"] == "NT" and UNCHECKED in record["comment"]
    assert "long parameters" in record["comment"]


def test_many_rows(empty_queue):
    """A backlog of the CO that is too long for a successor is looked through for a person."""
    db = empty_queue
    add_rows(db, 10100, "'{}'", "None.Job", co=3)
    assert find(db, '{"tag":"none"}')[:2] == (None, True), "others' backlog does not count"
    add_rows(db, 10100, "'{}'", "None.Job")
    assert find(db, '{"tag":"none"}')[:2] == (None, False)
    assert find(db, '{"tag":"none"}', False)[:2] == (None, True)
    add_rows(db, 1, "'{\"tag\":\"' || i || '\"}'")
    assert find(db, '{ "tag": "1" }', False)[0]


@pytest.mark.parametrize("there, wanted, is_same", [
    ('{"tag":"\\u00e9\\u00e9\\u00e9"}', '{"tag":"ééé"}', True),
    ('{"tag":"\\ud834\\udd1e"}', '{"tag":"𝄞"}', True),
    ("[]", None, True), ("", "{}", True), ("{\n}", "[]", True), ("no JSON", "no JSON", True),
    ("no JSON", "no  JSON", False), ('{"a":1}', '{"a":1}' + " " * 200, True),
    ('{"a":1}', '{"a":1}' + " " * 2000, False), ('{"a":1}', '{"a":1' + "0" * 10 + "}", False),
    ("[" * 100000 + "]" * 100000, "[" * 100000 + " " + "]" * 100000, False)])
def test_what_is_the_same(empty_queue, there, wanted, is_same):
    """However it is written, unless one writes it at many times the length; and that both ways."""
    db = empty_queue
    for first, second in ((there, wanted), (wanted, there)):
        db.sql("DELETE FROM public.jobs")
        add_rows(db, 1, db.conn.cursor().mogrify("%s", (first,)).decode().replace("%", "%%"))
        same, is_decided, _ = find(db, second)
        assert is_decided and (same is not None) == is_same


def test_running_jobs_count_for_a_registration(empty_queue, add_job):
    """And not for a successor: what runs beside the job that ends continues no chain."""
    db = empty_queue
    running = add_job(2, COUNT, '{"tag":"x"}', status="GO")
    assert find(db, '{"tag":"x"}', False)[:2] == (running, True)
    assert find(db, '{"tag":"x"}', True)[:2] == (None, True)


def test_undecided_registration_is_said(empty_queue, command, add_job):
    """Nothing is registered without a look, unless the person says so."""
    db = empty_queue
    db.sql("DROP FUNCTION jobd.find_same;"
           "CREATE FUNCTION jobd.find_same(integer, text, text, integer, boolean,"
           " OUT same integer, OUT is_decided boolean) LANGUAGE sql AS 'SELECT NULL::int, false';"
           "CREATE OR REPLACE FUNCTION jobd.parameters_value(stored text) RETURNS jsonb LANGUAGE plpgsql"
           " AS 'BEGIN PERFORM pg_sleep(6); RETURN stored; END'")
    failed = add_job(2, COUNT, "{}", status="X")
    for words in (["-c", 2, "-j", COUNT, "tag=x"], ["retry", failed]):
        done = command(*words)
        assert done.returncode == 1 and not db.live(status="Q")
        assert "CO 2" in done.stderr and "--allow-duplicate" in done.stderr, done.stderr
    for words in (["-c", 2, "-j", COUNT, "tag=x"], ["retry", failed]):
        assert command(*words, "--allow-duplicate").returncode == 0
    assert len(db.live(status="Q")) == 2


def test_programs_of_the_version_before(empty_queue, add_job):
    """They call the functions by their old names, and get the same answers."""
    db = empty_queue
    waiting = add_job(2, COUNT, '{"tag":"x"}', delay=600)
    assert len(db.sql("SELECT jobd.register_lock(2)")) == 1
    assert db.value("SELECT jobd.same_job(2, %s, '{ \"tag\":\"x\"}', NULL)", COUNT) == waiting
    job = add_job(2, COUNT, '{"tag":"x"}', status="GO", requeue_interval=60)
    row, = db.sql("SELECT * FROM jobd.follow(%s, 'OK')", job)
    assert row == {"successor": None, "start_after": None, "waiting": waiting}
