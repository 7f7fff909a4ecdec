"""The guards in the statements, one by one: each does its work, and nothing where one guard is not met."""
import json

import pytest
from conftest import HOST, ROOT

PID, TICKS, TOKEN = 4711, 1000, 7
REFUSED = ("INSERT INTO jobd.lane (co_id, refused_job, retry_at)"
           " VALUES ({other}, {theirs}, now() + interval '50 s')")
MODELS = {"the model is another one": "UPDATE jobd.model SET model = 'Example.CountJob'",
          "somebody else has the model": "UPDATE jobd.model SET supervisor_id = {silent}",
          "the model is not known": "UPDATE jobd.queue SET model = NULL"}
HOLD = "INSERT INTO jobd.hold SELECT {}, {}, '', 'ada', now(){} FROM unnest(ARRAY[{{co}}, {{other}}]) c"
HOLDS = {"the CO is held": HOLD.format("c", "''", ", NULL"),
         "the model is held": HOLD.format("c", "'Example.NoopJob'", ", now() + interval '1 hour'"),
         "the plugin is held": HOLD.format("c", "'Example'", ", NULL"),
         "everything is held": HOLD.format("0", "''", ", NULL") + " LIMIT 1"}
STALE = "; INSERT INTO jobd.queue VALUES ({queued}, {co}, NULL, true, '') ON CONFLICT DO NOTHING"


@pytest.fixture
def scene(empty_queue, cos, add_job):
    """A worker that holds the lane of its CO, and a job in each state. Names for {} in statements."""
    db = empty_queue
    db.sql("SET jobd.writer = 'registry-jobd'; SET TimeZone = 'UTC'")  # as every connection of ours
    co, other = cos(2)
    ours = {"assigned_host": HOST, "assigned_pid": PID, "actor_identifier": "registry-jobd"}
    supervisor = db.value(
        "INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease)"
        " VALUES (5, 'daemon', %s, 99, 'boot', 1, '', 1, '1min') RETURNING id", HOST)
    db.sql("INSERT INTO jobd.lane VALUES (%s, %s, %s, %s, %s, now() - interval '1 minute')",
           co, supervisor, PID, TICKS, TOKEN)
    db.sql("INSERT INTO jobd.model VALUES (%s, 'Example.NoopJob', 2, '{\"starts_first\": true}')", supervisor)
    db.sql("UPDATE jobd.supervisor SET models_generation = 2")
    return {"co": co, "other": other, "supervisor": supervisor,
            "queued": add_job(co), "later": add_job(co, delay=1000),
            "assigned": add_job(co, status="A", **ours),
            "running": add_job(co, params={"n": 1}, status="GO", retry_interval=60,
                               percent_complete=40, **ours),
            "canceled": add_job(co, status="CX", **ours), "complete": add_job(co, status="OK", **ours),
            "queued_too": add_job(co)}


def run(db, name, arguments):
    statement = (ROOT / "src" / "db" / "sql" / f"{name}.sql").read_text().rstrip()
    with db.conn.cursor() as cursor:
        cursor.execute(f"PREPARE statement AS {statement}")
        try:
            cursor.execute(f"EXECUTE statement ({', '.join(['%s'] * len(arguments))})" if arguments
                           else "EXECUTE statement", list(arguments) or None)
            return [dict(row) for row in cursor] if cursor.description else []
        finally:
            cursor.execute("DEALLOCATE statement")


def state(db, *tables):
    return [db.sql(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]


TABLES = ("public.jobs", "jobd.lane", "jobd.queue", "jobd.supervisor", "public.job_history_records")

# statement: its arguments ({} is a name of the scene), and what keeps it from doing anything: other
# arguments (by position), or what was done to the rows before
CASES = {
    "job_claim": (["{co}", TOKEN, HOST, PID, 0, 2, True], {
        "the lane has another token": {1: 8},
        "the lane is of another CO": {0: "{other}"},
        "the CO is suspended": "UPDATE public.cos SET status = 'S' WHERE id = {co}",
        "the CO is deleted": "UPDATE public.cos SET deleted = true WHERE id = {co}",
        "the CO is an archive copy": "UPDATE public.cos SET co_id = {other} WHERE id = {co}",
        "the job is not Queued": "UPDATE public.jobs SET status = 'X' WHERE id = {queued}" + STALE,
        "the job is an archive copy":
            "UPDATE public.jobs SET job_id = {running} WHERE id = {queued}" + STALE,
        "the job is deleted": "UPDATE public.jobs SET deleted = true WHERE id = {queued}" + STALE,
        "the job has moved": "UPDATE public.jobs SET co_id = {other} WHERE id = {queued};"
                             "UPDATE jobd.queue SET co_id = {co} WHERE job_id = {queued}",
        "nothing is above the bound": {4: "{queued_too}"},
        **HOLDS, **MODELS, "a reload has brought the model": {5: 1},
        "a reload may have taken the model away": {5: 3},
        "its program does not run": {6: False},
    }),
    "job_start": (["{assigned}", HOST, PID, "started"], {
        "In Progress": {0: "{running}"}, "Canceled": {0: "{canceled}"}, "Queued": {0: "{queued}"},
        "of another host": {1: "elsewhere"}, "of another process": {2: 1},
    }),
    "job_progress": (["{running}", HOST, PID, 50], {
        "Assigned": {0: "{assigned}"}, "Canceled": {0: "{canceled}"},
        "of another host": {1: "elsewhere"}, "of another process": {2: 1}, "no more than before": {3: 40},
    }),
    "job_start_summary": (["{running}", HOST, PID, "words"], {
        "Assigned": {0: "{assigned}"}, "Canceled": {0: "{canceled}"},
        "of another host": {1: "elsewhere"}, "of another process": {2: 1},
    }),
    "job_finish": (["{running}", "{{GO}}", "OK", "done", HOST, PID, True], {
        "Assigned": {0: "{assigned}"}, "Canceled": {0: "{canceled}"}, "Complete": {0: "{complete}"},
        "of another host": {4: "elsewhere"}, "of another process": {5: 1},
    }),
    "job_cancel": (["{running}", "words", "ada"], {
        "Canceled": {0: "{canceled}"}, "Complete": {0: "{complete}"},
        "an archive copy": "UPDATE public.jobs SET job_id = {queued} WHERE id = {running}",
        "deleted": "UPDATE public.jobs SET deleted = true WHERE id = {running}",
    }),
    "job_retry": (["{{{canceled}}}", "{co}", "words", "ada", True], {
        "Queued": {0: "{{{queued}}}"}, "In Progress": {0: "{{{running}}}"},
        "Complete": {0: "{{{complete}}}"}, "of another CO": {1: "{other}"},
        "the same job waits": {4: False},
        "an archive copy": "UPDATE public.jobs SET job_id = {queued} WHERE id = {canceled}",
        "deleted": "UPDATE public.jobs SET deleted = true WHERE id = {canceled}",
        "it has no plugin": "UPDATE public.jobs SET plugin = NULL WHERE id = {canceled}",
        "its parameters are too long":
            "UPDATE public.jobs SET parameters = repeat('x', 1048577) WHERE id = {canceled}",
    }),
    "job_stopped": (["{canceled}", "words"], {
        "In Progress": {0: "{running}"},
        "it was said": "INSERT INTO public.job_history_records (job_id, record_key, created, modified)"
                       " VALUES ({canceled}, 'registry-jobd: stopped', now(), now())",
    }),
    "job_reclaim": (["{queued}", "{co}", TOKEN, HOST, PID], {
        "Assigned": {0: "{assigned}"}, "the lane has another token": {2: 8}, "of another CO": {1: "{other}"},
        "an archive copy": "UPDATE public.jobs SET job_id = {running} WHERE id = {queued}",
        "deleted": "UPDATE public.jobs SET deleted = true WHERE id = {queued}",
    }),
    "lane_take": (["{other}", "{supervisor}", PID, TICKS, 8, 2], {
        "it is held": {0: "{co}"}, "there is no such CO": {0: 999999},
        "no job is ready": "UPDATE jobd.queue SET ready = false WHERE co_id = {other}",
        "the CO is suspended": "UPDATE public.cos SET status = 'S' WHERE id = {other}",
        "the CO is deleted": "UPDATE public.cos SET deleted = true WHERE id = {other}",
        "the CO is an archive copy": "UPDATE public.cos SET co_id = {co} WHERE id = {other}",
        "its first job was refused": REFUSED,
        **HOLDS, **MODELS, "a reload has brought the model": {5: 1},
        "a reload may have taken the model away": {5: 3},
    }),
    "lane_refused": (["{other}", "words", 1000, 30000], {
        "no job is ready": "UPDATE jobd.queue SET ready = false WHERE co_id = {other}",
    }),
    "lane_free": (["{co}", TOKEN], {"another token": {1: 8}, "another CO": {0: "{other}"}}),
    "lane_resume": (["{co}", TOKEN, 9], {"another token": {1: 8}, "another CO": {0: "{other}"}}),
    "supervisor_renew": (["{supervisor}", 5, 3, 1, None, None, 0], {"another token": {1: 6}}),
    "supervisor_condemn": (["{silent}", 6, 0, 8], {
        "another token": {1: 7},
        "it has renewed": "UPDATE jobd.supervisor SET renewals = renewals + 1 WHERE id = {silent}",
        "a daemon of the version before has renewed, by a clock that stands still":
            "UPDATE jobd.supervisor SET seen = seen WHERE id = {silent}",
    }),
    "supervisor_remove": (["{silent}", 6], {
        "another token": {1: 7},
        "a worker holds a lane": "INSERT INTO jobd.lane VALUES ({other}, {silent}, 1, 1, 3, now())",
    }),
    "queue_promote": ([], {"nothing is due": "UPDATE jobd.queue SET due = NULL, ready = true"
                                             " WHERE job_id = {come}"}),
    "history_add": ([None], {
        "it is there": "INSERT INTO public.job_history_records (id, job_id, created, modified)"
                       " VALUES (900000, {running}, now(), now())",
    }),
}


def fill(scene, name, changes):
    """The arguments of a case."""
    values = {**dict(enumerate(CASES[name][0])), **changes}
    if name == "history_add":
        return [json.dumps([{"id": 900000, "job_id": scene["running"], "comment": "once"}])]
    return [value.format(**scene) if isinstance(value, str) else value for value in values.values()]


def test_guards(scene, db, add_job):
    """Laws 1 to 3, 6, 7, 10 and 13: a statement whose guard is not met changes nothing."""
    scene["silent"] = db.value(
        "INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease,"
        " seen) VALUES (6, 'daemon', 'far', 1, '', 1, '', 1, '1s', now() - interval '1h') RETURNING id")
    scene["theirs"] = add_job(scene["other"])
    scene["come"] = add_job(scene["other"], delay=1000)
    db.sql("UPDATE jobd.queue SET due = due - interval '2000s' WHERE job_id = %s", scene["come"])

    db.sql("SELECT setval('public.job_history_records_id_seq', 900000)")  # that id was reserved
    for name, (_, changes) in CASES.items():
        for what, change in [*changes.items(), (None, {})]:
            db.sql("BEGIN")
            if isinstance(change, str):
                if name == "job_claim":  # the job that is left must not be claimed instead
                    db.sql("DELETE FROM jobd.queue WHERE job_id = %s", scene["queued_too"])
                db.sql(change.format(**scene))
            before = state(db, *TABLES)
            run(db, name, fill(scene, name, change if isinstance(change, dict) else {}))
            is_changed = state(db, *TABLES) != before
            db.sql("ROLLBACK")
            assert is_changed == (what is None), (name, what)


def test_claim_takes_the_lowest(scene, db):
    """Law 1: of those that are due, the lowest id; a bound passes over what is below it."""
    for bound, job in ((0, "queued"), (scene["queued"], "queued_too"), (0, None)):
        row, = run(db, "job_claim", [scene["co"], TOKEN, HOST, PID, bound, 2, True])
        assert row["id"] == (scene[job] if job else None)
    assert db.status(scene["later"]) == "Q"


# Of another PID namespace with the same host name.
COMMAND = ("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version, workers, lease,"
           f" job_id) VALUES (9, 'command', '{HOST}', {PID}, 'other', 7, '', 1, '30s', {{job}})")

SETTLE = {  # other arguments; what was done to the rows before; what is still settled
    "all": ({}, None, {"assigned", "running"}),
    "another start of the PID": ({2: TICKS + 1, 3: None}, None, set()),
    "another supervisor": ({0: 0, 3: None}, None, set()),
    "a job of another CO": ({3: None}, "UPDATE public.jobs SET co_id = {other} WHERE id = {running}",
                            {"assigned"}),
    "a job of another process": ({3: None}, "UPDATE public.jobs SET assigned_pid = 1 WHERE id = {running}",
                                 {"assigned"}),
    "a job of another host": ({3: None}, "UPDATE public.jobs SET assigned_host = 'x' WHERE id = {running}",
                              {"assigned"}),
    "an archive copy": ({}, "UPDATE public.jobs SET job_id = {queued} WHERE id = {running}", {"assigned"}),
    "deleted": ({}, "UPDATE public.jobs SET deleted = true WHERE id = {running}", {"assigned"}),
    "the clock was set back after the lane was taken":
        ({3: None}, "UPDATE public.jobs SET modified = now() - interval '2 days' WHERE id = {running};"
                    "UPDATE jobd.lane SET since = now() + interval '2 days'", {"assigned", "running"}),
    "another runner had the PID": ({3: None}, "UPDATE public.jobs SET actor_identifier = 'php'"
                                              " WHERE id = {running}", {"assigned"}),
    "a command has it": ({3: None}, COMMAND.format(job="{running}"), {"assigned"}),
    "a command has what the turn recorded": ({}, "DELETE FROM jobd.lane;" + COMMAND.format(job="{running}"),
                                             set()),
    "a worker of another daemon has what the turn recorded":
        ({2: 6}, COMMAND.format(job=0) + "; UPDATE jobd.lane SET supervisor_id ="
             " (SELECT max(id) FROM jobd.supervisor), worker_ticks = 5", set()),
    "without a lane, as the turn recorded": ({}, "DELETE FROM jobd.lane", {"running"}),
    "without a lane, and not recorded": ({3: None}, "DELETE FROM jobd.lane", set()),
    "without a lane, of another runner":
        ({}, "DELETE FROM jobd.lane; UPDATE public.jobs SET actor_identifier = 'php'", set()),
}


def test_settle(scene, db):
    """Laws 4, 6 and 7: what that worker had becomes Failed with its retry, and nothing else."""
    jobs = {value: name for name, value in scene.items() if name not in ("co", "other", "supervisor")}
    for what, (changes, before, settled) in SETTLE.items():
        db.sql("BEGIN")
        if before:
            db.sql(before.format(**scene))
        lanes = state(db, "jobd.lane")
        arguments = {**dict(enumerate([scene["supervisor"], PID, TICKS, scene["running"], "gone"])), **changes}
        rows = run(db, "settle", list(arguments.values()))
        assert {jobs[row["id"]] for row in rows if "settled" in row.values()} == settled, what
        assert {name for job, name in jobs.items() if db.status(job) == "X"} == settled, what
        assert db.status(scene["canceled"]) == "CX" and db.status(scene["complete"]) == "OK", what
        retries = db.value("SELECT count(*) FROM public.jobs WHERE requeued_from_job_id = %s",
                           scene["running"])
        assert retries == ("running" in settled), what
        is_its = arguments[0] == scene["supervisor"] and arguments[2] == TICKS
        assert lanes == [[]] or (state(db, "jobd.lane") != lanes) == is_its, what
        db.sql("ROLLBACK")


COMMANDS = {  # the job that a dead command has noted; what was done to the rows before; what is settled
    "its job, in a CO whose worker has the same PID": ("{running}", "", {"running"}),
    "its job before it began": ("{assigned}", "UPDATE public.jobs SET actor_identifier = 'ada'",
                                {"assigned"}),
    "its job of another process": ("{running}", "UPDATE public.jobs SET assigned_pid = 1"
                                                " WHERE id = {running}", set()),
    "a drain has none": (0, "DELETE FROM jobd.lane", set()),
    "one of an earlier version, beside a worker with the same PID": ("NULL", "", set()),
    "one of an earlier version": ("NULL", "DELETE FROM jobd.lane", {"assigned", "running"}),
    "one of an earlier version, beside another runner's job":
        ("NULL", "DELETE FROM jobd.lane; UPDATE public.jobs SET actor_identifier = 'php'", {"assigned"}),
}


def test_settle_commands(scene, db):
    """Laws 3 and 4: a dead command loses its own job, and nobody else his, whoever has the same PID."""
    jobs = {value: name for name, value in scene.items() if name not in ("co", "other", "supervisor")}
    for what, (job, before, settled) in COMMANDS.items():
        db.sql("BEGIN")
        db.sql((before or "SELECT").format(**scene))
        lanes = state(db, "jobd.lane")
        command = db.value((COMMAND.format(job=job) + " RETURNING id").format(**scene))
        run(db, "settle", [command, None, None, None, "gone"])
        assert {name for job, name in jobs.items() if db.status(job) == "X"} == settled, what
        assert state(db, "jobd.lane") == lanes, what
        db.sql("ROLLBACK")


RESUME = {  # what was done to the rows before; the job that the worker has in its lane
    "it runs": ("SELECT", "running"),
    "the answer of its claim was lost": ("UPDATE public.jobs SET status = 'X' WHERE id = {running}",
                                         "assigned"),
    "the clock was set back after the lane was taken":
        ("UPDATE public.jobs SET modified = now() - interval '2 days'", "running"),
    "another runner had the PID": ("UPDATE public.jobs SET actor_identifier = 'php'", None),
    "a command of another PID namespace has it": (COMMAND.format(job="{running}"), "assigned"),
    "another turn has the lane": ("UPDATE jobd.lane SET token = 8", None),
}


def test_resume(scene, db):
    """Laws 3 and 4: after a lost connection a worker finds the job of its turn, and nobody else's."""
    for what, (before, job) in RESUME.items():
        db.sql("BEGIN")
        db.sql(before.format(**scene))
        row, = run(db, "job_resume", [scene["co"], TOKEN, HOST, PID])
        assert row["id"] == (scene[job] if job else None), what
        db.sql("ROLLBACK")


def test_renewals_count(scene, db):
    """Law 13: every renewal changes the count, also without the trigger for the version before, and at
    the end of what a count can hold."""
    def count():
        return db.value("SELECT renewals FROM jobd.supervisor WHERE id = %s", scene["supervisor"])

    def set_to(value):
        db.sql("UPDATE jobd.supervisor SET renewals = %s WHERE id = %s", value, scene["supervisor"])
    renew = ("supervisor_renew", [scene["supervisor"], 5, 3, 1, None, None, 0])
    for value in (0, 7, 2**62, 2**63 - 1, -2**63):
        set_to(value)
        run(db, *renew)
        assert count() != value
        set_to(value)
        db.sql("UPDATE jobd.supervisor SET seen = now() WHERE id = %s", scene["supervisor"])
        assert count() != value, "a renewal of the version before"
    set_to(0)
    db.sql("ALTER TABLE jobd.supervisor DISABLE TRIGGER USER")
    run(db, *renew)
    assert count() == 1


def test_command_notes_its_job(scene, db):
    """Law 3: a job that a command registers to run it is known by its id."""
    command = db.value(COMMAND.format(job=0) + " RETURNING id")
    register = [scene["co"], "P.M", "{}", "A", HOST, PID, 0, None, None, None, "", "ada", True]
    for runner, noted in ((command, True), (None, False)):
        job = run(db, "job_register", [*register, runner, None, False])[0]["id"]
        assert (db.value("SELECT job_id FROM jobd.supervisor WHERE id = %s", command) == job) == noted


def test_an_id_that_nobody_reserved(scene, db):
    """Law 12: an id in a record that the sequence has not given yet is not taken, or the Registry would
    meet it later."""
    last = db.value("SELECT nextval('public.job_history_records_id_seq')")
    record = {"id": last + 50, "job_id": scene["running"], "comment": "forged"}
    run(db, "history_add", [json.dumps([record])])
    assert db.value("SELECT max(id) FROM public.job_history_records") == last + 1
