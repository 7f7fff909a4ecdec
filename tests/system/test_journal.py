"""Lines in the journal carry the job's fields, those of workers as well."""
import json
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import COMMAND, DAEMON, DEFAULTS, ROOT, write_config

PROBE = pathlib.Path(__file__).with_name("journal_probe.py")


def may_unshare():
    return subprocess.run(["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "tmpfs", "/run"],
                          capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not may_unshare(),
                                reason="this user may not make namespaces")


@pytest.fixture
def journal(db, tmp_path):
    """journal(commands, **settings): what a daemon and bash commands wrote to the journal, each
    entry a dictionary. In the commands "job" is the command with its configuration."""
    def run(commands, **settings):
        config = write_config(tmp_path / "one.conf", **{**DEFAULTS, "conninfo": db.conninfo,
                                                    "level": "debug", **settings})
        job = f'job() {{ "{COMMAND}" --config "{config}" "$@"; }}\n'
        done = subprocess.run(["unshare", "--mount", "--net", sys.executable, PROBE, DAEMON, config],
                              input=job + commands, capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return run


def of_job(entries, job):
    return [entry for entry in entries if entry.get("JOB_ID") == str(job)]


def ids():
    """Names of log_ids.h to the ids."""
    text = (ROOT / "src" / "util" / "log_ids.h").read_text()
    return dict(re.findall(r'#define LOG_ID_(\w+) "(\w+)"', text))


def names(entries):
    by_id = {value: name for name, value in ids().items()}
    return [by_id[entry["MESSAGE_ID"]] for entry in entries if "MESSAGE_ID" in entry]


def test_fields(empty_queue, db, add_job, journal):
    """journalctl JOB_ID=n is the whole story of a job, history records included."""
    job = add_job(2, "Example.CountJob", {"records": 2, "tag": "told"})
    entries = journal(f"job watch {job}")
    assert entries and {entry["SYSLOG_IDENTIFIER"] for entry in entries} == {"registry-jobd"}
    story = of_job(entries, job)
    assert [entry["JOB_STATUS"] for entry in story if "JOB_STATUS" in entry] == ["GO", "OK"]
    assert all(entry["CO_ID"] == "2" and entry["PLUGIN"] == "Example.CountJob" for entry in story)
    records = [entry for entry in story if "RECORD_KEY" in entry]
    assert len(records) == 2 and all(entry["PRIORITY"] == "7" for entry in records)
    assert names(story) == ["STARTED", "FINISHED"]
    assert {entry["INSTANCE"] for entry in entries} == {"one"}


def test_what_people_do(empty_queue, db, journal):
    """Registering, canceling, trying again and settling by hand belong to the story."""
    entries = journal("""
        runs() { while [ -z "$(job show $1 | grep 'in progress')" ]; do :; done; }
        id=$(job --actor ada -c 2 -j Example.CountJob sleep_ms=600000)
        runs $id
        job --actor grace cancel $id
        again=$(job --actor ada retry $id)
        runs $again
        job cancel $again
        """)
    first, second = (row["id"] for row in db.sql("SELECT id FROM jobs ORDER BY id"))
    story = of_job(entries, first)
    # The daemon hears of a job and of a cancel when they are committed; the command writes its line
    # then.
    assert sorted(names(story)) == ["CANCEL", "CANCELED", "REGISTERED", "STARTED"]
    told = [entry["MESSAGE"] for entry in story]
    assert f"job {first}: registered by ada" in told
    assert {entry["CO_ID"] for entry in story} == {"2"}
    assert {entry["PLUGIN"] for entry in story} == {"Example.CountJob"}
    assert f"job {first}: canceled by grace, was in progress" in told
    story = of_job(entries, second)
    assert any(f"as a retry of job {first}" in entry["MESSAGE"] for entry in story)
    assert {entry["SYSLOG_IDENTIFIER"] for entry in story} == {"registry-job", "registry-jobd"}


def test_foreground(empty_queue, db, journal):
    """A job in the foreground, and a settled one, have their lines as well."""
    db.sql("""INSERT INTO jobs (co_id, plugin, status, assigned_host, assigned_pid, created, modified)
              VALUES (3, 'Gone.Job', 'GO', 'gone.example.org', 4711, now(), now())""")
    foreign = db.value("SELECT max(id) FROM jobs")
    entries = journal(f"""
        job -q -c 2 -j Example.NoopJob -s
        job -q settle {foreign}
        """)
    here = db.value("SELECT max(id) FROM jobs")
    story = of_job(entries, here)
    assert names(story) == ["REGISTERED", "FINISHED"]
    assert story[0]["JOB_STATUS"] == "A" and story[0]["SYSLOG_IDENTIFIER"] == "registry-job"
    assert names(of_job(entries, foreign)) == ["SETTLED"]


def test_many_records(empty_queue, db, add_job, journal):
    """A plugin that writes thousands of records does not make the journal drop everybody's lines:
    200 of them are logged, and the rest is one line."""
    job = add_job(2, "Example.CountJob", {"records": 1, "count": 3000})
    story = of_job(journal(f"job watch {job}"), job)
    records = [entry for entry in story if "RECORD_KEY" in entry]
    written = db.value("SELECT count(*) FROM job_history_records WHERE job_id = %s", job)
    assert written >= 3000 and len(records) == 200
    more = [entry["MESSAGE"] for entry in story if "more history records" in entry["MESSAGE"]]
    assert more == [f"job {job}: {written - 200} more history records: "
                    f"see 'registry-job history {job}'"]


def test_catalog():
    """Every id has its text in the catalog, and the catalog knows no other."""
    text = (ROOT / "systemd" / "registry-jobd.catalog").read_text()
    entries = dict(re.findall(r"^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", text, re.M | re.S))
    assert sorted(entries) == sorted(ids().values())
    for entry in entries.values():
        header, _, body = entry.partition("\n\n")
        assert header.startswith("Subject: ") and "\nDefined-By: registry-jobd" in header
        assert len(body) > 100


def test_hostile_texts(empty_queue, add_job, journal):
    """No field of an entry has more lines than one, or anything that a terminal obeys."""
    text = "a\x1b[2J\x7f\x9b31m\nJOB_ID=1\u2028b\u202ec"
    job = add_job(2, "Example.CountJob", {"tag": text, "records": 2})
    name = add_job(2, "Evil\n\x1b[31m\x9b.Job")
    entries = journal(f"job watch {job}; job watch {name} || true")
    assert "a?[2J??31m JOB_ID=1?b?c" in " ".join(entry["MESSAGE"] for entry in entries)
    assert "Evil ?[31m?.Job" in {entry.get("PLUGIN") for entry in of_job(entries, name)}
    assert {entry.get("JOB_ID") for entry in entries} == {None, str(job), str(name)}
    for entry in entries:
        for value in entry.values():
            assert not set("\n\x1b\x7f\x9b\u2028\u202e") & set(value), ascii(value)


def test_journal_has_no_room(empty_queue, journal):
    """What it does not take at once costs no job anything, and is counted."""
    entries = journal("""
        echo 20 >/proc/sys/net/unix/max_dgram_qlen
        touch /run/pause /run/again
        while [ -e /run/again ]; do sleep 0.05; done
        job watch $(job -c 2 -j Example.CountJob records=150)
        rm /run/pause
        # As long as a heartbeat, with which the count is told where there was no room before.
        job watch $(job -c 2 -j Example.CountJob sleep_ms=3000)
        """)
    assert {row["status"] for row in empty_queue.live()} == {"OK"}
    told = [entry["MESSAGE"] for entry in entries if "were dropped" in entry["MESSAGE"]]
    assert sum(int(message.rpartition(" ")[2]) for message in told) > 50


def test_another_journal(empty_queue, journal):
    """One that listens on another socket of the same name is found."""
    entries = journal("""
        job watch $(job -c 2 -j Example.NoopJob)
        touch /run/again
        while [ -e /run/again ]; do sleep 0.05; done
        job watch $(job -c 2 -j Example.NoopJob tag=2)
        """)
    for row in empty_queue.live():
        assert "FINISHED" in names(of_job(entries, row["id"]))
