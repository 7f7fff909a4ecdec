"""What the database refuses for good costs a job neither its end nor the reason."""
import pytest
from conftest import wait_for
from test_finish import successors

COUNT = "Example.CountJob"
LAST = 2147483647


def refuse(db, when, how="RAISE 'refused by a test'", event="BEFORE INSERT OR UPDATE",
           table="jobs", kind=""):
    """A trigger that does `how` to rows for which `when` holds."""
    db.sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           f" IF {when} THEN {how}; END IF; RETURN NEW; END $$")
    deferred = "DEFERRABLE INITIALLY DEFERRED" if kind else ""
    db.sql(f"CREATE {kind} TRIGGER refuse {event} ON public.{table} {deferred}"
           " FOR EACH ROW EXECUTE FUNCTION public.refuse()")


def constrain(db, condition):
    db.sql(f"ALTER TABLE public.jobs ADD CONSTRAINT refuse CHECK ({condition})")


def last_history_record(db):
    db.sql("SELECT setval('public.job_history_records_id_seq', %s)", LAST)


@pytest.mark.parametrize("how", ["sequence", "check"])
def test_record_is_refused(empty_queue, daemon, add_job, how):
    """A plugin ends because its records are refused: the summary has the server's words."""
    db = empty_queue
    if how == "sequence":
        last_history_record(db)
        words = "reached maximum value of sequence"
    else:
        refuse(db, "NEW.comment LIKE 'step%%'", table="job_history_records")
        db.sql("ALTER TABLE public.job_history_records ADD CONSTRAINT r CHECK (comment <> 'mine')")
        words = "violates check constraint"
    daemon()
    job = add_job(2, COUNT, {"records": 500, "tag": "mine"})
    following = add_job(2)
    rows = db.wait_final(job, following)
    assert rows[0]["status"] == "X" and words in rows[0]["finish_summary"], rows[0]
    assert rows[0]["finish_summary"].startswith("database error: ")
    assert rows[1]["status"] == "OK"


@pytest.mark.parametrize("condition, status, summary", [
    ("finish_summary NOT LIKE 'counted%%'", "OK", None),
    ("length(finish_summary) < 5", "OK", None),
    ("percent_complete < 100", "OK", None),
    ("status <> 'OK'", "X", "could not become complete: new row"),
    ("status <> 'OK' AND finish_summary NOT LIKE '%%complete%%'", "X", None)])
def test_finish_is_refused(empty_queue, daemon, add_job, condition, status, summary):
    """For its words, or for another column: it is written with less, and the log has the rest."""
    db = empty_queue
    constrain(db, condition)
    running = daemon()
    job = add_job(2, COUNT, {"tag": "x"})
    row = db.wait_final(job)[0]
    assert row["status"] == status
    assert (row["finish_summary"] or "")[:30] == (summary or "")[:30]
    running.wait_log(f"job {job}: the database refuses its end as complete: counted to 1"
                     r" \(new row for relation .jobs. violates check constraint .refuse.\)")
    assert not running.count("terminated unexpectedly|had to end")


def test_finish_of_a_failed_job_is_refused(empty_queue, daemon, add_job):
    """It stays Failed, and is tried again."""
    db = empty_queue
    constrain(db, "finish_summary NOT LIKE '%%mine%%'")
    daemon(unknown_models="fail")
    job = add_job(2, COUNT, {"end": "fail", "summary": "mine"}, retry_interval=600)
    rejected = add_job(2, "mine.None", {})
    rows = db.wait_final(job, rejected)
    assert [(row["status"], row["finish_summary"]) for row in rows] == [("X", None)] * 2
    assert len(successors(db, job)) == 1


def test_saturated_revision_does_not_refuse_a_finish(empty_queue, daemon, add_job):
    """A counter of the row that can go no further stays."""
    db = empty_queue
    refuse(db, "NEW.status = 'GO'", f"NEW.revision := {LAST}")
    daemon()
    row = db.wait_final(add_job(2))[0]
    assert (row["status"], row["finish_summary"], row["revision"]) == ("OK", "Completed", LAST)


def test_settlement_is_refused(empty_queue, daemon, add_job):
    """A worker died, and the words for that are refused: the job is settled without them."""
    db = empty_queue
    constrain(db, "finish_summary NOT LIKE 'terminated%%'")
    running = daemon()
    job = add_job(2, COUNT, {"end": "kill"}, retry_interval=600)
    following = add_job(2)
    rows = db.wait_final(job, following)
    assert [row["status"] for row in rows] == ["X", "OK"]
    assert rows[0]["finish_summary"] is None and len(successors(db, job)) == 1
    running.wait_log(r"could not be settled with the words 'terminated unexpectedly \(killed by")


@pytest.mark.parametrize("words", [True, False])
def test_start_is_refused(empty_queue, daemon, add_job, trace, words):
    """For its words: then it starts without. Otherwise it is Failed, and says why."""
    db = empty_queue
    if words:
        constrain(db, "start_summary NOT LIKE 'Started%%'")
    else:
        refuse(db, "NEW.status = 'GO' AND NEW.parameters LIKE '%%bad%%'")
    running = daemon()
    job = add_job(2, COUNT, {"tag": "bad", "trace": trace.path}, retry_interval=600)
    following = add_job(2)
    rows = db.wait_final(job, following)
    assert [row["status"] for row in rows] == ["OK" if words else "X", "OK"]
    if words:
        assert rows[0]["start_summary"] == "counting to 1", "the plugin's own words"
        assert trace.begun() == [job]
        assert rows[0]["finish_summary"] == "counted to 1"
    else:
        assert rows[0]["finish_summary"] == "could not be started: refused by a test"
        assert not trace.begun() and len(successors(db, job)) == 1
    assert not running.count("terminated unexpectedly|had to end")


def test_command_whose_finish_is_refused(empty_queue, command):
    """As in a daemon: the exit code is the plugin's."""
    db = empty_queue
    constrain(db, "finish_summary NOT LIKE 'counted%%'")
    done = command("-c", 2, "-j", COUNT, "-s")
    assert done.returncode == 0, done.stderr
    assert db.live(status="OK")[0]["finish_summary"] is None


# ---- the successor ----

def check_ended(db, job, following, status="OK", timeout=25):
    """The job and the one behind it ended; the record about the successor."""
    rows = db.wait_final(job, following, timeout=timeout)
    assert [row["status"] for row in rows] == [status, "OK"]
    assert not successors(db, job)
    record, = [r for r in db.history(job) if not r["record_key"]]
    assert record["status"] == "X" and record["comment"].startswith("could not be queued again: ")
    return record["comment"]


@pytest.mark.limit(120)
@pytest.mark.parametrize("state", ["P0004", "57014", "53100", "XX001", "40P01", "0A000", "55006",
                                   "58030"])
def test_successor_fails_in_any_way(empty_queue, daemon, add_job, state):
    """Assertions, time-outs, a full disk, a broken page: the job ends, the history says why."""
    db = empty_queue
    refuse(db, "NEW.requeued_from_job_id IS NOT NULL",
           f"RAISE 'refused by a test' USING ERRCODE = '{state}'")
    daemon()
    job = add_job(2, COUNT, {}, requeue_interval=600)
    assert "refused by a test" in check_ended(db, job, add_job(2))
    killed = add_job(2, COUNT, {"end": "kill"}, retry_interval=600)
    assert "refused by a test" in check_ended(db, killed, add_job(2), "X")


def test_successor_fails_at_the_commit(empty_queue, daemon, add_job):
    """A constraint that is looked at in the end is looked at before."""
    db = empty_queue
    refuse(db, "NEW.requeued_from_job_id IS NOT NULL", event="AFTER INSERT", kind="CONSTRAINT")
    daemon()
    job = add_job(2, COUNT, {}, requeue_interval=600)
    assert "refused by a test" in check_ended(db, job, add_job(2))


def test_successor_takes_too_long(empty_queue, daemon, add_job):
    """It is stopped by the limit of the statement; that does not undo the end of the job. (A
    worker's limit of ten seconds is not waited for: the statement is canceled.)"""
    db = empty_queue
    refuse(db, "NEW.requeued_from_job_id IS NOT NULL", "PERFORM pg_sleep(60)")
    daemon()
    job = add_job(2, COUNT, {}, requeue_interval=600)
    following = add_job(2)

    def cancel():
        db.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
               " WHERE wait_event = 'PgSleep' AND datname = current_database()")
        return db.status(following) == "OK"
    wait_for(cancel, 25, interval=0.1)
    assert "canceling statement" in check_ended(db, job, following)


@pytest.mark.parametrize("lasts", [False, True])
def test_successor_waits_for_a_lock(empty_queue, daemon, add_job, lasts):
    """Somebody has the CO's row: a moment's lock ends no chain, a longer one keeps no job."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 5, "sleep_ms": 100}, requeue_interval=600)
    following = add_job(2)
    db.wait_status(job, "GO")
    with db.connect(autocommit=False) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT FROM public.cos WHERE id = 2 FOR UPDATE")
        if lasts:
            assert "lock timeout" in check_ended(db, job, following)
        else:
            wait_for(lambda: db.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))
            wait_for(lambda: not db.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))
            assert db.status(job) == "GO"
    conn.close()
    if not lasts:
        assert db.wait_final(job)[0]["status"] == "OK" and len(successors(db, job)) == 1


def test_history_of_the_successor_is_refused(empty_queue, daemon, add_job):
    """With the numbers of history used up the chain goes on; what no record can say is in the
    server's log."""
    db = empty_queue
    last_history_record(db)
    daemon()
    job = add_job(2, COUNT, {"tag": "x"}, requeue_interval=600)
    assert db.wait_final(job)[0]["status"] == "OK" and len(successors(db, job)) == 1
    twin = add_job(2, COUNT, {"tag": "x"}, requeue_interval=600)
    assert db.wait_final(twin)[0]["status"] == "OK" and not successors(db, twin)
    assert f"job {twin}: not queued again" in (db.cluster.dir / "log").read_text()


def test_jobs_are_used_up(empty_queue, daemon, command, add_job):
    """No successor can have an id: the job ends, and says so; so does a registration."""
    db = empty_queue
    daemon()
    job = add_job(2, COUNT, {"count": 5, "sleep_ms": 100}, requeue_interval=600)
    following = add_job(2)
    db.sql("SELECT setval('public.jobs_id_seq', %s)", LAST)
    assert "maximum value of sequence" in check_ended(db, job, following)
    done = command("-c", 2, "-j", COUNT)
    assert done.returncode == 1 and "maximum value of sequence" in done.stderr
