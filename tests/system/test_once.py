"""--once: of all registrations with one key exactly one makes a job."""
import json
import subprocess

import pytest
from conftest import wait_for

COUNT = "Example.CountJob"


def start(command, co, *words):
    return subprocess.Popen([*command.argv, "-c", str(co), "-j", COUNT, *words], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def keys(db, like="%"):
    return [row["key"] for row in db.sql(
        "SELECT key FROM jobd.registration WHERE key LIKE %s ORDER BY registered_at, key", like)]


def jobs(db):
    return db.value("SELECT count(*) FROM public.jobs WHERE job_id IS NULL AND deleted IS NOT TRUE")


@pytest.fixture
def no_keys(empty_queue):
    empty_queue.sql("DELETE FROM jobd.registration")
    return empty_queue


def test_once(no_keys, command):
    """The second one makes no job, whatever has become of the first; another key does."""
    db = no_keys
    first = command("-c", 2, "-j", COUNT, "--once", "nightly@1")
    assert first.returncode == 0 and not first.stderr
    command("cancel", first.stdout.strip())
    again = command("-c", 3, "-j", "Example.NoopJob", "--once", "nightly@1")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert again.stderr == (f"registry-job: job {first.stdout.strip()} was registered with the key "
                            "'nightly@1' before: no other one is\n")
    told = command("-c", 2, "-j", COUNT, "--once", "nightly@1", "--json")
    assert json.loads(told.stdout) == {"id": int(first.stdout), "registered": False}
    also = command("-c", 2, "-j", COUNT, "--once", "nightly@1", "--allow-duplicate")
    assert (also.returncode, also.stdout) == (0, first.stdout), also.stderr
    assert jobs(db) == 1
    other = command("-c", 2, "-j", COUNT, "--once", "nightly@2")
    assert other.returncode == 0 and other.stdout != first.stdout
    row, = db.sql("SELECT * FROM jobd.registration WHERE key = 'nightly@2'")
    assert row["job_id"] == int(other.stdout) and row["series"] == "nightly"


@pytest.mark.parametrize("cos", [[2] * 8, [2, 3] * 4], ids=["one CO", "two COs"])
def test_concurrent(no_keys, command, cos):
    """Eight at the same moment: one job, and all of them name it."""
    db = no_keys
    running = [start(command, co, f"tag=t{number}", "--once", "race@1") for number, co in enumerate(cos)]
    told = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 8, told
    assert len({out for out, _ in told}) == 1 and jobs(db) == 1, told
    assert sum("before" in err for _, err in told) == 7, told


def test_same_key_at_the_insert(no_keys, command):
    """Another CO's transaction has the key, and ends only now: its job is named, and not an error."""
    db = no_keys
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("INSERT INTO jobd.registration VALUES ('k', NULL, 4711, now())")
        waiting = start(command, 2, "--once", "k")
        wait_for(lambda: waiting.poll() is not None or db.value(
            "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted"
            " AND a.application_name = 'registry-job' AND a.datname = current_database()"))
        assert waiting.poll() is None
        conn.commit()
        out, err = waiting.communicate(timeout=60)
    conn.close()
    assert (waiting.returncode, out) == (0, "4711\n"), err
    assert jobs(db) == 0


def test_refused_uses_no_key(no_keys, command):
    """A duplicate is refused as always, and its key is free."""
    db = no_keys
    first = command("-c", 2, "-j", COUNT)
    refused = command("-c", 2, "-j", COUNT, "--once", "free")
    assert refused.returncode == 1 and "already waits or runs" in refused.stderr
    assert not keys(db)
    command("cancel", first.stdout.strip())
    assert command("-c", 2, "-j", COUNT, "--once", "free").returncode == 0
    assert keys(db) == ["free"]


def test_in_the_foreground(no_keys, command):
    """-s runs it once."""
    assert command("-c", 2, "-j", COUNT, "-s", "--once", "here").returncode == 0
    again = command("-c", 2, "-j", COUNT, "-s", "--once", "here")
    assert again.returncode == 0 and "'here' before" in again.stderr
    assert jobs(no_keys) == 1
    assert no_keys.value("SELECT count(*) FROM jobd.supervisor") == 0


def test_pruning(no_keys, command):
    """100 of a series, of which the newest stay, and nothing that is older than 400 days; keys of other
    series are not touched."""
    db = no_keys
    db.sql("INSERT INTO jobd.registration SELECT 'often@' || i, 'often', i,"
           " now() - make_interval(mins => 1000 - i) FROM generate_series(1, 250) i")
    db.sql("INSERT INTO jobd.registration VALUES ('yearly@1', 'yearly', 1, now() - interval '366 days'),"
           " ('single', NULL, 1, now() - interval '399 days'), ('old', NULL, 1, now() - interval '401 days'),"
           " ('past@1', 'past', 1, now() - interval '401 days')")
    assert command("-c", 2, "-j", COUNT).returncode == 0
    assert len(keys(db)) == 254, "only a registration with a key looks"
    assert command("-c", 2, "-j", COUNT, "tag=x", "--once", "often@251").returncode == 0
    assert keys(db, "often@%") == [f"often@{number}" for number in range(152, 252)]
    assert set(keys(db)) - set(keys(db, "often@%")) == {"yearly@1", "single"}
    before = keys(db)
    assert command("-c", 2, "-j", COUNT, "tag=y", "--once", "often@251").returncode == 0
    assert keys(db) == before and jobs(db) == 2


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "ä", "a'b", "a;b", "x" * 129])
def test_bad_keys(command, key):
    """Refused before anything is asked of the database, and shown on one line."""
    done = command("-c", 2, "-j", COUNT, "--once", key)
    assert done.returncode == 2 and not done.stdout
    assert "--once must be a key of 1 to 128 letters, digits and ._:@/+-, not '" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_longest_key(no_keys, command):
    key = "aZ9._:@/+-" * 12 + "12345678"
    assert command("-c", 2, "-j", COUNT, "--once", key).returncode == 0
    assert keys(no_keys) == [key]


def test_without_the_right(no_keys, command):
    """Without it a registration fails, and says what helps."""
    db = no_keys
    db.sql("REVOKE ALL ON jobd.registration FROM registry_jobd")
    try:
        done = command("-c", 2, "-j", COUNT)
        assert done.returncode == 1 and "schema roles" in done.stderr, done.stderr
    finally:
        db.sql("GRANT SELECT, INSERT, DELETE ON jobd.registration TO registry_jobd")
    assert command("-c", 2, "-j", COUNT).returncode == 0
