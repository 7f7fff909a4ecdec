"""registry-job doctor: every check, with what it looks at broken on purpose."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import pytest
from conftest import HOST, LOGIN, OWNER, SCHEMA, wait_for
from lab import Standby
from test_explain import as_anybody, fake, queue  # noqa: F401  # fixtures

OK, FAILED, UNAVAILABLE = 0, 1, 69
COUNT = "Example.CountJob"
ROLE_ONLY = pytest.mark.parametrize("as_anybody", ["role"], indirect=True)


def doctor(command, check, result, *words):
    """The findings of one check; one of them has this result and these words, as text as well."""
    done = command("doctor", "--json")
    report = json.loads(done.stdout)
    found = [f for f in report["checks"] if f["check"] == check]
    assert any(f["result"] == result and all(str(word) in f["text"] for word in words)
               for f in found), (found, words)
    assert all(f["remedy"] for f in found if f["result"] != "ok"), found
    worst = max((f["result"] for f in report["checks"]),
                key=["ok", "notice", "warning", "error"].index)
    assert report["result"] == worst and not done.stderr
    if done.returncode != UNAVAILABLE:
        assert done.returncode == (FAILED if worst in ("warning", "error") else OK)
    text = command("doctor")
    assert text.returncode == done.returncode
    assert any(line.split()[0] == result and all(str(word) in line for word in words)
               for line in text.stdout.splitlines()), text.stdout
    return found


def findings(command, check=None):
    """(result, text, remedy) of all checks, or of one."""
    return [(f["result"], f["text"], f["remedy"])
            for f in json.loads(command("doctor", "--json").stdout)["checks"]
            if check in (None, f["check"])]


def replace_function(db, name, returns, body):
    """In this database, statements find another function in the place of the server's own."""
    db.sql(f"ALTER FUNCTION pg_catalog.{name}() RENAME TO the_servers_{name}")
    db.sql(f"CREATE FUNCTION pg_catalog.{name}() RETURNS {returns} LANGUAGE plpgsql"
           f" VOLATILE AS $$ BEGIN {body} END $$")


def shift_clock(db, seconds, pause=0):
    """The clock of the database is ahead of ours, and is slow to say so."""
    replace_function(db, "clock_timestamp", "timestamptz", f"PERFORM pg_sleep({pause});"
                     f" RETURN statement_timestamp() + make_interval(secs => {seconds});")


def stop_clock(db):
    """The clock of the database stands still, at a whole second."""
    now = db.value("SELECT date_trunc('second', clock_timestamp())::text")
    replace_function(db, "clock_timestamp", "timestamptz", f"RETURN '{now}';")


@pytest.fixture
def well(queue, fake):
    """A database where all is well."""
    fake()
    return queue


def test_doctor_well(well, as_anybody):
    """Nothing to say: exit code 0, and no line with --quiet."""
    done = as_anybody("doctor")
    assert done.returncode == OK, done.stdout
    assert not re.search(r"^(warning|error)", done.stdout, re.MULTILINE)
    for check in ("connection", "pooler", "schema", "triggers", "rights", "queue", "daemons",
                  "supervisors", "lanes", "holders", "stalled", "clock", "transactions",
                  "columns", "errors",
                  "dead rows", "notifications", "sequences", "settings", "connections"):
        assert re.search(rf"^(ok|notice) +{check} ", done.stdout, re.MULTILINE), check
    assert "ok " not in as_anybody("doctor", "-q").stdout


def test_doctor_with_a_daemon(queue, command, daemon, add_job, trace):
    """A real one, at work."""
    daemon()
    add_job(2, COUNT, {"trace": trace.path, "end": "sleep"})
    wait_for(trace.begun)
    doctor(command, "daemons", "ok", "1 with 4 workers")
    doctor(command, "lanes", "ok", "1 held")
    assert command("doctor").returncode == OK


def test_doctor_shipped(db, as_anybody):
    """What a killed runner of another host left, with the evidence."""
    for job in db.live(status="A") + db.live(status="GO"):
        found = doctor(as_anybody, "holders", "warning", f"job {job['id']} ", f"CO {job['co_id']}",
                       job["assigned_host"], job["assigned_pid"], "since",
                       "no daemon of ours is known on that host")
        assert any(f"settle {job['id']}" in f["remedy"] for f in found)
    doctor(as_anybody, "daemons", "warning", "no daemon")


def test_doctor_holders_here(well, command, add_job):
    """On this host it says whether the process is there, and what it is."""
    process = subprocess.Popen(["sleep", "600"])
    try:
        job = add_job(2, status="GO", assigned_host=HOST, assigned_pid=process.pid)
        doctor(command, "holders", "warning", f"job {job} ", "that PID is 'sleep' now")
    finally:
        process.kill()
        process.wait()
    doctor(command, "holders", "warning", f"job {job} ", "no such process")
    add_job(2, status="A", assigned_host="elsewhere", assigned_pid=5)
    doctor(command, "holders", "warning", "a daemon of ours is known on that host")
    for _ in range(60):
        add_job(2, status="GO")
    doctor(command, "holders", "warning", "12 more are like that")


def test_doctor_holders_ours(well, command, add_job, fake):
    """What a worker or a command of ours has is not among them, only what others left."""
    fake(co=2)
    add_job(2, status="GO", assigned_host="elsewhere", assigned_pid=77)
    well.sql("INSERT INTO jobd.supervisor (token, kind, host, pid, boot, start_ticks, version,"
             " workers, lease) VALUES (2, 'command', 'c', 78, 'b', 1, '0', 1, '1min')")
    add_job(2, status="GO", assigned_host="c", assigned_pid=78)
    doctor(command, "holders", "ok", "no job is held")
    other = add_job(2, status="GO", assigned_host="c", assigned_pid=79)
    nobody = add_job(2, status="A")
    found = findings(command, "holders")
    assert [text.split()[1] for _, text, _ in found] == [str(other), str(nobody)], found
    assert f"job {nobody} of CO 2 is assigned on an unknown host, since " in found[1][1]
    assert "PID" not in found[1][1]


@pytest.mark.parametrize("name", ["guard", "insert", "update", "delete", "truncate"])
def test_doctor_trigger(well, command, name):
    """Disabled, and dropped."""
    well.sql(f"ALTER TABLE public.jobs DISABLE TRIGGER jobd_{name}")
    doctor(command, "triggers", "error", f"jobd_{name}", "disabled")
    well.sql(f"DROP TRIGGER jobd_{name} ON public.jobs")
    doctor(command, "triggers", "error", f"jobd_{name}", "missing")


def test_doctor_schema(well, plain_db, command):
    """Too old, too new, and not there at all."""
    newest = well.value("SELECT max(version) FROM jobd.schema_version")
    well.sql("UPDATE jobd.schema_version SET version = 99 WHERE version = %s", newest)
    doctor(command, "schema", "error", "version 99")
    well.sql("DELETE FROM jobd.schema_version WHERE version = 99")
    doctor(command, "schema", "error", f"version {newest - 1}")
    command.config.write_text(command.config.read_text().replace(well.name, plain_db.name))
    doctor(command, "schema", "error", "not installed")


def grants():
    """(right, kind of object, object, role) of every GRANT in schema/roles.sql."""
    text = re.sub(r"--.*", "", (SCHEMA / "roles.sql").read_text())
    for what, on, role in re.findall(r"GRANT ([^;]*?) ON ([^;]*?)\s+TO (\w+)", text):
        for right in re.findall(r"(\w+ *(?:\([^)]*\))?)", what):
            kind = ""
            for thing in on.split(","):
                word, _, name = thing.strip().rpartition(" ")
                kind = word or kind
                yield " ".join(right.split()), kind, name, role


@ROLE_ONLY
def test_doctor_rights(well, as_anybody):
    """Every single right of schema/roles.sql, taken away, is missed by name."""
    wanted = list(grants())
    assert len(wanted) > 20
    taken = [(right, kind, name, role) for right, kind, name, role in wanted
             if (kind, name) != ("SCHEMA", "public")]  # without it the server's own tables are all that is left
    for right, kind, name, role in taken:
        well.sql(f"REVOKE {right} ON {kind or 'TABLE'} {name} FROM {role}")
        done = as_anybody("doctor", "--json")
        well.sql(f"GRANT {right} ON {kind or 'TABLE'} {name} TO {role}")
        said, = [f["text"] for f in json.loads(done.stdout)["checks"]
                 if f["check"] == "rights" and f["result"] != "ok"]
        assert right.split()[0] in said and name in said
        assert all(column in said for column in re.findall(r"\w+", right.partition("(")[2])), (right, said)
        assert not done.stderr


@ROLE_ONLY
def test_doctor_without_any_right(well, as_anybody):
    """One remedy is one line, however much is missing."""
    well.sql(f"REVOKE registry_jobd, registry_jobd_nester FROM {LOGIN}")
    try:
        done = as_anybody("doctor", "--json")
    finally:
        well.sql(f"GRANT registry_jobd, registry_jobd_nester TO {LOGIN}")
    said = [f for f in json.loads(done.stdout)["checks"] if f["check"] == "rights"]
    assert [f["result"] for f in said] == ["error", "notice"] and done.returncode == FAILED
    assert re.search(r" lacks .*, and \d\d more$", said[0]["text"])
    assert said[0]["remedy"].endswith(f"psql -c 'GRANT registry_jobd TO {LOGIN}'")


@ROLE_ONLY
def test_doctor_row_security(well, as_anybody):
    """Under it statements find nothing, and no error says why."""
    well.sql("ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY")
    found = doctor(as_anybody, "rights", "error", "row level security hides rows of public.jobs from " + LOGIN)
    assert any(f["remedy"].startswith(f"ALTER ROLE {LOGIN} BYPASSRLS") for f in found if f["remedy"])


@ROLE_ONLY
def test_doctor_one_right(well, as_anybody):
    """One column is named; what only a plugin needs is a notice."""
    well.sql("REVOKE UPDATE (percent_complete) ON public.jobs FROM registry_jobd")
    well.sql("REVOKE INSERT ON public.group_members FROM registry_jobd_nester")
    doctor(as_anybody, "rights", "error", LOGIN, "UPDATE (percent_complete) on public.jobs")
    found = doctor(as_anybody, "rights", "notice", "INSERT on public.group_members", "NesterJob")
    assert any(f"GRANT registry_jobd_nester TO {LOGIN}" in f["remedy"] for f in found)
    well.sql("REVOKE EXECUTE ON FUNCTION jobd.follow(integer, text) FROM registry_jobd")
    doctor(as_anybody, "rights", "error", "jobd.follow")


def test_doctor_queue(well, command, add_job):
    """Rows that are missing, that should not be there, and that nobody made ready."""
    for _ in range(3):
        job = add_job(2)
    well.sql("DELETE FROM jobd.queue WHERE job_id = %s", job)
    doctor(command, "queue", "error", "1 queued jobs are not in jobd.queue")
    well.sql("INSERT INTO jobd.queue VALUES (2000000000, 2, NULL, true)")
    doctor(command, "queue", "warning", "1 rows")
    well.sql("SELECT jobd.resync()")
    late = add_job(2, delay=3600)
    doctor(command, "queue", "ok")
    well.sql("UPDATE jobd.queue SET due = due - interval '2 h' WHERE job_id = %s", late)
    doctor(command, "queue", "warning", "1 jobs fell due")


def test_doctor_queue_without_a_daemon(queue, command, add_job):
    """Where no daemon is alive nobody makes jobs ready: only the missing daemon is said."""
    job = add_job(2, delay=3600)
    queue.sql("UPDATE public.jobs SET start_after_time = start_after_time - interval '2 h'"
              " WHERE id = %s", job)
    queue.sql("UPDATE jobd.queue SET ready = false")
    doctor(command, "queue", "ok")
    doctor(command, "daemons", "warning", "queued jobs wait")


def test_doctor_supervisors(queue, command, fake):
    """One that lapsed, with a lane; nobody there to settle it, and somebody."""
    fake(co=2, lapsed=True)
    found = doctor(command, "supervisors", "warning", "elsewhere", " s ago", "holds 1 lane,")
    assert "start a daemon" in found[0]["remedy"]
    fake()
    found = doctor(command, "supervisors", "warning", "elsewhere")
    assert "a daemon settles it" in found[0]["remedy"]


def test_doctor_killed_daemon(queue, command, daemon):
    """Killed on this host: noticed before its lease lapses."""
    daemon().kill()
    doctor(command, "supervisors", "warning", HOST, "is gone", "holds 0 lanes,")
    doctor(command, "daemons", "warning", "no daemon")


def test_doctor_lanes(well, command, fake, add_job):
    """Held for minutes without a job; then a stalled one."""
    fake(co=2)
    doctor(command, "lanes", "warning", "CO 2", "PID 77", "4 min")
    job = add_job(2, status="GO", assigned_host="elsewhere", assigned_pid=77)
    doctor(command, "lanes", "ok", "1 held")
    well.sql("UPDATE jobd.lane SET stalled_job = %s, stalled_since = now() - interval '11min'", job)
    found = doctor(command, "stalled", "warning", f"job {job} ", "PID 77", "11 min")
    assert f"cancel {job}" in found[0]["remedy"]


def test_doctor_limits(well, command, fake):
    """The worker of a lane may have nothing to do for a minute."""
    stop_clock(well)
    fake(co=2)
    for seconds, result, words in ((60, "ok", "1 held, all at work"),
                                   (61, "warning", "nothing has run for 61 s")):
        well.sql("UPDATE jobd.lane SET since = clock_timestamp() - make_interval(secs => %s)",
                 seconds)
        (level, text, _), = findings(command, "lanes")
        assert level == result and words in text


def test_doctor_spans(queue, command, add_job, fake, cos):
    """How long ago something was, in the unit that people would use."""
    ages = {61: "61 s", 99: "99 s", 100: "1 min", 5999: "99 min", 6000: "1 h", 172799: "47 h",
            172800: "2 days", 864000: "10 days"}
    stop_clock(queue)
    for i, (seconds, co) in enumerate(zip(ages, cos(len(ages)))):
        ago = f"clock_timestamp() - interval '{seconds} s'"
        add_job(3, status="GO", assigned_host="php", assigned_pid=i,
                start_time=queue.value(f"SELECT ({ago}) AT TIME ZONE 'UTC'"))
        supervisor = fake(co=1000 + i, pid=100 + i)
        queue.sql(f"UPDATE jobd.supervisor SET seen = {ago}, lease = '5 s' WHERE id = %s",
                  supervisor)
        queue.sql(f"UPDATE jobd.lane SET since = {ago} WHERE co_id = %s", 1000 + i)
        fake(co=co, pid=200 + i)
        job = add_job(co, status="GO", assigned_host="elsewhere", assigned_pid=200 + i)
        queue.sql(f"UPDATE jobd.lane SET stalled_job = %s, stalled_since = {ago}"
                  " WHERE co_id = %s", job, co)
    for check, words in (("holders", r"UTC \((.*)\)"), ("lanes", "run for (.*)"),
                         ("supervisors", "seen (.*) ago, with a lease of 5 s;"),
                         ("stalled", "sign of life for (.*)")):
        found = [re.search(words, text)[1] for _, text, _ in findings(command, check)]
        assert found == list(ages.values()), check


ODD = ["infinity", "-infinity", "294276-12-31 23:59:59", "0001-01-01 00:00:00", None]


@pytest.mark.parametrize("odd", ODD)
def test_doctor_odd_times(queue, command, add_job, fake, odd):
    """No time that a row can have makes a check fail."""
    for co, lease in ((2, "170000000 years"), (3, "-170000000 years"), (4, "0")):
        row = fake(co=co, pid=co)
        if odd:
            queue.sql("UPDATE jobd.supervisor SET seen = %s, started = %s WHERE id = %s", odd, odd,
                      row)
        queue.sql("UPDATE jobd.supervisor SET lease = %s WHERE id = %s", lease, row)
        held = add_job(co, status="GO", assigned_host="elsewhere", assigned_pid=co, modified=odd)
        queue.sql("UPDATE jobd.lane SET since = %s, stalled_job = %s, stalled_since = %s"
                  " WHERE co_id = %s", odd, held, odd, co)
    add_job(5, status="GO", start_time=odd, modified=odd)
    add_job(5, status="A", assigned_host=HOST, assigned_pid=-1, modified=odd)
    add_job(5, start_after_time=odd)
    fake()  # a daemon is alive: late jobs are looked for
    done = command("doctor", "--json")
    report = json.loads(done.stdout)
    assert not done.stderr and done.returncode == FAILED
    assert not [f for f in report["checks"] if "could not look" in f["text"]], report
    assert {f["check"] for f in report["checks"]} >= {"supervisors", "lanes", "stalled", "queue",
                                                      "holders"}
    for words in (["why", held], ["status"], ["status", "--json"], ["metrics"]):
        done = command(*words)
        assert done.returncode == OK and not done.stderr, (words, done.stderr)


def test_doctor_hostile_text(well, command, add_job, fake):
    """Hosts come from rows that others write: no line of theirs, no control character, no half
    of a character, and not without an end."""
    host = "x\x1b[31m\nerror    rights        all is lost\t" + "\u00fc\U0001f600" * 3000
    add_job(2, status="GO", assigned_host=host[:64], assigned_pid=5)
    fake(co=2, lapsed=True)
    well.sql("UPDATE jobd.supervisor SET host = %s", host)
    row = fake(co=3, pid=78)
    well.sql("UPDATE jobd.supervisor SET host = %s WHERE id = %s", host[:64], row)
    job = add_job(3, status="GO", assigned_host=host[:64], assigned_pid=78)
    well.sql("UPDATE jobd.lane SET stalled_job = %s WHERE co_id = 3", job)
    found = findings(command)
    assert sum("all is lost" in text for _, text, _ in found) >= 4, found
    done = subprocess.run([*command.argv, "doctor"], capture_output=True, check=False, timeout=60)
    lines = done.stdout.decode().splitlines()
    assert "all is lost" in done.stdout.decode() and max(map(len, lines)) < 800
    for line in lines:
        assert re.match(r"(ok|notice|warning|error) +[a-z]| {23}-> ", line), line
        assert not re.search(r"[\0-\x1f\x7f\ufffd]", line), line
        assert not re.match("error +rights", line), line


@ROLE_ONLY
@pytest.mark.parametrize("table, refused", [
    ("jobd.supervisor", {"supervisors", "lanes", "stalled", "holders", "stopping", "stuck"}),
    ("jobd.lane", {"supervisors", "lanes", "stalled", "holders", "refused", "stopping", "stuck"}),
    ("jobd.queue", {"queue", "models", "refused", "stuck", "chains"}),
    ("jobd.model", {"models"}),
    ("jobd.hold", {"holds", "stuck"}),
    ("public.jobs", {"lanes", "stalled", "queue", "holders", "timezone", "stopping", "stuck", "chains"})])
def test_doctor_refused(well, as_anybody, table, refused):
    """What the role may not see keeps only those checks that read it."""
    well.sql(f"REVOKE ALL ON {table} FROM registry_jobd")
    report = json.loads(as_anybody("doctor", "--json").stdout)
    found = {f["check"]: f for f in report["checks"] if "could not look" in f["text"]}
    assert set(found) == refused, report
    for finding in found.values():
        assert finding["result"] == "error" and "permission denied" in finding["text"]
        assert "schema roles" in finding["remedy"]
    doctor(as_anybody, "rights", "error", "SELECT on " + table)


def test_doctor_settings(well, as_anybody):
    """Settings of the database or the role that hurt."""
    well.sql(f"ALTER DATABASE {well.name} SET synchronous_commit = off")
    found = doctor(as_anybody, "settings", "warning", "synchronous_commit is off")
    assert re.search(f"^ALTER ROLE ({OWNER}|{LOGIN}) SET", found[0]["remedy"])
    well.sql(f"ALTER DATABASE {well.name} SET synchronous_commit = remote_apply")
    doctor(as_anybody, "settings", "ok", "none that hurts")


def test_doctor_read_only(well, command):
    """Settings that only a conninfo which asks for it leads to."""
    well.sql(f"ALTER DATABASE {well.name} SET default_transaction_read_only = on")
    text = command.config.read_text()
    command.config.write_text(text.replace(well.conninfo,
                                           well.conninfo + " target_session_attrs=any"))
    doctor(command, "settings", "error", "default_transaction_read_only")
    well.sql("SET default_transaction_read_only = off")
    well.sql(f"ALTER DATABASE {well.name} RESET default_transaction_read_only")


def test_doctor_standby(server, well, command):
    """A standby, of which everything else is said as well."""
    standby = Standby(server)
    try:
        text = command.config.read_text()
        command.config.write_text(text.replace(
            well.conninfo, standby.conninfo(well.name) + " target_session_attrs=any"))
        found = doctor(command, "connection", "error", "standby")
        assert "target_session_attrs=read-write" in found[0]["remedy"]
        doctor(command, "daemons", "ok", "1 with 4 workers")
    finally:
        standby.remove()


def test_doctor_autovacuum(well, command):
    """Off for the whole server."""
    try:
        well.sql("ALTER SYSTEM SET autovacuum = off")
        well.sql("SELECT pg_reload_conf()")
        wait_for(lambda: well.value("SHOW autovacuum") == "off")
        doctor(command, "settings", "warning", "autovacuum")
    finally:
        well.sql("ALTER SYSTEM RESET autovacuum")
        well.sql("SELECT pg_reload_conf()")
        wait_for(lambda: well.value("SHOW autovacuum") == "on")


@pytest.mark.parametrize("how", ["read-only", "away"])
def test_doctor_cannot_connect(well, command, how):
    """A finding like the others, with exit code 69."""
    if how == "away":
        command.config.write_text(command.config.read_text().replace("host=/", "host=/none/"))
    else:
        well.sql(f"ALTER DATABASE {well.name} SET default_transaction_read_only = on")
    doctor(command, "connection", "error")
    assert command("doctor").returncode == UNAVAILABLE


@pytest.mark.parametrize("ahead, words", [
    (1.5, "ahead of this host's"), (4, "ahead of"), (-4, "behind this host's"), (-1.5, "behind")])
def test_doctor_clock(well, command, ahead, words):
    """Two seconds between the clocks are too many."""
    shift_clock(well, ahead)
    found = doctor(command, "clock", "warning" if abs(ahead) > 2 else "ok", words)
    assert "time service" in (found[0]["remedy"] or "time service")


def test_doctor_clock_that_is_slow(well, command):
    """A slow answer is no difference: half of its time is what is not known."""
    shift_clock(well, -1.2, pause=2)
    (result, text, _), = findings(command, "clock")
    size, half = map(float, re.search("is (.*) s behind .* take (.*) s", text).groups())
    assert result == "ok" and size > 2 and half >= 1, text


@pytest.mark.parametrize("table", ["jobs", "job_history_records"])
@pytest.mark.parametrize("last, percent, result", [
    (1610612735, 74, "ok"), (1610612736, 75, "warning"), (2040109464, 94, "warning"),
    (2040109465, 95, "error"), (2147483647, 100, "error")])
def test_doctor_sequences(well, command, table, last, percent, result):
    """Ids are numbers of four bytes, as the Registry makes them."""
    well.sql(f"SELECT setval('public.{table}_id_seq', {last})")
    found = doctor(command, "sequences", result, f"{percent} % of the ids of public.{table}", last)
    assert len(found) == 2 and sum(f["result"] == "ok" for f in found) >= 1
    assert result == "ok" or any(table in (f["remedy"] or "") for f in found)


@pytest.mark.parametrize("column, sequence, percent", [
    ("bigint", "bigint", 0), ("bigint", "integer", 93), ("integer", "bigint", 93)])
def test_doctor_sequences_of_other_types(well, command, column, sequence, percent):
    """The column counts as well as its sequence: one of them may have been made wider."""
    well.sql(f"ALTER TABLE public.job_history_records ALTER id TYPE {column}")
    well.sql(f"ALTER SEQUENCE public.job_history_records_id_seq AS {sequence}")
    well.sql("SELECT setval('public.job_history_records_id_seq', 2000000000)")
    doctor(command, "sequences", "warning" if percent else "ok",
           f"{percent} % of the ids of public.job_history_records")


@pytest.mark.parametrize("percent, result", [(10, "ok"), (11, "warning"), (100, "warning")])
def test_doctor_notifications(well, command, percent, result):
    """A tenth of the server's queue may be in use."""
    replace_function(well, "pg_notification_queue_usage", "float8", f"RETURN {percent / 100};")
    found = doctor(command, "notifications", result, f"{percent} % of the queue")
    assert result == "ok" or "LISTENs" in found[0]["remedy"]


@pytest.fixture
def sees_all(cluster):
    """The role may see what all sessions do."""
    cluster.admin(f"GRANT pg_read_all_stats TO {LOGIN}")
    yield
    cluster.admin(f"REVOKE pg_read_all_stats FROM {LOGIN}")


@pytest.mark.usefixtures("sees_all")
@pytest.mark.parametrize("minutes, result, words", [
    (9, "ok", "open for 9 min: "), (10.5, "warning", "open for 10 min: "),
    (240, "warning", "open for 4 h: "), (7200, "warning", "open for 5 days: ")])
def test_doctor_old_transaction(well, command, minutes, result, words):
    """One that was begun more than ten minutes ago by the database's clock."""
    conn = well.connect(autocommit=False)
    conn.cursor().execute("SELECT 1")
    shift_clock(well, minutes * 60)
    found = doctor(command, "transactions", result, words, f"PID {conn.info.backend_pid}, postgres")
    assert result == "ok" or "no dead row can go" in found[0]["remedy"]
    conn.close()
    doctor(command, "transactions", "ok", "none is open")


def test_doctor_transactions(well, as_anybody, request):
    """The oldest one by name; a role that may not see it says that it does not."""
    is_own = "owner" in request.node.name
    conn = well.connect(OWNER if is_own else "postgres", autocommit=False)
    conn.cursor().execute("SELECT 1")
    if is_own:
        doctor(as_anybody, "transactions", "ok", f"PID {conn.info.backend_pid}", "idle in trans")
    else:
        doctor(as_anybody, "transactions", "notice", "sessions do not show")
    conn.close()


def test_doctor_connections(well, command):
    """Hardly any is left."""
    room = well.value("SELECT current_setting('max_connections')::int"
                      " - current_setting('superuser_reserved_connections')::int"
                      " - count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'")
    conns = [well.connect() for _ in range(room - 5)]
    doctor(command, "connections", "warning", "are in use")
    for conn in conns:
        conn.close()


def test_doctor_dead_rows(well, command):
    """Held by an old snapshot: ten thousand, and five times as many as live ones."""
    old = well.connect(autocommit=False)
    old.set_session(isolation_level="REPEATABLE READ")
    old.cursor().execute("SELECT count(*) FROM jobd.queue")
    well.sql("INSERT INTO jobd.queue SELECT 1000000 + i, 2, NULL, true"
             " FROM generate_series(1, 12000) i")
    well.sql("DELETE FROM jobd.queue")
    well.sql("SELECT pg_stat_force_next_flush()")
    wait_for(lambda: well.value("SELECT n_dead_tup FROM pg_stat_all_tables WHERE schemaname = 'jobd'"
                                " AND relname = 'queue'") >= 12000)
    doctor(command, "dead rows", "warning", "dead rows and")
    well.sql("INSERT INTO jobd.queue SELECT 1000000 + i, 2, NULL, true"
             " FROM generate_series(1, 3000) i")
    well.sql("SELECT pg_stat_force_next_flush()")
    wait_for(lambda: well.value("SELECT n_live_tup FROM pg_stat_all_tables WHERE schemaname = 'jobd'"
                                " AND relname = 'queue'") >= 3000)
    doctor(command, "dead rows", "ok", "and 3000 that count")  # not many beside those
    old.close()


def test_doctor_does_not_wait(well, command):
    """Somebody has locked the table: those checks are left out, the others are not."""
    lock = well.connect(autocommit=False)
    lock.cursor().execute("LOCK TABLE public.jobs")
    began = time.monotonic()
    report = json.loads(command("doctor", "--json").stdout)
    assert time.monotonic() - began < 15
    lock.close()
    late = [f["check"] for f in report["checks"] if "took too long" in f["text"]]
    assert {"queue", "holders"} <= set(late)
    assert {f["check"] for f in report["checks"]} >= {"supervisors", "rights", "clock"}


@pytest.fixture
def pooler(db):
    """pooler(mode): a pgbouncer before the test's database; returns its conninfo."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.access(program, os.X_OK):
        pytest.skip("pgbouncer is not installed")
    directory = pathlib.Path(tempfile.mkdtemp(dir=db.cluster.dir))  # of the server's user, too
    directory.chmod(0o777)
    running = []

    def start(mode):
        config = directory / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={db.cluster.dir} user={LOGIN}\n[pgbouncer]\n"
            f"listen_port = 6432\nunix_socket_dir = {directory}\nauth_type = any\n"
            f"pool_mode = {mode}\nlogfile = {directory}/pgbouncer.log\n")
        running.append(subprocess.Popen([*db.cluster.as_postgres, program, str(config)], cwd="/",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL))
        wait_for((directory / ".s.PGSQL.6432").exists)
        return f"host={directory} port=6432 dbname={db.name} user={LOGIN}"

    yield start
    for process in running:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("mode, result", [("transaction", "error"), ("session", "notice")])
def test_doctor_pooler(well, command, pooler, mode, result):
    """A pooler is noticed, and which of its modes it is in."""
    conninfo = pooler(mode)
    text = command.config.read_text()
    command.config.write_text(re.sub(r"conninfo = .*", "conninfo = " + conninfo, text))
    doctor(command, "pooler", result, f"in {mode} mode")


def test_no_false_alarm(queue, command, daemon, add_job):
    """While a daemon is busy, nothing that is in the making is taken for wrong."""
    daemon()
    ids = [add_job(2 + i % 3, COUNT, {"sleep_ms": 4, "count": 2, "records": 1})
           for i in range(400)]
    looks, reasons = 0, set()
    while queue.value("SELECT count(*) FROM jobd.queue"):
        report = json.loads(command("doctor", "--json").stdout)
        assert report["result"] in ("ok", "notice"), report
        for job in queue.sql("SELECT id FROM public.jobs WHERE status IN ('A', 'GO')"):
            reasons.add(json.loads(command("why", job["id"], "--json").stdout)["reason"])
        looks += 1
    queue.wait_final(*ids)
    assert looks and reasons <= {"running", "starting", "complete"}, reasons
