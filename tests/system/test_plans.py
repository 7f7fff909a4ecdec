"""LESSONS 21, 28 and 31: the hot statements read jobs by primary key, whatever statistics say."""
import json
import re

import pytest
from conftest import HOST, ROOT

SQL = ROOT / "src" / "db" / "sql"
# So many that a statement without its guards is noticed: with a fifth of them it is not, and with
# twenty thousand no other one is. What a million cost is measured by tests/bench.
ROWS = 5000
FEW = 45  # buffers of a claim: 28, or 67 when it reads the rows of which it must not
ARGUMENTS = {  # any values: the plan is generic
    "job_claim": f"2, 7, '{HOST}', 4711, 0, 1, false",
    "job_start": f"1, '{HOST}', 4711, 'x'",
    "job_finish": f"1, '{{GO}}', 'OK', 'x', '{HOST}', 4711, true",
    "job_progress": f"1, '{HOST}', 4711, 5",
    "job_start_summary": f"1, '{HOST}', 4711, 'x'",
    "job_cancel": "1, 'x', 'y'",
    "job_canceled": "'{1,2,3}'",
    "job_status": "1",
    "job_stopped": "1, 'x'",
    "history_add": "'[]'",
    "lane_free": "2, 7",
    "lane_take": "2, 9, 4711, 1, 7, 1",
    "lane_refused": "2, 'x', 1, 1",
    "queue_waiting": "0, 9",
}
QUEUE = {"job_claim": {"queue_ready", "queue_pkey"}, "queue_waiting": {"queue_ready"},
         "queue_next_due": {"queue_due"}, "queue_promote": {"queue_due", "queue_pkey"},
         "lane_free": {"queue_ready"}, "lane_take": {"queue_ready"},
         "lane_refused": {"queue_ready"}}


@pytest.fixture
def session(db):
    """A connection with the settings of ours, and every statement prepared as the daemon does."""
    text = (ROOT / "src" / "db" / "connect.c").read_text()
    with db.conn.cursor() as cursor:
        for setting in re.findall(r"SET (?:jit|enable_seqscan|plan_cache_mode) = \w+", text):
            cursor.execute(setting)
        cursor.execute("SET jobd.writer = 'registry-jobd'")
    assert db.value("SHOW plan_cache_mode") == "force_generic_plan"
    assert db.value("SHOW enable_seqscan") == "off"
    return db


def prepare(db, name):
    statement = (SQL / f"{name}.sql").read_text().rstrip().rstrip(";")
    with db.conn.cursor() as cursor:
        cursor.execute(f"PREPARE {name} AS {statement}")


def plan(db, name):
    arguments = f"({ARGUMENTS[name]})" if ARGUMENTS.get(name) else ""
    with db.conn.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name}{arguments}")
        found = next(iter(cursor.fetchone().values()))
    return found if isinstance(found, list) else json.loads(found)


def scans(node, table):
    """(node type, index) of everything that reads `table`."""
    if isinstance(node, list):
        return [found for item in node for found in scans(item, table)]
    if not isinstance(node, dict):
        return []
    found = [s for value in node.values() for s in scans(value, table)]
    kind = node.get("Node Type", "")
    if node.get("Relation Name") == table and kind != "ModifyTable":
        found.append((kind, node.get("Index Name")))
    elif kind == "Bitmap Index Scan":
        found.append((kind, node["Index Name"]))
    return found


def check(db, name, text=None):
    found = scans(plan(db, name), "jobs")
    assert found, name
    for kind, index in found:
        # A bitmap's heap scan names no index, its index scan does.
        assert index == "jobs_pkey" or kind == "Bitmap Heap Scan", (name, text, found)


def statistics(db, state):
    """Statistics as they may be: none, from another life, or fresh."""
    host = HOST
    if state in ("stale", "fresh", "worked"):
        db.sql("INSERT INTO public.jobs (co_id, plugin, parameters, status, created)"
               " SELECT 2 + i %% 3, 'P.M', '[]', 'Q', now() FROM generate_series(1, %s) i", ROWS)
    if state == "stale":
        db.sql("ANALYZE public.jobs")
        db.sql("ANALYZE jobd.queue")
        # Nothing is assigned as far as they know; then this worker ran everything.
        db.sql("UPDATE public.jobs SET status = 'OK', assigned_host = %s, assigned_pid = 4711",
               host)
    elif state == "fresh":
        db.sql("ANALYZE public.jobs")
        db.sql("ANALYZE jobd.queue")
    elif state == "worked":
        db.sql("INSERT INTO public.jobs (co_id, plugin, status, assigned_host, assigned_pid,"
               " created) SELECT 2, 'P.M', 'OK', %s, 4711, now() FROM generate_series(1, %s)",
               host, ROWS)
        db.sql("ANALYZE public.jobs")
    elif state == "other host":
        db.sql("UPDATE public.jobs SET assigned_host = 'other', assigned_pid = 1")
        db.sql("ANALYZE public.jobs")


@pytest.mark.parametrize("state", ["none", "stale", "fresh", "worked", "other host"])
@pytest.mark.parametrize("name", [n for n in ARGUMENTS if n not in QUEUE or n == "job_claim"])
def test_jobs_by_primary_key(session, name, state):
    """Whatever the statistics say, jobs is read through jobs_pkey alone."""
    statistics(session, state)
    prepare(session, name)
    check(session, name, state)


@pytest.mark.parametrize("name", ["job_claim", "job_start", "job_finish"])
def test_kept_plan(session, name):
    """A plan that was made on an empty table and kept is as good."""
    session.sql("TRUNCATE public.jobs CASCADE")
    session.sql("ANALYZE public.jobs")
    prepare(session, name)
    check(session, name)
    statistics(session, "worked")
    check(session, name)


def test_claim_does_not_read_the_backlog_of_others(session):
    """LESSONS 8: older jobs of another CO cost a claim nothing, with fresh statistics."""
    db = session
    db.sql("TRUNCATE public.jobs CASCADE")
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 2 + (i > %s)::int, 'P.M',"
           " 'Q', now() FROM generate_series(1, %s + 10) i", ROWS, ROWS)
    db.sql("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version,"
           " workers, lease) VALUES (1, 'daemon', 'h', 1, 'b', 1, 'v', 1, '1 hour')")
    db.sql("INSERT INTO jobd.lane SELECT 3, max(id), 1, 1, 7, now() FROM jobd.supervisor")
    db.sql("INSERT INTO jobd.model SELECT max(id), 'P.M', 1 FROM jobd.supervisor")
    db.sql("UPDATE jobd.supervisor SET models_generation = 1")
    db.sql("ANALYZE jobd.queue")
    prepare(db, "job_claim")
    with db.conn.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE job_claim(3, 7, 'h', 1, 0, 1, false)")
        top = next(iter(cursor.fetchone().values()))[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < FEW


@pytest.mark.parametrize("state", ["none", "fresh", "worked"])
@pytest.mark.parametrize("name", list(QUEUE))
def test_queue_by_its_indexes(session, name, state):
    """The queue is read through the index that is made for the question."""
    statistics(session, state)
    prepare(session, name)
    found = scans(plan(session, name), "queue")
    indexes = {index for _, index in found if index}
    assert found and indexes <= QUEUE[name] | {"jobs_pkey", "lane_pkey", "lane_token", "lane_retry", "cos_pkey",
                                                 "supervisor_pkey"}, found
    assert not [kind for kind, _ in found if kind == "Seq Scan"]


@pytest.mark.parametrize("name", [n for n in QUEUE if n != "queue_promote"])
def test_lanes_of_cos_that_do_not_exist(session, name):
    """A table that is full of lanes nobody needs is not read."""
    db = session
    db.sql("INSERT INTO jobd.lane (co_id) SELECT generate_series(1000000, 1050000)")
    db.sql("ANALYZE jobd.lane")
    statistics(db, "fresh")
    prepare(db, name)
    db.sql("SET session_replication_role = replica")  # no supervisor 9
    with db.conn.cursor() as cursor:
        arguments = f"({ARGUMENTS[name]})" if name in ARGUMENTS else ""
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name}{arguments}")
        top = next(iter(cursor.fetchone().values()))[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 2 * FEW


def test_buffers_do_not_grow_with_history(session, add_job):
    """What a finish reads does not depend on how many jobs this worker ran before."""
    db = session
    prepare(db, "job_finish")
    costs = []
    for _ in range(2):
        job = add_job(2, status="GO", assigned_host=HOST, assigned_pid=4711)
        with db.conn.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE job_finish("
                           f"{job}, '{{GO}}', 'OK', 'x', '{HOST}', 4711, true)")
            top = next(iter(cursor.fetchone().values()))[0]["Plan"]
        assert db.status(job) == "OK"
        costs.append(top["Shared Hit Blocks"] + top["Shared Read Blocks"])
        statistics(db, "worked")
    assert costs[1] < costs[0] + 30, costs


def test_claim_with_a_bound_under_an_old_snapshot(session, add_job):
    """With its bound a claim does not read the rows that an old snapshot keeps in the index."""
    db = session
    db.sql("DELETE FROM public.job_history_records")
    db.sql("TRUNCATE public.jobs CASCADE")
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT 2, 'P.M', 'Q', now()"
           " FROM generate_series(1, %s)", ROWS)
    old = db.connect(autocommit=False)
    old.set_session(isolation_level="REPEATABLE READ")
    old.cursor().execute("SELECT count(*) FROM jobd.queue")
    last = db.value("SELECT max(id) FROM public.jobs") - 5
    db.sql("UPDATE public.jobs SET status = 'OK' WHERE id <= %s", last)
    db.sql("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version,"
           " workers, lease) VALUES (1, 'daemon', 'h', 1, 'b', 1, 'v', 1, '1 hour')")
    db.sql("INSERT INTO jobd.lane SELECT 2, max(id), 1, 1, 7, now() FROM jobd.supervisor")
    db.sql("INSERT INTO jobd.model SELECT max(id), 'P.M', 1 FROM jobd.supervisor")
    db.sql("UPDATE jobd.supervisor SET models_generation = 1")
    prepare(db, "job_claim")
    with db.conn.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
                       f" EXECUTE job_claim(2, 7, 'h', 1, {last}, 1, true)")
        top = next(iter(cursor.fetchone().values()))[0]["Plan"]
    old.close()
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < FEW
    assert db.status(last + 1) == "A"


@pytest.mark.parametrize("state", ["none", "fresh", "worked"])
def test_looking_for_the_same_job(session, state):
    """Law 14: the backlog of others costs a registration and a successor nothing, and history
    nothing a successor."""
    db = session
    statistics(db, state)
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, created, start_after_time)"
           " SELECT 3, 'P.M', CASE WHEN i % 2 = 0 THEN 'Q' ELSE 'OK' END, now(),"
           " CASE WHEN i % 4 = 0 THEN now() + interval '1 s' * (1000 + i * 7919 % ROWS) END"
           " FROM generate_series(1, ROWS) i".replace("ROWS", str(ROWS)))
    co = db.value("INSERT INTO public.cos (name, status, created) VALUES ('x', 'A', now())"
                  " RETURNING id")
    db.sql("INSERT INTO public.jobs (co_id, plugin, status, created) SELECT %s, 'P.M', 'OK', now()"
           " FROM generate_series(1, %s)", co, ROWS)
    db.sql("SELECT * FROM jobd.find_same(%s, 'P.M', '{}', NULL, true)", co)
    with db.conn.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
                       f" SELECT * FROM jobd.find_same({co}, 'P.M', '{{}}', NULL, true)")
        top = next(iter(cursor.fetchone().values()))[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < FEW


@pytest.mark.parametrize("state", ["none", "fresh", "worked"])
@pytest.mark.parametrize("person", ["NULL", "1"])
def test_a_page_of_a_list(session, state, person):
    """However few jobs fit, and however many there are, a page costs what it may look at."""
    db = session
    statistics(db, state)
    prepare(db, "job_list")
    with db.conn.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE job_list(2147483648, 10, 10, 4,"
                       f" '{{X}}', 'none', 0, 1, 'none', 'none', {person}, true)")
        top = next(iter(cursor.fetchone().values()))[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < FEW
    assert not [kind for kind, _ in scans(top, "jobs") if kind == "Seq Scan"]


LOOKS = {"job_look": "'{1,2,3}'", "job_retry": "'{1,2,3}', 2, 'x', 'y', false",
         "job_list": "2147483648, 10, 10, 4, '{X}', 'none', 0, 1, 'none', 'none', NULL, true"}


@pytest.mark.parametrize("state", ["none", "stale", "fresh", "worked"])
@pytest.mark.parametrize("name", list(LOOKS))
def test_looks_before_a_change(session, name, state):
    """A job by its id, its successor by what it came from, running ones by their CO: nothing is found by
    being no archive copy, as most rows are."""
    statistics(session, state)
    prepare(session, name)
    with session.conn.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name}({LOOKS[name]})")
        found = scans(next(iter(cursor.fetchone().values())), "jobs")
    assert {index for _, index in found if index} <= {"jobs_pkey", "jobs_i1", "jobs_i4"}, found
