"""The journal as an administrator asks it: by field, and with the catalog's explanations."""
import re

from conftest import ROOT, wait_for
from machine import machine, service  # noqa: F401  fixtures

IDS = dict(re.findall(r'#define LOG_ID_(\w+) "(\w+)"',
                      (ROOT / "src" / "util" / "log_ids.h").read_text()))


def messages(service, *matches):
    return service.sh("journalctl --sync; journalctl --no-pager -q -o cat "
                      + " ".join(f"'{match}'" for match in matches)).splitlines()


def explained(service, name):
    """What `journalctl -x` shows of the last line with this id."""
    service.wait_entry(MESSAGE_ID=IDS[name])
    return service.sh(f"journalctl --no-pager -q -x -n 1 MESSAGE_ID={IDS[name]}")


def test_story_of_a_job(service):
    """journalctl JOB_ID=n: registered, started, its history records, finished."""
    service.configure(level="debug")
    service.start()
    job = service.register(2, "Example.CountJob", "count=2", "records=1")
    service.db.wait_final(job)
    wait_for(lambda: len(messages(service, f"JOB_ID={job}", "-t", "registry-jobd")) >= 4)
    story = messages(service, f"JOB_ID={job}", "-t", "registry-job", "-t", "registry-jobd")
    assert story[0] == f"job {job}: registered by registry-jobd" and story[1] == f"job {job}: started"
    assert len([line for line in story if ": step " in line]) == 2
    assert story[-1].startswith(f"job {job}: complete: ")


def test_log_has_the_journal(service):
    """registry-job log: the row, the history and the lines of this host; no line of another instance, and
    none of a job of systemd with the same number."""
    service.start()
    job = service.register(2, "Example.CountJob", "end=fail", "records=1")
    service.db.wait_final(job)
    service.sh(f"printf 'MESSAGE=of another registry\nSYSLOG_IDENTIFIER=registry-jobd\nINSTANCE=other\n"
               f"JOB_ID={job}\n' | logger --journald")
    service.sh(f"printf 'MESSAGE=of systemd\nSYSLOG_IDENTIFIER=systemd\nJOB_ID={job}\n' | logger --journald")
    wait_for(lambda: len(messages(service, f"JOB_ID={job}")) >= 5)
    assert "that this user may read" in service.job("log", job)
    text = service.sh("env -C / setpriv --reuid registry-jobd --regid registry-jobd --groups systemd-journal"
                      f" registry-job --config {service.config} log {job}")
    lines = text[text.index("Journal of this host, instance registry-jobd:"):].splitlines()[1:]
    assert len(lines) == 3 and lines[0].endswith(f"registry-job: job {job}: registered by registry-jobd")
    assert " registry-jobd: " in lines[2] and f"warning: job {job}: failed: " in lines[2]


def test_by_other_fields(service):
    """By CO, by model, by how it ended."""
    service.start()
    good, bad = service.register(2, "Example.NoopJob"), service.register(
        3, "Example.CountJob", "end=fail")
    service.db.wait_final(good, bad)
    wait_for(lambda: messages(service, "CO_ID=3", "JOB_STATUS=X", "PLUGIN=Example.CountJob"))
    assert all(f"job {bad}" in line for line in messages(
        service, "CO_ID=3", "JOB_STATUS=X", "PLUGIN=Example.CountJob", "-t", "registry-jobd",
        f"JOB_ID={bad}"))
    assert f"job {good}: started" in messages(service, f"MESSAGE_ID={IDS['STARTED']}")


def test_catalog_of_jobs(service):
    """Started, finished, failed, canceled, killed and settled are explained, with the job's number."""
    service.start()
    finished = service.register(2, "Example.NoopJob")
    failed = service.register(2, "Example.CountJob", "end=fail")
    service.db.wait_final(finished, failed)
    canceled = service.running(2, 20, "count=100000")  # looks at the cancel word every 20 ms
    service.job("cancel", canceled)
    assert f"Job {canceled} was canceled by hand" in explained(service, "CANCEL")
    assert f"Job {canceled} was canceled" in explained(service, "CANCELED")
    killed = service.running(3)
    service.sh(f"kill -KILL {service.db.job(killed)['assigned_pid']}")
    service.db.wait_final(killed)
    assert f"Job {canceled} has started" in service.sh(
        f"journalctl --no-pager -q -x MESSAGE_ID={IDS['STARTED']}")
    assert f"Job {finished} is complete" in explained(service, "FINISHED")
    assert f"Job {failed} has failed" in explained(service, "FAILED")
    assert "A worker died" in explained(service, "WORKER_DIED")
    assert f"Job {killed} was settled" in explained(service, "SETTLED")
    assert f"Job {killed} was registered" in explained(service, "REGISTERED")


def test_catalog_of_the_database(service):
    """Database lost, back, and a lease that others ended."""
    service.start()
    service.db.close()
    service.sh(f"systemctl restart {service.machine.postgres}")
    assert "The connection to the database is lost" in explained(service, "DATABASE_LOST")
    service.wait_status("database up$")
    assert "The database serves again" in explained(service, "DATABASE_BACK")
    # As another daemon does it to one that it has not seen for the length of its lease.
    service.db.sql("DELETE FROM jobd.supervisor")
    assert "The lease of this daemon is lost" in explained(service, "LEASE_LOST")
    wait_for(lambda: service.db.value("SELECT count(*) FROM jobd.supervisor") == 1)


def test_catalog_of_a_stall(service):
    """A job without a sign of life."""
    service.configure(stall="1s")
    service.start()
    job = service.running()
    assert f"Job {job} shows no sign of life" in explained(service, "STALLED")
