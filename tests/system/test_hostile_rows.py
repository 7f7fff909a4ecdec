"""Anything can stand in the table: each bad row ends as X with a clear reason, and its CO goes on."""
import pytest

COUNT = "Example.CountJob"


def run_beside(db, daemon, add_job, co, plugin, params, **columns):
    """The bad job, with a good one before and behind it; returns the bad one's row."""
    daemon(unknown_models="fail")
    first = add_job(co)
    bad = add_job(co, plugin, params, **columns)
    last = add_job(co)
    rows = db.wait_final(first, bad, last)
    assert [rows[0]["status"], rows[2]["status"]] == ["OK", "OK"]
    return rows[1]


@pytest.mark.parametrize("params, words", [
    ("{", "not JSON"), ("not json", "not JSON"), ('{"count":1', "not JSON"),
    ('{"count":1}x', "not JSON"), ('{"count":1,"count":2}', "not JSON"),
    ("[1,2]", "not a JSON object"), ("[[]]", "not a JSON object"),
    pytest.param("[" * 100000, "not JSON", id="deep"), ("{\"tag\":\"\\ud800\"}", "not JSON"),
    ('{"tag":"\\u0000"}', "not JSON"), ('"text"', "parameters"), ("17", "parameters"),
    ("null", "parameters"),
    ('{"nonsense":1}', "nonsense"), ('{"count":"many"}', "count"), ('{"count":1.5}', "count"),
    ('{"count":99999999999999999999}', ""), ('{"end":"explode"}', "end"),
    ('{"ignore_cancel":"perhaps"}', "ignore_cancel"), ('{"tag":{"a":1}}', "tag"),
    ('{"person_id":"x"}', "person_id"), ('{"person_id":"1,,2"}', "person_id"),
    ('{"person_id":-1}', "person_id"), ('{"person_id":2147483648}', "person_id"),
    pytest.param('{"' + "n" * 5000 + '":1}', "nnn", id="long name")])
def test_parameters(empty_queue, daemon, add_job, trace, params, words):
    """Parameters that are no JSON object, or not what the model declares."""
    row = run_beside(empty_queue, daemon, add_job, 2, COUNT, params)
    assert row["status"] == "X" and row["start_time"] is None
    assert words in row["finish_summary"] and len(row["finish_summary"]) <= 256


@pytest.mark.parametrize("params", [None, "", "[]", "{}", " {} ", '{"count":"1"}',
                                    '{"count":1,"tag":null}', '{"tag":"a\\/b \\u00e9"}',
                                    '{"ignore_cancel":"0","trap_term":false}'])
def test_parameters_that_are_fine(empty_queue, daemon, add_job, params):
    """Empty in all its forms, and numbers as strings, as PHP and people write them."""
    row = run_beside(empty_queue, daemon, add_job, 2, COUNT, params)
    assert row["status"] == "OK", row["finish_summary"]


def test_ten_megabytes(empty_queue, daemon, add_job):
    """Long parameters are refused without being read into the worker."""
    row = run_beside(empty_queue, daemon, add_job, 2, COUNT, '{"tag":"' + "x" * 10**7 + '"}')
    assert row["status"] == "X" and "longer than" in row["finish_summary"]


def test_all_problems_at_once(empty_queue, daemon, add_job):
    """Every wrong parameter is named, not the first alone."""
    row = run_beside(empty_queue, daemon, add_job, 2, COUNT,
                     '{"count":"x","nonsense":1,"end":"explode"}')
    for name in ("count", "nonsense", "end"):
        assert name in row["finish_summary"]


@pytest.mark.parametrize("plugin", [
    None, "", ".", "..", "../../x.y", "/etc/passwd.Job", "Example", "Example.", ".CountJob",
    "Example.CountJob.", "Example.countjob", "example.CountJob", "Example.CountJob ",
    "Example.CountJobé", "%s%n.Job", "x" * 80, "Exämple." + "J" * 72])
def test_plugin_names(empty_queue, daemon, add_job, plugin):
    """Names that nobody provides are never looked up in the file system."""
    row = run_beside(empty_queue, daemon, add_job, 2, plugin, {})
    assert row["status"] == "X" and "no plugin provides" in row["finish_summary"]
    if plugin:
        assert plugin in row["finish_summary"]


@pytest.mark.parametrize("columns", [
    {"deleted": None}, {"revision": None}, {"deleted": None, "revision": None},
    {"register_time": None, "start_after_time": None, "modified": None},
    {"actor_identifier": None, "register_summary": None},
    {"assigned_host": "elsewhere", "assigned_pid": 1}, {"percent_complete": 250},
    {"retry_count": 2147483647, "retry_interval": 5, "max_retry": 2147483647},
    {"requeue_interval": -1}, {"start_after_time": "0001-01-01"},
    {"start_after_time": "-infinity"}, {"requeued_from_job_id": None}])
def test_odd_columns(empty_queue, daemon, add_job, columns):
    """NULL where the Registry writes something, and values that it would not write."""
    row = run_beside(empty_queue, daemon, add_job, 2, COUNT, {}, **columns)
    assert row["status"] == "OK", row["finish_summary"]
    assert row["revision"] >= 2


@pytest.mark.parametrize("columns", [{"deleted": True}, {"status": "ZZ"}, {"status": None},
                                     {"start_after_time": "infinity"}])
def test_not_live_or_not_due(empty_queue, daemon, add_job, columns):
    """Law 7: rows that are not live, not Queued or never due are not touched."""
    db = empty_queue
    daemon()
    job = add_job(2, **columns)
    before = db.job(job)
    db.wait_final(add_job(2))
    assert db.job(job) == before


@pytest.mark.parametrize("interval", [2147483647, 10**6])
def test_far_future_successor(empty_queue, daemon, add_job, interval):
    """An interval of 68 years is no error: the job ends, the successor waits."""
    row = run_beside(empty_queue, daemon, add_job, 2, COUNT, {}, requeue_interval=interval)
    assert row["status"] == "OK"


def test_id_of_another_co(empty_queue, daemon, add_job):
    """A person of another CO is refused, by name and id; one of this CO is not."""
    db = empty_queue
    daemon()
    ours, theirs = (db.value("SELECT min(id) FROM public.people WHERE co_id = %s"
                             " AND person_id IS NULL AND deleted IS NOT TRUE", co)
                    for co in (2, 3))
    good = add_job(2, COUNT, {"person_id": ours})
    bad = add_job(2, COUNT, {"person_id": f"{ours},{theirs}"})
    none = add_job(2, COUNT, {"person_id": 999999})
    rows = db.wait_final(good, bad, none)
    assert [row["status"] for row in rows] == ["OK", "X", "X"]
    assert "person_id" in rows[1]["finish_summary"] and str(theirs) in rows[1]["finish_summary"]
    assert "999999" in rows[2]["finish_summary"]


def test_archived_or_deleted_person(empty_queue, daemon, add_job):
    """An archive copy of a person is not that person."""
    db = empty_queue
    daemon()
    person = db.sql("SELECT * FROM public.people WHERE co_id = 2 AND person_id IS NULL LIMIT 1")[0]
    copy = db.value("INSERT INTO public.people (co_id, person_id, status, created, revision,"
                    " deleted) VALUES (2, %s, 'A', now(), 0, false) RETURNING id", person["id"])
    gone = db.value("INSERT INTO public.people (co_id, status, created, revision, deleted)"
                    " VALUES (2, 'D', now(), 0, true) RETURNING id")
    rows = db.wait_final(add_job(2, COUNT, {"person_id": copy}),
                         add_job(2, COUNT, {"person_id": gone}))
    assert [row["status"] for row in rows] == ["X", "X"]


def test_job_of_a_co_that_is_no_co(empty_queue, daemon, add_job):
    """Jobs of templates, suspended COs and archive copies of COs wait; the others run."""
    db = empty_queue
    daemon(sweep="1s")
    waiting = [add_job(co) for co in (5, 6, 7)]
    db.wait_final(add_job(2))
    assert [db.status(job) for job in waiting] == ["Q", "Q", "Q"]


def test_job_deleted_while_it_runs(empty_queue, daemon, add_job, trace):
    """Deleting a CO hard-deletes its jobs: the worker finds nothing to finish and goes on."""
    from conftest import wait_for
    db = empty_queue
    running = daemon()
    job = add_job(2, COUNT, {"sleep_ms": 500, "records": 2, "trace": trace.path})
    wait_for(lambda: trace.begun())
    db.sql("DELETE FROM public.jobs WHERE id = %s", job)
    after = add_job(2)
    assert db.wait_final(after)[0]["status"] == "OK"
    assert running.stop() == 0


def test_stale_row_in_the_queue(empty_queue, daemon, add_job):
    """LESSONS 5: one wrong row of jobd.queue does not stop its CO."""
    db = empty_queue
    done = add_job(2, status="OK")
    db.sql("INSERT INTO jobd.queue VALUES (%s, 2, NULL, true, ''), (%s, 2, NULL, true, '')",
           done, 2000000000)
    job = add_job(2)
    daemon()
    db.wait_final(job)
    db.sql("INSERT INTO jobd.queue VALUES (%s, 2, NULL, true, ''), (1, 2, NULL, true, '')", done)
    assert db.wait_final(add_job(2))[0]["status"] == "OK"
    assert not db.value("SELECT count(*) FROM jobd.queue")
