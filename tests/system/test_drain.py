"""The queue of a real Registry, as its own job code left it, is drained."""
import re

import pytest
from conftest import HOST, wait_for

DUE = """SELECT j.id, j.co_id FROM public.jobs j JOIN public.cos c ON c.id = j.co_id
          WHERE j.status = 'Q' AND j.job_id IS NULL AND j.deleted IS NOT TRUE
            AND c.status = 'A' AND c.co_id IS NULL
            AND (j.start_after_time IS NULL
                 OR j.start_after_time <= now() AT TIME ZONE 'UTC') ORDER BY j.id"""
# All that nobody may touch: archive copies, final jobs, A and GO of others, suspended COs.
REST = """SELECT count(*) AS n, md5(string_agg(j::text, E'\\n' ORDER BY j.id)) AS hash
            FROM public.jobs j WHERE j.id <= %s AND NOT j.id = ANY (%s)"""
PROGRAM = {"command": "/bin/cat", "parameters": "any"}


def drain(db, daemon, **settings):
    """Returns the ids that were due, and what they became."""
    due = [row["id"] for row in db.sql(DUE)]
    assert len(due) > 30
    last = db.value("SELECT max(id) FROM public.jobs")
    before = db.sql(REST, last, due)
    running = daemon(unknown_models="fail", **settings)
    rows = db.wait_final(*due, timeout=40)
    db.wait_idle()
    assert running.stop() == 0
    assert db.sql(REST, last, due) == before
    return due, rows


def finished_order(process):
    return [int(m) for m in re.findall(r"job (\d+): (?:complete|failed)", process, re.IGNORECASE)]


def ending(row):
    """What the summary of a failed job says behind the reason."""
    is_last = not row["retry_interval"] or (row["max_retry"] and row["retry_count"] >= row["max_retry"])
    return "; its periodic chain ends here" if row["requeue_interval"] and is_last else ""


def test_missing_model_fails_each_once(db, daemon):
    """Every due live job of an active CO ends exactly once, X, with the reason."""
    due, rows = drain(db, daemon)
    assert {row["status"] for row in rows} == {"X"}
    for row in rows:
        assert row["finish_summary"] == f"no plugin provides '{row['plugin']}'{ending(row)}"
    assert {row["assigned_host"] for row in rows} == {HOST}
    for row in rows:
        assert row["finish_time"] is not None and row["start_time"] is None
        assert row["actor_identifier"] == "registry-jobd"


def test_revisions_count_each_update(db, daemon):
    """A rejected job is updated twice: assigned, failed. More would be a second run (law 3)."""
    before = {row["id"]: row["revision"] or 0 for row in db.live()}
    due, rows = drain(db, daemon)
    assert [row["revision"] - before[row["id"]] for row in rows] == [2] * len(due)


def test_order_within_each_co(db, daemon):
    """Law 1: the log shows the jobs of each CO in the order of their ids."""
    co_of = {row["id"]: row["co_id"] for row in db.live()}
    due = [row["id"] for row in db.sql(DUE)]
    running = daemon(unknown_models="fail")
    db.wait_final(*due, timeout=40)
    db.wait_idle()
    running.stop()
    order = finished_order(running.log())
    assert sorted(order) == due
    for co in set(co_of.values()):
        mine = [job for job in order if co_of[job] == co]
        assert mine == sorted(mine)


def test_external_program_runs_them(db, daemon):
    """A model mapped to a program in the configuration gets the stored parameters."""
    due, rows = drain(db, daemon, exec_models={"CoreJob.ProvisionerJob": PROGRAM})
    for row in rows:
        if row["plugin"] == "CoreJob.ProvisionerJob":
            assert (row["status"], row["percent_complete"]) == ("OK", 100), row
        else:
            assert row["finish_summary"] == f"no plugin provides '{row['plugin']}'{ending(row)}"
    assert sum(row["status"] == "OK" for row in rows) > 30


def test_periodic_jobs_have_one_successor(db, daemon):
    """Law 5: a job with an interval has exactly one successor; one without has none."""
    due, rows = drain(db, daemon, exec_models={"CoreJob.ProvisionerJob": PROGRAM})
    for row in rows:
        follow = db.sql("SELECT * FROM public.jobs WHERE requeued_from_job_id = %s"
                        " AND job_id IS NULL", row["id"])
        refused = [r for r in db.history(row["id"]) if r["status"] == "NT"]
        assert len(follow) + len(refused) == (1 if follows(row) else 0), row


def follows(row):
    if row["status"] == "OK":
        return (row["requeue_interval"] or 0) > 0
    return (row["retry_interval"] or 0) > 0 and (
        not row["max_retry"] or (row["retry_count"] or 0) < row["max_retry"])


@pytest.mark.parametrize("job, status", [(152, "Q"), (86, "GO"), (102, "A")])
def test_rows_of_others_stay(db, daemon, job, status):
    """A suspended CO's job waits; A and GO of a runner on another host are not ours."""
    before = db.job(job)
    assert before["status"] == status
    drain(db, daemon)
    assert db.job(job) == before


def test_activated_co_is_served(db, daemon):
    """The job of a suspended CO runs once the CO is active and the sweep comes by."""
    daemon(sweep="1s", unknown_models="fail")
    db.sql("UPDATE public.cos SET status = 'A' WHERE id = 5")
    assert wait_for(lambda: db.status(152) == "X", 10)
