"""Lines in the journal carry the job's fields, those of workers as well."""
import json
import pathlib
import subprocess
import sys

import pytest
from conftest import COMMAND, DAEMON, DEFAULTS, write_config

PROBE = pathlib.Path(__file__).with_name("journal_probe.py")


def may_unshare():
    return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"],
                          capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="this user may not make a mount namespace")
def test_fields(empty_queue, db, add_job, tmp_path):
    """journalctl JOB_ID=n is the whole story of a job, history records included."""
    config = write_config(tmp_path / "conf", **{**DEFAULTS, "conninfo": db.conninfo,
                                                "level": "debug"})
    job = add_job(2, "Example.CountJob", {"records": 2, "tag": "told"})
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, PROBE, DAEMON, config, COMMAND, "--config", config,
         "watch", str(job)], capture_output=True, text=True, timeout=120, check=True)
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert entries and {entry["SYSLOG_IDENTIFIER"] for entry in entries} == {"registry-jobd"}
    story = [entry for entry in entries if entry.get("JOB_ID") == str(job)]
    assert [entry["JOB_STATUS"] for entry in story if "JOB_STATUS" in entry] == ["GO", "OK"]
    assert all(entry["CO_ID"] == "2" and entry["PLUGIN"] == "Example.CountJob" for entry in story)
    records = [entry for entry in story if "RECORD_KEY" in entry]
    assert len(records) == 2 and all(entry["PRIORITY"] == "7" for entry in records)
    assert len({entry["MESSAGE_ID"] for entry in story if "MESSAGE_ID" in entry}) == 2
