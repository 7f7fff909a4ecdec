"""Law 5: the end of a job and what follows from it are one transaction."""
import pytest
from conftest import wait_for


def successors(db, job):
    return db.sql("SELECT * FROM public.jobs WHERE requeued_from_job_id = %s AND job_id IS NULL",
                  job)


def interval(db, job):
    """Seconds between the end of `job` and the start-after time of its successor."""
    return db.value("SELECT extract(epoch FROM n.start_after_time - o.finish_time)::int"
                    " FROM public.jobs o JOIN public.jobs n ON n.requeued_from_job_id = o.id"
                    " WHERE o.id = %s", job)


@pytest.mark.parametrize("max_retry, count", [(None, None), (3, 0)])
def test_requeue(empty_queue, daemon, add_job, max_retry, count):
    """Complete with a requeue interval: one new job with the same wishes, its count at the start."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {"tag": "a/b é"}, requeue_interval=600,
                  retry_interval=60, max_retry=max_retry, retry_count=2)
    assert db.wait_final(job)[0]["status"] == "OK"
    old, (new,) = db.job(job), successors(db, job)
    for key in ("co_id", "plugin", "parameters", "register_summary", "requeue_interval",
                "retry_interval", "max_retry"):
        assert new[key] == old[key]
    assert new["status"] == "Q" and new["retry_count"] == count and new["revision"] == 0
    assert new["deleted"] is False and new["assigned_pid"] is None
    assert new["start_time"] is None and new["finish_summary"] is None
    assert abs(interval(db, job) - 600) <= 1


def test_periodic_chain(empty_queue, daemon, add_job):
    """A periodic job goes on by itself: three generations, one second apart."""
    db = empty_queue
    running = daemon()
    add_job(2, "Example.CountJob", {}, requeue_interval=1)
    wait_for(lambda: len(db.live(status="OK")) >= 3)
    running.stop()
    rows = db.live()
    assert [row["status"] for row in rows[:-1]] == ["OK"] * (len(rows) - 1)
    assert rows[-1]["status"] == "Q"
    assert [row["requeued_from_job_id"] for row in rows[1:]] == [row["id"] for row in rows[:-1]]


def test_retry_until_the_limit(empty_queue, daemon, add_job):
    """Failed with max_retry 2: three rows in all, each X, counts 0, 1, 2, no fourth."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {"end": "fail"}, retry_interval=1, max_retry=2,
                  retry_count=0)
    wait_for(lambda: len(db.live(status="X")) == 3)
    db.wait_idle()
    rows = db.live()
    assert [(row["status"], row["retry_count"]) for row in rows] == [("X", 0), ("X", 1), ("X", 2)]
    assert rows[0]["id"] == job


@pytest.mark.parametrize("columns, retries", [
    ({"retry_interval": 60}, 1), ({"retry_interval": 60, "max_retry": 0, "retry_count": 7}, 8),
    ({"retry_interval": 60, "max_retry": 3, "retry_count": 3}, None),
    ({"retry_interval": 60, "max_retry": 3, "retry_count": 2}, 3),
    ({"retry_interval": 0, "max_retry": 3}, None), ({}, None),
    ({"requeue_interval": 60}, None), ({"retry_interval": -5}, None)])
def test_retry_rules(empty_queue, daemon, add_job, columns, retries):
    """When a Failed job is tried again, and what the new row counts."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {"end": "fail"}, **columns)
    assert db.wait_final(job)[0]["status"] == "X"
    assert [row["retry_count"] for row in successors(db, job)] == (
        [] if retries is None else [retries])


def test_ok_is_not_retried(empty_queue, daemon, add_job):
    """A retry interval alone does not repeat a Complete job."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {}, retry_interval=60)
    db.wait_final(job)
    assert not successors(db, job)


@pytest.mark.parametrize("waiting", ['{"tag":"x","count":1}', '{ "count": 1, "tag": "x" }'])
def test_duplicate_successor(empty_queue, daemon, add_job, waiting):
    """Upstream fails the job and ends the chain; ours stays Complete, and a notice names who
    waits. Parameters are compared as JSON values."""
    db = empty_queue
    daemon()
    other = add_job(2, "Example.CountJob", waiting, delay=3600)
    elsewhere = add_job(3, "Example.CountJob", waiting, delay=3600)
    job = add_job(2, "Example.CountJob", '{"tag":"x","count":1}', requeue_interval=60)
    assert db.wait_final(job)[0]["status"] == "OK"
    assert not successors(db, job)
    record, = db.history(job)
    assert record["status"] == "NT" and str(other) in record["comment"]
    assert elsewhere != other


def test_duplicate_of_another_co(empty_queue, daemon, add_job):
    """The same parameters in another CO are no duplicate."""
    db = empty_queue
    daemon()
    add_job(3, "Example.CountJob", {"tag": "x"}, delay=3600)
    job = add_job(2, "Example.CountJob", {"tag": "x"}, requeue_interval=60)
    db.wait_final(job)
    assert len(successors(db, job)) == 1


def test_archive_copy_is_no_duplicate(empty_queue, daemon, add_job):
    """Law 7: a copy that says Queued does not wait."""
    db = empty_queue
    daemon()
    old = add_job(2, "Example.CountJob", {"tag": "x"}, status="OK")
    add_job(2, "Example.CountJob", {"tag": "x"}, job_id=old)
    add_job(2, "Example.CountJob", {"tag": "x"}, deleted=True)
    job = add_job(2, "Example.CountJob", {"tag": "x"}, requeue_interval=60)
    db.wait_final(job)
    assert len(successors(db, job)) == 1


@pytest.mark.parametrize("text", ["x" * 300, "é" * 300, "𝄞" * 300, "e\u0301" * 200, "a<b>&\"'\\"])
def test_summary_is_cut(empty_queue, daemon, add_job, text):
    """Upstream: a summary longer than 256 characters leaves the row in GO for ever."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {"summary": text})
    row = db.wait_final(job)[0]
    assert row["status"] == "OK" and row["finish_summary"] == text[:256]


def test_record_texts_are_cut(empty_queue, daemon, add_job):
    """A comment of a history record is cut to 256 characters as well."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {"tag": "ü" * 400, "records": 1})
    assert db.wait_final(job)[0]["status"] == "OK"
    assert len(db.history(job)[0]["comment"]) <= 256


def test_percent_grows(empty_queue, daemon, add_job):
    """Progress is visible while the job runs, never goes back, and is 100 at the end."""
    db = empty_queue
    daemon()
    job = add_job(2, "Example.CountJob", {"count": 20, "sleep_ms": 100})
    seen = []

    def look():
        row = db.job(job)
        if row["percent_complete"] is not None and row["percent_complete"] not in seen[-1:]:
            seen.append(row["percent_complete"])
        return row["status"] == "OK"
    wait_for(look)
    assert seen == sorted(seen) and len(seen) > 2 and seen[-1] == 100


def test_history_links(empty_queue, daemon, add_job):
    """Records carry the person and the external identity, and the implicit columns."""
    db = empty_queue
    daemon()
    pair = db.sql("SELECT e.id AS e, p.id AS p, p.co_id AS co FROM public.external_identities e"
                  " JOIN public.people p ON p.id = e.person_id WHERE p.co_id = 3"
                  " AND p.person_id IS NULL AND e.external_identity_id IS NULL"
                  " AND p.deleted IS NOT TRUE AND e.deleted IS NOT TRUE ORDER BY 1 LIMIT 1")[0]
    job = add_job(3, "Example.CountJob", {"records": 2, "person_id": pair["p"],
                                          "external_identity_id": str(pair["e"])})
    row = db.wait_final(job)[0]
    assert row["status"] == "OK", row["finish_summary"]
    for record in db.history(job):
        assert record["person_id"] == pair["p"]
        assert record["external_identity_id"] == pair["e"]
        assert record["status"] == "OK" and record["revision"] == 0
        assert record["deleted"] is False and record["actor_identifier"] == "registry-jobd"
    assert len(db.history(job)) == 2


def test_finish_is_one_transaction(empty_queue, daemon, add_job):
    """Law 5: when the transaction fails at its commit, the job is not Complete either."""
    db = empty_queue
    db.sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " IF NEW.status IN ('OK', 'X') AND NEW.requeue_interval > 0 THEN"
           " RAISE 'refused by a test' USING ERRCODE = 'serialization_failure'; END IF;"
           " RETURN NEW; END $$")
    db.sql("CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON public.jobs"
           " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()")
    daemon(sweep="1s")
    job = add_job(2, "Example.CountJob", {}, requeue_interval=60, retry_interval=60)
    following = add_job(2)
    other = add_job(3)
    db.wait_final(other)
    wait_for(lambda: db.job(job)["start_time"] is not None)
    assert db.status(job) != "OK" and not successors(db, job)
    db.sql("DROP TRIGGER refuse ON public.jobs")
    db.wait_final(job, following)
    assert len(successors(db, job)) == 1


def test_successor_that_cannot_be_inserted_holds_nobody_up(empty_queue, daemon, add_job):
    """LESSONS 5: one row that cannot be settled as wished does not stop its CO for ever."""
    db = empty_queue
    db.sql("ALTER TABLE public.jobs ADD CONSTRAINT refuse CHECK (requeued_from_job_id IS NULL)")
    daemon(sweep="1s")
    job = add_job(2, "Example.CountJob", {}, requeue_interval=60, retry_interval=60)
    following = add_job(2)
    rows = db.wait_final(job, following, timeout=8)
    assert rows[1]["status"] == "OK"
