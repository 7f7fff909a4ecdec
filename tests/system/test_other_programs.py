"""Laws 11 and 12: the Registry's own programs, people and its upgrade beside the daemon."""
import datetime

import psycopg2
import psycopg2.errors
import pytest
from conftest import insert_job, wait_for
from registry import Refused, Registry
from test_schema import WRONG

COUNT = "Example.CountJob"


@pytest.fixture
def registry(empty_queue):
    """registry(): a session of the Registry."""
    sessions = []

    def start(**kwargs):
        sessions.append(Registry(empty_queue, **kwargs))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


@pytest.fixture
def served(empty_queue):
    """A database that a daemon serves: its row says so. serve(seen, lane) sets how."""
    def serve(seen="0s", lane=None, kind="daemon"):
        empty_queue.sql("UPDATE jobd.lane SET supervisor_id = NULL, token = NULL, worker_pid = NULL")
        empty_queue.sql("DELETE FROM jobd.supervisor")
        supervisor = empty_queue.value(
            "INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version,"
            " workers, lease, seen) VALUES (1, %s, 'db1', 4711, 'b', 1, '0', 1, '1min',"
            " now() + %s::interval) RETURNING id", kind, seen)
        if lane:
            empty_queue.sql("INSERT INTO jobd.lane VALUES (%s, %s, 5, 1, 9, now()) ON CONFLICT (co_id)"
                            " DO UPDATE SET supervisor_id = EXCLUDED.supervisor_id, token = 9",
                            lane, supervisor)
    serve()
    return serve


def errors(db):
    return db.sql("SELECT place, code, message FROM jobd.trigger_error ORDER BY id")


def refuses(session, job, **changes):
    before = session.read(job)
    with pytest.raises(Refused):
        session.save(job, **changes)
    assert session.read(job) == before


# ---- what is refused, and what is not ----

@pytest.mark.parametrize("final", ["OK", "X", "CX"])
def test_law11_final_stays(served, registry, add_job, empty_queue, final):
    """A final status does not change, whoever the job belongs to; everything else of it does."""
    session = registry()
    job = add_job(2, status=final)
    for status in {"Q", "A", "GO", "OK", "X", "CX", None} - {final}:
        refuses(session, job, status=status)
    session.save(job, status=final, finish_summary="the same again", percent_complete=7)
    assert session.read(job)["percent_complete"] == 7
    session.save(job, deleted=True)
    session.save(job, status="Q")  # not a live one any more
    assert not errors(empty_queue)


def test_law11_only_cancel(served, registry, add_job, empty_queue):
    """What others inserted is not assigned, started, failed or taken over, but canceled."""
    session = registry()
    for status, others in {"Q": ["A", "GO", "OK", "X", "ZZ", None], "A": ["Q", "GO", "OK", "X"],
                           "GO": ["Q", "A", "OK", "X"]}.items():
        job = add_job(2, status=status, assigned_host="db1", assigned_pid=5)
        for other in others:
            refuses(session, job, status=other)
        session.save(job, percent_complete=10, start_summary="words", start_after_time=None)
        if status != "Q":
            refuses(session, job, assigned_host="www", status=status)
            refuses(session, job, assigned_pid=6)
        session.save(job, status="CX", finish_summary="canceled")
        assert empty_queue.status(job) == "CX"
    assert not empty_queue.sql(WRONG) and not errors(empty_queue)


def test_guard_says_who_and_what(served, registry, add_job):
    """The words of the refusal: which job, who serves, what to do."""
    session = registry()
    job = add_job(2, status="OK")
    with pytest.raises(Refused) as refusal:
        session.save(job, status="CX")
    for words in (f"job {job} of CO 2 is OK, which is final", "host db1, PID 4711",
                  f"registry-job retry {job}"):
        assert words in str(refusal.value)
    job = add_job(2)
    with pytest.raises(Refused) as refusal:
        session.save(job, status="X")
    for words in (f"job {job} of CO 2", "Q to X", "db1", f"registry-job cancel {job}"):
        assert words in str(refusal.value)


@pytest.mark.parametrize("seen, lane, kind, is_served", [
    ("0s", None, "daemon", True), ("-50s", None, "daemon", True), ("50s", None, "daemon", True),
    ("-61s", None, "daemon", False), ("61s", None, "daemon", False),  # a step of the clock
    ("-9min", 2, "daemon", True), ("9min", 2, "daemon", True), ("-9min", 3, "daemon", False),
    ("-11min", 2, "daemon", False), ("11min", 2, "daemon", False),  # it died, and nobody settled
    ("0s", None, "command", False), ("0s", 2, "command", True), ("0s", 3, "command", False)])
def test_guard_while_a_daemon_is_alive(served, registry, add_job, seen, lane, kind, is_served):
    """Seen within its lease in either direction, or with the lane of that CO."""
    served(seen, lane, kind)
    session = registry()
    job, ended = add_job(2), add_job(2, status="X")
    if is_served:
        refuses(session, job, status="A")
        refuses(session, ended, status="Q")
    else:
        session.process(job)
        session.save(ended, status="Q")


def test_law11_own_jobs(served, registry, empty_queue):
    """A session runs what it registered, over several transactions, and nothing else."""
    first, second = registry(), registry()
    job = first.register(2)
    with pytest.raises(Refused):
        second.assign(job)
    first.process(job)
    assert empty_queue.status(job) == "OK"
    refuses(first, job, status="Q")
    here = first.register(2, status="A", assigned_host="www", assigned_pid=1)
    first.start(here)
    first.finish(here, "X")
    other = second.register(2)
    with pytest.raises(Refused):
        first.assign(other)
    assert not empty_queue.sql(WRONG) and not errors(empty_queue)


def test_law11_own_jobs_are_many(served, registry, empty_queue):
    """The last of a statement that inserts ten thousand; a rolled back insertion counts for nothing."""
    session = registry()
    with session.transaction() as cursor:
        cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 2, 'P.M', 'Q',"
                       " now() FROM generate_series(1, 10000)")
    session.process(empty_queue.value("SELECT max(id) FROM public.jobs"))
    refuses(session, empty_queue.value("SELECT min(id) FROM public.jobs"), status="A")


def test_law11_own_job_that_the_daemon_has(served, registry, empty_queue):
    """Who inserted a job and lost it to the daemon neither takes it over nor fails it."""
    session = registry()
    job = session.register(2)
    with empty_queue.conn.cursor() as cursor:
        cursor.execute("SET jobd.writer = 'registry-jobd'")
        cursor.execute("UPDATE public.jobs SET status = 'A', assigned_host = 'db1', assigned_pid = 5"
                       " WHERE id = %s", (job,))
    refuses(session, job, status="A", assigned_host="www", assigned_pid=1)
    refuses(session, job, status="GO")
    refuses(session, job, status="X")
    assert session.cancel(job) == 1


def test_guard_override(served, registry, add_job, empty_queue, cluster):
    """A person passes with a reason, which is in the server's log and in the history."""
    session = registry()
    job = add_job(2, status="X")
    with session.transaction() as cursor:
        cursor.execute("SET LOCAL jobd.override = 'ticket 4711: failed by mistake'")
        cursor.execute("UPDATE public.jobs SET status = 'Q' WHERE id = %s", (job,))
    record, = empty_queue.history(job)
    assert "ticket 4711" in record["comment"] and record["status"] == "NT"
    assert record["record_key"] == "registry-jobd: override"
    assert record["actor_identifier"] == "postgres"
    assert f"job {job}: postgres may change X to Q: ticket 4711" in (cluster.dir / "log").read_text()
    empty_queue.sql("UPDATE public.jobs SET status = 'CX' WHERE id = %s", job)
    refuses(session, job, status="Q")
    assert not empty_queue.sql(WRONG)


def test_restores_and_subscribers_pass(served, add_job, empty_queue):
    """What replays the changes of another server is not asked."""
    job = add_job(2, status="OK")
    empty_queue.sql("SET session_replication_role = replica")
    empty_queue.sql("UPDATE public.jobs SET status = 'Q' WHERE id = %s", job)
    assert empty_queue.status(job) == "Q"
    enabled = empty_queue.sql("SELECT DISTINCT tgenabled::text AS e FROM pg_trigger"
                              " WHERE tgrelid = 'public.jobs'::regclass AND tgname LIKE 'jobd%%'")
    assert [row["e"] for row in enabled] == ["O"]


def test_every_table_has_a_key(db):
    """A publication FOR ALL TABLES lets rows be updated only where they have one."""
    assert not db.sql("SELECT relname FROM pg_class c WHERE relnamespace = 'jobd'::regnamespace"
                      " AND relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_index i"
                      " WHERE i.indrelid = c.oid AND i.indisprimary)")


# ---- with a real daemon ----

def test_cancel_against_finish(empty_queue, daemon, registry, trace):
    """The Registry read "in progress", and writes when the job has just ended: it stays Complete."""
    db = empty_queue
    daemon()
    session = registry()
    for _ in range(5):
        job = session.register(2, COUNT, '{"sleep_ms":1,"count":100,"trace":"%s"}' % trace.path)
        wait_for(lambda: job in trace.begun())
        with pytest.raises(Refused):
            session.cancel(job, gap=lambda: db.wait_final(job))
        assert db.status(job) == "OK"
    job = session.register(2, COUNT, '{"sleep_ms":60000,"trace":"%s"}' % trace.path)
    wait_for(lambda: job in trace.begun())
    assert session.cancel(job) == 1  # heard by notification: the poll is an hour away
    wait_for(lambda: job in trace.ended())
    assert db.status(job) == "CX" and not errors(db)


def test_runner_by_mistake(empty_queue, daemon, registry, trace):
    """The Registry's runner beside the daemon: all jobs run once, in order, one at a time."""
    db = empty_queue
    daemon()
    session = registry()
    jobs = [session.register(2, COUNT, '{"sleep_ms":10,"count":1,"trace":"%s"}' % trace.path)
            for _ in range(20)]
    runner, ran = registry(), 0
    while any(row["status"] in ("Q", "A", "GO") for row in db.live(co_id=2)):
        try:
            ran += runner.run_queue(2)
        except (Refused, AssertionError):  # what its look found, another one has
            pass
    assert ran == 0
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}
    assert trace.begun() == jobs
    trace.check_one_at_a_time()


def test_job_that_fails_every_job(empty_queue, daemon, registry, trace):
    """The Registry's `job -j` of 5.3 registers, and fails what it registered: the daemon runs it."""
    db = empty_queue
    daemon()
    session = registry()
    for _ in range(5):
        job = session.register(2, COUNT, '{"sleep_ms":20,"count":2,"trace":"%s"}' % trace.path)
        with pytest.raises(Refused):
            session.save(job, status="X", finish_summary="Job failed")
        assert db.wait_final(job)[0]["status"] == "OK"


def test_job_in_the_foreground(empty_queue, daemon, registry, trace):
    """The Registry's `job -j -s` runs what it registered while the daemon is busy with the CO."""
    db = empty_queue
    daemon()
    session = registry()
    long = session.register(2, COUNT, '{"sleep_ms":60000,"trace":"%s"}' % trace.path)
    wait_for(lambda: long in trace.begun())
    job = session.register(2)
    session.process(job)
    assert db.status(job) == "OK" and session.cancel(long) == 1
    wait_for(lambda: long in trace.ended())
    assert not db.sql(WRONG) and not errors(db)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_without_a_daemon_nothing_is_refused(empty_queue, daemon, registry, how):
    """A roll-back to cron works as it did: after a stop at once, after a death with the lease."""
    db = empty_queue
    running = daemon(heartbeat="1s", lease="3s")
    session = registry()
    jobs = [session.register(4) for _ in range(3)]
    db.wait_final(*jobs)
    db.wait_idle()  # a lane that is held counts for ten leases
    (running.stop if how == "stop" else running.kill)()
    jobs = [session.register(4) for _ in range(3)]
    runner = registry()

    def runs():
        try:
            return runner.run_queue(4)
        except Refused:
            return 0
    wait_for(runs, 10)
    assert {row["status"] for row in db.wait_final(*jobs)} == {"OK"}
    runner.save(jobs[0], status="Q")
    assert db.status(jobs[0]) == "Q"


def test_deleting_a_co_that_works(empty_queue, daemon, registry, cos, trace):
    """With a job at work and others waiting; the daemon goes on with the next CO, and says little."""
    db = empty_queue
    running = daemon()
    session = registry()
    co, other = cos(2)
    job = session.register(co, COUNT, '{"sleep_ms":300,"trace":"%s"}' % trace.path)
    session.register(co)
    wait_for(lambda: job in trace.begun())
    session.delete_co(co)
    wait_for(lambda: job in trace.ended())
    following = session.register(other)
    db.wait_final(following)
    db.wait_idle()
    assert not errors(db) and not db.sql(WRONG)
    assert not running.count("could not be finished")


def test_our_sessions_say_so(empty_queue, daemon, add_job):
    """The triggers do nothing for the daemon: its statements do all of it themselves."""
    db = empty_queue
    db.sql("DROP FUNCTION jobd.guard CASCADE")
    db.sql("CREATE FUNCTION jobd.guard() RETURNS trigger LANGUAGE plpgsql AS"
           " $$ BEGIN RAISE EXCEPTION 'called'; END $$")
    db.sql("CREATE TRIGGER jobd_guard BEFORE UPDATE ON public.jobs FOR EACH ROW WHEN"
           " (current_setting('jobd.writer', true) IS DISTINCT FROM 'registry-jobd')"
           " EXECUTE FUNCTION jobd.guard()")
    daemon()
    jobs = [add_job(2), add_job(2, COUNT, {"count": 2, "records": 1}),
            add_job(3, COUNT, {"end": "fail"}, retry_interval=60), add_job(3, COUNT, {"end": "kill"})]
    assert [row["status"] for row in db.wait_final(*jobs)] == ["OK", "OK", "X", "X"]
    assert not db.sql(WRONG)


def test_daemon_is_ours_behind_another_name(empty_queue, daemon):
    """An application_name of the configuration does not make a stranger of the daemon."""
    db = empty_queue
    daemon(conninfo=db.conninfo + " application_name=mine")
    with db.conn.cursor() as cursor:
        job = insert_job(cursor, 2, COUNT, {"count": 1})
    assert db.wait_final(job)[0]["status"] == "OK"
    assert {row["setting"] for row in db.sql(
        "SELECT application_name AS setting FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'registry-job%%'")} >= {"registry-jobd worker"}


# ---- never in the Registry's way ----

ALTERATIONS = {
    "status": "TYPE text", "job_id": "TYPE bigint", "deleted": "TYPE boolean USING deleted::boolean",
    "id": "TYPE bigint", "co_id": "TYPE bigint",
    "start_after_time": "TYPE timestamptz USING start_after_time AT TIME ZONE 'UTC'",
    "finish_time": "TYPE timestamptz USING finish_time AT TIME ZONE 'UTC'",
    "modified": "TYPE timestamptz USING modified AT TIME ZONE 'UTC'",
    "plugin": "TYPE text", "parameters": "TYPE varchar(65536)", "assigned_pid": "TYPE bigint",
    "revision": "TYPE bigint",
}
RUNS = ("OK", "X", "OK")


def run_some(db, session, command):
    """Jobs of all kinds end as they should: with a requeue, with a retry, delayed, from the command."""
    n = len(db.live())  # no duplicate of a successor that waits
    jobs = [session.register(2, COUNT, f'{{"count":{n}}}', requeue_interval=3600),
            session.register(2, COUNT, f'{{"count":{n},"end":"fail"}}', retry_interval=3600,
                             max_retry=2),
            session.register(3)]
    assert tuple(row["status"] for row in db.wait_final(*jobs)) == RUNS
    assert len(db.live(requeued_from_job_id=jobs[0])) == len(db.live(requeued_from_job_id=jobs[1])) == 1
    done = command("-c", 3, "-j", "Example.NoopJob", "-s")
    assert done.returncode == 0, done.stderr
    job = session.register(4, start_after_time="2999-01-01")
    assert db.value("SELECT NOT ready FROM jobd.queue WHERE job_id = %s", job)
    assert session.cancel(job) == 1
    assert not db.sql(WRONG) and not errors(db)


@pytest.mark.parametrize("columns", [[name] for name in ALTERATIONS] + [list(ALTERATIONS)],
                         ids=lambda columns: columns[0] if len(columns) == 1 else "all")
def test_law12_registry_alters_a_column(empty_queue, daemon, command, registry, columns):
    """Its upgrade is not refused; then its INSERTs work, and jobs run, of a daemon that was there
    and of one that comes."""
    db = empty_queue
    db.sql("SET TimeZone = 'UTC'")
    running = daemon(sweep="1s")
    session = registry()
    run_some(db, session, command)
    for name in columns:
        db.sql(f"ALTER TABLE public.jobs ALTER {name} {ALTERATIONS[name]}")
    job = session.register(3)
    assert db.wait_final(job)[0]["status"] == "OK"
    assert session.cancel(session.register(4, start_after_time="2999-01-01")) == 1
    assert {error["code"] for error in errors(db)} <= {"42804"}  # PL/pgSQL keeps types in a session
    db.sql("DELETE FROM jobd.trigger_error")
    fresh = registry()
    if "start_after_time" in columns:  # of a session in another zone
        now = datetime.datetime.now(datetime.timezone.utc)
        job = fresh.register(3, start_after_time=now)
        later = fresh.register(3, start_after_time=now + datetime.timedelta(minutes=30))
        assert db.wait_final(job)[0]["status"] == "OK"
        assert fresh.cancel(later) == 1
    run_some(db, fresh, command)
    assert not running.count("repaired")
    running.stop()
    daemon()
    run_some(db, registry(), command)


def test_law12_times_with_fractions(empty_queue, command, registry):
    """A type of the column that has fractions: what the queue has is the same, to the second."""
    db = empty_queue
    db.sql("ALTER TABLE public.jobs ALTER start_after_time TYPE timestamptz"
           " USING start_after_time AT TIME ZONE 'UTC'")
    for fraction in ("30.2", "30.7"):
        registry().register(2, start_after_time=f"2999-01-01 00:00:{fraction}+00")
    assert db.value("SELECT jobd.resync()") == 0
    assert "what the jobs say" in command("doctor").stdout


def test_law12_ids_beyond_integers(empty_queue, daemon, registry, command):
    """One job with such an id is not run, and keeps no other from it."""
    db = empty_queue
    db.sql("ALTER TABLE public.jobs ALTER id TYPE bigint")
    daemon(sweep="1s")
    with db.conn.cursor() as cursor:
        cursor.execute("INSERT INTO public.jobs (id, co_id, plugin, status, created) VALUES"
                       " (5000000000, 2, 'Example.NoopJob', 'Q', now()),"
                       " (500000, 2, 'Example.NoopJob', 'Q', now())")
    assert db.wait_final(500000)[0]["status"] == "OK"
    assert "1 queued jobs are not in jobd.queue" in command("doctor").stdout
    late = db.value("INSERT INTO public.jobs (co_id, plugin, status, created) VALUES"
                    " (2, 'Example.NoopJob', 'Q', now()) RETURNING id")
    db.wait_final(late)
    db.sql("ALTER TABLE public.jobs DISABLE TRIGGER USER")  # nor from being found
    silent = db.value("INSERT INTO public.jobs (co_id, plugin, status, created) VALUES"
                      " (2, 'Example.NoopJob', 'Q', now()) RETURNING id")
    db.sql("ALTER TABLE public.jobs ENABLE TRIGGER USER")
    db.wait_final(silent)


def test_law12_registry_drops_a_column(empty_queue, daemon, registry, command):
    """Even one that everything of ours needs: its statements work, and doctor says it."""
    db = empty_queue
    daemon()
    session = registry()
    db.sql("ALTER TABLE public.jobs ALTER deleted TYPE smallint USING deleted::int")
    session.columns = session.columns.replace("deleted", "0, deleted").split("0, ", 1)[1]
    with session.transaction() as cursor:
        cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, deleted, created) VALUES"
                       " (2, 'P.M', 'Q', 0, now()) RETURNING id")
        job = cursor.fetchone()["id"]
        cursor.execute("UPDATE public.jobs SET status = 'CX' WHERE id = %s", (job,))
    db.sql("ALTER TABLE public.jobs DROP deleted, DROP start_after_time")
    with session.transaction() as cursor:
        cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, created) VALUES"
                       " (2, 'P.M', 'Q', now()) RETURNING id")
        job = cursor.fetchone()["id"]
        cursor.execute("UPDATE public.jobs SET status = 'CX' WHERE id = %s", (job,))
        cursor.execute("DELETE FROM public.jobs WHERE id = %s", (job,))
    done = command("doctor")
    assert "public.jobs has no column start_after_time" in done.stdout
    assert "public.jobs has no column deleted" in done.stdout
    assert errors(db)


BREAKAGES = {
    "a dropped table": "DROP TABLE jobd.queue",
    "a table without its column": "ALTER TABLE jobd.queue DROP due",
    "a constraint": "ALTER TABLE jobd.queue ADD CHECK (job_id < 0) NOT VALID",
    "a full sequence of nothing": "CREATE FUNCTION jobd.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                                  " RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER no BEFORE INSERT OR"
                                  " DELETE ON jobd.queue FOR EACH ROW EXECUTE FUNCTION jobd.no()",
    "all tables": "DROP TABLE jobd.queue, jobd.lane, jobd.model, jobd.supervisor, jobd.trigger_error",
    "no supervisors": "DROP TABLE jobd.supervisor CASCADE",
    "functions": "DROP FUNCTION jobd.note_error, jobd.remember, jobd.registry_now CASCADE;"
                 " DROP TABLE jobd.queue",
    "no rights": "CREATE ROLE {role}; ALTER FUNCTION jobd.keep_queue OWNER TO {role};"
                 " ALTER FUNCTION jobd.guard OWNER TO {role}",
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_law12_nothing_of_ours_fails_a_statement(served, registry, empty_queue, what):
    """Whatever is wrong in our schema, the Registry registers, runs, cancels and deletes."""
    db = empty_queue
    session = registry()
    role = f"nobody_{db.name}"
    before = session.register(2)
    db.sql(BREAKAGES[what].format(role=role))
    try:
        job = session.register(2)
        session.save(before, percent_complete=3)
        assert session.cancel(before) == 1
        with session.transaction() as cursor:
            session.copy(cursor, job)
            cursor.execute("DELETE FROM public.jobs WHERE id = %s OR job_id = %s", (job, job))
            cursor.execute("TRUNCATE public.jobs CASCADE")
        if "supervisor" in BREAKAGES[what] or role in BREAKAGES[what].format(role=role):
            other = session.register(2)
            session.save(other, status="X")  # nobody knows whether a daemon is there
        if db.value("SELECT to_regclass('jobd.trigger_error')") and "FUNCTION jobd.note" not in BREAKAGES[what]:
            assert errors(db) or "rights" in what
    finally:
        db.sql("DROP SCHEMA jobd CASCADE")
        if role in BREAKAGES[what].format(role=role):
            db.sql(f"DROP ROLE IF EXISTS {role}")


def test_law12_a_lock_on_ours_costs_two_seconds(served, registry, empty_queue):
    """Somebody holds jobd.queue: the Registry's INSERT goes through all the same."""
    db = empty_queue
    session = registry()
    other = db.connect(autocommit=False)
    other.cursor().execute("LOCK TABLE jobd.queue IN ACCESS EXCLUSIVE MODE")
    with session.transaction() as cursor:
        cursor.execute("SET statement_timeout = '10s'")
    job = session.register(2)
    other.close()
    assert db.sql(WRONG) and errors(db)[0]["code"] == "55P03"
    assert db.value("SELECT jobd.resync()") == 1 and not db.sql(WRONG)
    assert db.status(job) == "Q"


def test_law12_error_is_noted_and_repaired(empty_queue, daemon, registry, command):
    """An INSERT whose trigger met an error is run after a sweep, without a restart; doctor tells."""
    db = empty_queue
    session = registry()
    db.sql("ALTER TABLE jobd.queue ADD CONSTRAINT c CHECK (co_id <> 3) NOT VALID")
    job = session.register(3)
    assert not db.value("SELECT count(*) FROM jobd.queue")
    done = command("doctor")
    assert '1 statements on public.jobs could not be followed' in done.stdout
    assert 'violates check constraint "c"' in done.stdout
    db.sql("ALTER TABLE jobd.queue DROP CONSTRAINT c")
    running = daemon(sweep="1s")
    assert db.wait_final(job)[0]["status"] == "OK"
    db.sql("ALTER TABLE jobd.queue ADD CONSTRAINT c CHECK (co_id <> 3) NOT VALID")
    old = session.register(3)
    db.sql("ALTER TABLE jobd.queue DROP CONSTRAINT c")
    assert db.wait_final(old)[0]["status"] == "OK"
    assert running.count("repaired 1 rows of the queue")
    assert "the queue was repaired" in command("doctor").stdout


def test_law12_an_error_costs_one_subtransaction(served, registry, empty_queue):
    """Ten thousand rows in one statement with an error need one transaction id more, not each."""
    db = empty_queue
    session = registry()
    db.sql("ALTER TABLE jobd.queue ADD CONSTRAINT c CHECK (co_id <> 3) NOT VALID")
    before = db.value("SELECT txid_current()")
    with session.transaction() as cursor:
        cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 3, 'P.M', 'Q',"
                       " now() FROM generate_series(1, 10000)")
    assert db.value("SELECT txid_current()") - before < 10
    assert len(errors(db)) == 1


def test_law12_bulk_update_does_not_join(served, registry, empty_queue):
    """A plan that was made for one row serves for ten thousand."""
    db = empty_queue
    session = registry()
    for _ in range(8):  # a plan is kept by then
        session.cancel(session.register(2))
    with session.transaction() as cursor:
        cursor.execute("SET statement_timeout = '5s'")
        cursor.execute("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 2 + i % 2, 'P.M',"
                       " 'Q', now() FROM generate_series(1, 10000) i")
        cursor.execute("UPDATE public.jobs SET start_after_time = now() + interval '1 day'")
        cursor.execute("UPDATE public.jobs SET status = 'CX'  WHERE status = 'Q' AND co_id = 2")
        cursor.execute("DELETE FROM public.jobs WHERE status = 'Q' AND id % 3 = 0")
    assert not db.sql(WRONG) and db.value("SELECT count(*) FROM jobd.queue") > 1000
