"""Law 9: database time only, in the zone of the Registry, cut to the second."""
import contextlib
import json
import re

import pytest
from conftest import LOGIN, run_command, wait_for, write_config
from registry import Registry


def test_no_time_lies_in_the_future(empty_queue, daemon, add_job, command):
    """The columns round (timestamp(0)): what is not cut before lies ahead half of the time."""
    db = empty_queue
    db.sql("CREATE TABLE public.ahead (job_id int, status text, at timestamp)")
    db.sql(f"GRANT INSERT ON public.ahead TO {LOGIN}")
    db.sql("CREATE FUNCTION public.look_ahead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
           " INSERT INTO public.ahead SELECT NEW.id, NEW.status, t FROM unnest(ARRAY["
           "   NEW.created, NEW.modified, NEW.register_time, NEW.start_time, NEW.finish_time]) t"
           "  WHERE t > clock_timestamp() AT TIME ZONE 'UTC'; RETURN NULL; END $$")
    db.sql("CREATE TRIGGER look_ahead AFTER INSERT OR UPDATE ON public.jobs FOR EACH ROW"
           " EXECUTE FUNCTION public.look_ahead()")
    daemon()
    jobs = [int(command("-c", 2 + i % 3, "-j", "Example.CountJob", "sleep_ms=130",
                        f"tag={i}").stdout) for i in range(24)]
    db.wait_final(*jobs)
    assert db.sql("SELECT * FROM public.ahead") == []
    assert {db.status(job) for job in jobs} == {"OK"}


def test_delayed_job_is_not_early(empty_queue, daemon, command):
    """Start-after is kept by the database's clock, whatever the host's zone is."""
    db = empty_queue
    daemon(env={"TZ": "Pacific/Auckland", "PGTZ": "America/New_York"})
    job = int(command("-c", 2, "-j", "Example.NoopJob", "--delay", 2).stdout)
    row, = db.wait_final(job)
    assert row["status"] == "OK"
    assert row["register_time"] <= row["start_after_time"] <= row["start_time"]
    assert (row["start_time"] - row["start_after_time"]).total_seconds() <= 1


# ---- a Registry whose times are not UTC ----

EAST, WEST = "Asia/Kolkata", "America/New_York"  # half an hour matters, too
COUNT = "Example.CountJob"


def install(db, tmp_path, zone):
    config = write_config(tmp_path / "schema.conf", conninfo=db.owners, timezone=zone)
    return run_command(config, "schema", "install")


@pytest.fixture(params=[EAST, WEST, "Pacific/Kiritimati"])
def zone(request, empty_queue, tmp_path):
    """The zone of the Registry, which the schema knows."""
    done = install(empty_queue, tmp_path, request.param)
    assert done.returncode == 0, done.stderr
    assert f"times are in {request.param} now, not in UTC: restart the daemons" in done.stderr
    return request.param


def ages(db, zone, table, *columns, **where):
    """Seconds since these times, which are of that zone; None for NULL."""
    (name, value), = where.items()
    row, = db.sql("SELECT " + ", ".join(
        f"extract(epoch FROM clock_timestamp() AT TIME ZONE '{zone}' - {column})::float8 AS {column}"
        for column in columns) + f" FROM public.{table} WHERE {name} = %s ORDER BY id LIMIT 1", value)
    return list(row.values())


def all_new(ages):
    return all(age is not None and -0.1 <= age < 20 for age in ages)


TIMES = ["created", "modified", "register_time", "start_time", "finish_time"]


def test_registry_in_another_zone(zone, empty_queue, daemon, command):
    """Its jobs start when it means them to, and what we write is as it would write it."""
    db = empty_queue
    daemon()
    with contextlib.closing(Registry(db, zone=zone)) as registry:
        now = db.value(f"SELECT {registry.now}")
        soon, later = (db.value("SELECT %s::timestamp + make_interval(secs => %s)", now, secs)
                       for secs in (2, 1800))
        delayed = registry.register(3, start_after_time=soon)
        waiting = registry.register(4, start_after_time=later)
        at_once = registry.register(2, COUNT, '{"records":"1"}', requeue_interval=3600)
    row, = db.wait_final(at_once, timeout=5)
    assert row["status"] == "OK" and all_new(ages(db, zone, "jobs", *TIMES, id=at_once)), row
    assert all_new(ages(db, zone, "job_history_records", "created", "modified", job_id=at_once))
    successor = db.value("SELECT id FROM public.jobs WHERE requeued_from_job_id = %s", at_once)
    age, = ages(db, zone, "jobs", "start_after_time", id=successor)
    assert -3601 < age < -3570
    row, = db.wait_final(delayed, timeout=10)
    assert 0 <= (row["start_time"] - row["start_after_time"]).total_seconds() <= 2
    assert db.status(waiting) == "Q"
    assert re.search(r"\(in (29|30) min\)", command("why", waiting).stdout)


def test_what_is_shown_is_utc(zone, empty_queue, daemon, command):
    """Whoever registers a job; and nobody shows the hour of the Registry for it."""
    db = empty_queue
    daemon()
    job = int(command("-c", 2, "-j", COUNT, "records=1", "--delay", 1).stdout)
    assert db.wait_final(job)[0]["status"] == "OK"
    waiting = int(command("-c", 2, "-j", COUNT, "tag=b", "--delay", 7200).stdout)
    assert all_new(ages(db, zone, "jobs", *TIMES, id=job))

    def is_utc(text, ahead=0):
        return abs(db.value("SELECT extract(epoch FROM %s::timestamp - now() AT TIME ZONE 'UTC')"
                            "::float8", text) - ahead) < 30
    shown = json.loads(command("show", job, "--json").stdout)
    for row in (shown, *json.loads(command("list", "--json", "-c", 2).stdout)):
        if row["id"] == job:
            assert all(is_utc(row[c]) for c in ("register_time", "start_time", "finish_time")), row
    record = json.loads(command("history", job, "--json").stdout)[0]
    assert is_utc(record["created"])
    queue, = json.loads(command("queue", "--json").stdout)
    assert is_utc(queue["oldest"], 7200)
    assert "s ago)" in command("why", job).stdout
    assert re.search(r"\(in [12] h\)", command("why", waiting).stdout)


def test_ages_in_another_zone(zone, empty_queue, command):
    """What waits is as old as it is."""
    with contextlib.closing(Registry(empty_queue, zone=zone)) as registry:
        registry.register(2)
    age = json.loads(command("status", "--json").stdout)["queue"]["oldest_due_age_seconds"]
    assert 0 <= age < 20
    doctor = command("doctor").stdout
    assert f"the times of the Registry are in {zone}" in doctor


def test_columns_with_a_zone(zone, empty_queue, daemon, add_job):
    """The Registry may make its times timestamptz; what is written means the same."""
    db = empty_queue
    db.sql(f"SET TimeZone = '{zone}'")
    for column in ("start_after_time", "start_time", "modified"):
        db.sql(f"ALTER TABLE public.jobs ALTER {column} TYPE timestamptz")
    daemon()
    job = add_job(2, delay=1)
    db.sql("UPDATE public.jobs SET start_after_time = now() + interval '1 second' WHERE id = %s", job)
    row, = db.wait_final(job, timeout=5)
    assert row["status"] == "OK"
    assert abs(db.value("SELECT extract(epoch FROM now() - start_time)::float8 FROM public.jobs"
                        " WHERE id = %s", job)) < 10


def test_zone_is_kept(zone, empty_queue, tmp_path):
    """By an installation and an upgrade without the key, in every function that has one."""
    db = empty_queue
    for _ in range(2):
        assert install(db, tmp_path, None).returncode == 0
        zones = db.sql("SELECT p.proname, c FROM pg_proc p, unnest(p.proconfig) c WHERE"
                       " p.pronamespace = 'jobd'::regnamespace AND c LIKE 'TimeZone=%'")
        assert {row["proname"] for row in zones} == {"keep_queue", "resync", "guard"}
        assert {row["c"] for row in zones} == {f"TimeZone={zone}"}
        # Applied again, as an upgrade to it does.
        db.sql("DELETE FROM jobd.schema_version WHERE version >= 10")
        db.sql("DROP FUNCTION jobd.obstacle, jobd.provides, jobd.lane_job; DROP TABLE jobd.hold CASCADE;"
               " DROP TABLE jobd.registration, jobd.chain_end, jobd.requeue_always, jobd.model_result;"
               " DROP FUNCTION jobd.has_retry, jobd.last_summary, jobd.end_chain, jobd.count_end;"
               " DROP TABLE jobd.model; ALTER TABLE jobd.supervisor DROP COLUMN models_generation,"
               " DROP COLUMN problem, DROP COLUMN trouble, DROP COLUMN trouble_since;"
               " ALTER TABLE jobd.queue DROP COLUMN model;"
               " DROP FUNCTION jobd.unprovided, jobd.is_provided, jobd.model_name;"
               " DROP FUNCTION jobd.registry_now() CASCADE; DROP FUNCTION jobd.utc(timestamp);"
               " DROP FUNCTION jobd.utc(timestamptz)")
    assert install(db, tmp_path, "UTC").returncode == 0


def test_another_zone_than_the_schemas(zone, empty_queue, daemon, command, tmp_path, add_job):
    """Nobody works with another one than the configuration says; the remedy is named."""
    db = empty_queue
    running = daemon(ready=False, timezone="Europe/Berlin")
    running.wait_log(f"takes the Registry's times for {zone}, and the configuration says Europe/Berlin")
    config = write_config(tmp_path / "other.conf", conninfo=db.conninfo, timezone="Europe/Berlin")
    job = add_job(2)
    for words in (["show", job], ["-r", "-c", "all"], ["metrics"], ["doctor"]):
        done = run_command(config, *words)
        said = done.stdout + done.stderr
        assert done.returncode not in (0, 2) and zone in said and "schema install" in said, said
    assert db.status(job) == "Q"
    assert install(db, tmp_path, "Europe/Berlin").returncode == 0
    running.wait_ready()
    assert command("show", job).returncode == 0


@pytest.mark.parametrize("zone,why", [("Europe/Atlantis", "knows no time zone"), ("CEST", "knows no"),
                                      ("UTC+2", "knows no"), ("x'y", "must be the name of a time zone")])
def test_no_zone(db, tmp_path, zone, why):
    done = install(db, tmp_path, zone)
    assert done.returncode != 0 and why in done.stderr, done.stderr
    assert db.value("SELECT c FROM pg_proc p, unnest(p.proconfig) c WHERE p.proname = 'keep_queue'"
                    " AND c LIKE 'TimeZone=%'") == "TimeZone=UTC"


@pytest.mark.parametrize("zone", [EAST, WEST, "UTC"])
def test_doctor_suspects_the_zone(empty_queue, daemon, command, zone):
    """East of what is configured jobs are registered in the future, west of it all start late."""
    db = empty_queue
    daemon()
    with contextlib.closing(Registry(db, zone=zone)) as registry:
        jobs = [registry.register(2 + i % 3, "Example.NoopJob") for i in range(6)]
    if zone == EAST:
        wait_for(lambda: db.value("SELECT count(*) FROM jobd.queue WHERE NOT ready") == 6)
    else:
        db.wait_final(*jobs)
    lines = [line for line in command("doctor").stdout.splitlines() if line.split()[1] == "timezone" and line[0] != " "]
    words = {EAST: "6 of the newest 6 jobs were registered in the future, by up to 3",
             WEST: "each of the 6 jobs of the last day started more than ",
             "UTC": "the times of the Registry are in UTC"}[zone]
    assert len(lines) == 1 and words in lines[0], lines
    assert lines[0].startswith("ok" if zone == "UTC" else "warning")


def test_nester_in_another_zone(zone, empty_queue, daemon):
    """Who is a member at the moment, is by the Registry's time; and so are the rows that are made."""
    db = empty_queue
    nested, target = 9, 10
    members = db.sql("SELECT id, person_id FROM public.group_members WHERE group_id = %s AND deleted IS"
                     " NOT TRUE AND group_member_id IS NULL AND person_id NOT IN (SELECT person_id FROM"
                     " public.group_members WHERE group_id = %s) ORDER BY id LIMIT 3", nested, target)
    gone, here, later = (row["id"] for row in members)
    for member, column, minutes in ((gone, "valid_through", -5), (here, "valid_through", 5),
                                    (later, "valid_from", 5)):
        db.sql(f"UPDATE public.group_members SET {column} = now() AT TIME ZONE %s"
               " + make_interval(mins => %s) WHERE id = %s", zone, minutes, member)
    daemon(load="CoreJob")
    co = db.value("SELECT co_id FROM public.groups WHERE id = %s", nested)
    with contextlib.closing(Registry(db, zone=zone)) as registry:
        job = registry.register(co, "CoreJob.NesterJob",
                                '{"group_id":"%d","target_group_id":"%d"}' % (nested, target))
    assert db.wait_final(job)[0]["status"] == "OK"
    people = {row["person_id"] for row in db.sql("SELECT person_id FROM public.group_members WHERE"
                                                 " group_id = %s", target)}
    of = {row["id"]: row["person_id"] for row in members}
    assert of[here] in people and not {of[gone], of[later]} & people
    made = db.value("SELECT max(id) FROM public.group_members WHERE group_id = %s", target)
    assert all_new(ages(db, zone, "group_members", "created", "modified", id=made))
    made = db.value("SELECT max(id) FROM public.group_nestings")
    assert all_new(ages(db, zone, "group_nestings", "created", "modified", id=made))
