"""What the tests with the plugin Chaos (tests/plugins) have in common."""
import contextlib
import pathlib
import re

from conftest import BUILD, is_gone, wait_for

CHAOS = "Chaos.ChaosJob"
OTHER = "Chaos.OtherJob"
LOAD = "Chaos Example"
IS_SANITIZED = bool(re.search("clang|asan", BUILD.name))
ENDED = "registry-jobd: ended"
STOPPED = "registry-jobd: stopped"  # the same for a job that was canceled


def marks(path):
    """The PIDs that the plugin wrote."""
    with contextlib.suppress(FileNotFoundError):
        return [int(line) for line in pathlib.Path(path).read_text().split()]
    return []


def survivors(path):
    return [pid for pid in marks(path) if not is_gone(pid)]


def records(db, job):
    """{key: comment} of the job's history."""
    return {row["record_key"]: row["comment"] for row in db.history(job)}


def ended(db, job, key=ENDED):
    """The comment of the record that says how the worker of the job ended."""
    return wait_for(lambda: records(db, job).get(key), what=f"job {job} says how it ended")


class Bystander:
    """A CO whose jobs must go on, whatever happens to others."""

    def __init__(self, db, add_job, co):
        self.db, self.add_job, self.co = db, add_job, co
        self.long = add_job(co[0], "Example.CountJob", {"count": 100000, "sleep_ms": 20})
        db.wait_status(self.long, "GO")

    def check(self):
        """One job runs through beside the trouble; the long one is not disturbed."""
        job = self.add_job(self.co[1])
        assert self.db.wait_final(job, timeout=10)[0]["status"] == "OK"
        assert self.db.status(self.long) == "GO"


def check_clean(db, before, after):
    """Both inspections say the same."""
    first, second = records(db, before), records(db, after)
    assert "directory" in first and "limits" in first
    assert second == first


def wait_lane_free(db, co):
    wait_for(lambda: not db.value("SELECT count(*) FROM jobd.lane WHERE co_id = %s"
                                  " AND token IS NOT NULL", co), what=f"lane of CO {co} free")
