"""`registry-job doctor --migrate`: before anything of ours is there, and without changing anything."""
import json
import os
import re
import shutil
import subprocess

import pytest
from conftest import COMMAND, LOGIN, PLUGINS, ROOT, run_command, wait_for, write_config

PROVISIONER, NESTER = "CoreJob.ProvisionerJob", "CoreJob.NesterJob"


@pytest.fixture
def migrate(plain_db, tmp_path):
    """migrate(*args): its findings, as {check: [(result, text, remedy)]}; the database as the Registry leaves it."""
    root = tmp_path / "root"
    root.mkdir()
    config = write_config(tmp_path / "migrate.conf", conninfo=plain_db.cluster.conninfo(plain_db.name, "registry"),
                          directory=PLUGINS, load="CoreJob Example")

    def run(*args, **settings):
        if settings:
            write_config(config, **settings)
        done = run_command(config, "doctor", "--migrate", "--root", root, "--json", *args)
        found = {}
        for one in json.loads(done.stdout)["checks"]:
            found.setdefault(one["check"], []).append((one["result"], one["text"], one["remedy"]))
        assert done.returncode == (json.loads(done.stdout)["result"] in ("warning", "error"))
        return found

    run.config, run.root = config, root
    return run


def put(root, path, text):
    path = root / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_shipped_queue(migrate, plain_db):
    """Every model with its count, every job that a runner left, what would run first; and nothing is changed."""
    before = plain_db.dump()
    found = migrate()
    models = {text: result for result, text, _ in found["models"]}
    assert any(re.match(rf"43 jobs wait for {PROVISIONER}, which nobody would provide, .*the first is job 14$", text)
               and result == "error" for text, result in models.items()), models
    assert models[f"1 job waits for {NESTER}, which this host would provide"] == "ok"
    assert [text.partition(" since")[0] for _, text, _ in found["holders"]] == [
        "job 86 of CO 4 is in progress on registry-a.example.org, PID 16270,",
        "job 102 of CO 3 is assigned on registry-a.example.org, PID 16278,"]
    first = [text for _, text, _ in found["first"]]
    assert f"CO 2 (Astro): job 14, {PROVISIONER}, would not run; 18 behind it" in first
    assert any(text.startswith("CO 5 (Dormant)") and "not active" in text for text in first)
    assert ("ok", "COmanage Registry 5.2.0", None) in found["registry"]
    assert found["schema"][0][0] == "notice" and "schema install" in found["schema"][0][2]
    assert plain_db.dump() == before


def test_models_of_the_registry_count(migrate, plain_db, tmp_path):
    """[registry] provides them, which starts it."""
    shutil.copytree(ROOT / "tests" / "registry" / "standin", tmp_path / "registry")
    tmp_path.chmod(0o755)
    found = migrate(conninfo=plain_db.cluster.conninfo(plain_db.name, "registry"), directory=PLUGINS,
                    load="CoreJob Example", registry={
                        "app": tmp_path / "registry" / "app",
                        "bridge": ROOT / "plugins" / "registry" / "bridge.php",
                        "environment.STANDIN_DB_HOST": plain_db.cluster.dir,
                        "environment.STANDIN_DB_NAME": plain_db.name})
    assert {result for result, _, _ in found["models"]} == {"ok"}, found["models"]


FORMS = ["job -c 2 -r", "job --run -c all", "job -rc 2", "job -c all -m 50 -r >/dev/null 2>&1"]


@pytest.mark.parametrize("form", FORMS)
def test_where_the_runner_is_started(migrate, form):
    """In each kind of crontab, and in services; comments and other commands are none."""
    root = migrate.root
    put(root, "etc/crontab", f"# bin/cake {form}\n17 * * * * root run-parts /etc/cron.hourly\n")
    assert migrate()["cron"][0][0] == "ok"
    put(root, "etc/crontab", f"* * * * * www-data cd /srv/registry/app && bin/cake {form}\n")
    put(root, "etc/cron.d/registry", f"MAILTO=root\n*/5 * * * * www-data php /srv/app/bin/cake.php {form}\n")
    put(root, "etc/cron.hourly/registry", f"#!/bin/sh\ncd /srv/registry/app\nexec bin/cake {form}\n")
    put(root, "var/spool/cron/crontabs/www-data", f"0 * * * * /srv/registry/app/bin/cake {form}\n")
    put(root, "etc/cron.d/other", "* * * * * www-data bin/cake job -c 2 -j CoreJob.SyncJob\n")
    put(root, "etc/systemd/system/queue.service", f"[Service]\nExecStart=/srv/registry/app/bin/cake {form}\n")
    put(root, "etc/systemd/system/other.service", f"[Unit]\nDescription=not bin/cake {form}\n")
    found = migrate()
    assert sorted(text.partition(": ")[0] for result, text, _ in found["cron"] if result == "warning") == [
        f"{root}/etc/cron.d/registry:2", f"{root}/etc/cron.hourly/registry:3", f"{root}/etc/crontab:1",
        f"{root}/var/spool/cron/crontabs/www-data:1"]
    assert [text.partition(": ")[0] for _, text, _ in found["units"]] == [f"{root}/etc/systemd/system/queue.service:2"]


def test_files_that_are_hostile(migrate):
    """Long lines, no text, what is no file, escape sequences: none keeps it, and nothing is obeyed."""
    root = migrate.root
    put(root, "etc/cron.d/long", "x" * 1000000)
    put(root, "etc/cron.d/binary", "\0" * 100 + "\nbin/cake job -r\n")
    put(root, "etc/cron.d/escape", "* * * * * www-data bin/cake job -r \x1b[2J\u202e\n")
    os.mkfifo(root / "etc/cron.d/fifo")
    os.symlink("nowhere", root / "etc/cron.d/link")
    os.symlink("/dev/zero", root / "etc/cron.d/device")
    (root / "etc/cron.d/directory").mkdir()
    found = migrate()
    texts = [text for _, text, _ in found["cron"]]
    assert any("/escape:1" in text for text in texts) and not any("\x1b" in text or "\u202e" in text for text in texts)


def test_a_runner_at_work(migrate, tmp_path):
    """A process of this host, by the words that it was started with."""
    program = tmp_path / "cake"
    program.write_text("#!/bin/sh\nsleep 60\n")
    program.chmod(0o755)
    process = subprocess.Popen([program, "job", "-rc", "2"], start_new_session=True)
    try:
        found = wait_for(lambda: [text for _, text, _ in migrate()["runners"] if str(program) in text])
        assert found[0].startswith(f"PID {process.pid}: ")
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_what_an_owner_may_not(migrate, plain_db):
    """Each with the statement for whoever may."""
    plain_db.sql(f"ALTER DATABASE {plain_db.name} OWNER TO postgres")
    plain_db.sql("ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY")
    found = migrate()["rights"]
    assert any(result == "error" and f"GRANT CREATE ON DATABASE {plain_db.name} TO registry" in remedy
               for result, _, remedy in found), found
    assert any(result == "warning" and "row level security" in text for result, text, _ in found)


def test_not_the_database_of_a_registry(migrate, plain_db):
    plain_db.sql("ALTER TABLE public.jobs RENAME TO elsewhere")
    found = migrate()
    assert found["rights"][0][0] == "error" and "no table public.jobs" in found["rights"][0][1]
    assert found["models"][0][0] == "error"


@pytest.mark.parametrize("hours, result", [(2, "error"), (-2, "notice")])
def test_zone_of_the_times(migrate, plain_db, hours, result):
    plain_db.sql("UPDATE public.jobs SET created = now() AT TIME ZONE 'UTC' + make_interval(hours => %s)"
                 " WHERE id = 153", hours)
    (found, _, remedy), = migrate()["times"]
    assert found == result and "timezone in [database]" in remedy


def test_without_a_database(tmp_path):
    """What is of this host is said all the same."""
    put(tmp_path, "etc/crontab", "* * * * * www-data bin/cake job -r\n")
    config = write_config(tmp_path / "nowhere.conf", conninfo=f"host={tmp_path} dbname=nowhere")
    done = run_command(config, "doctor", "--migrate", "--root", tmp_path)
    assert done.returncode == 69 and "etc/crontab:1: " in done.stdout and "error    connection" in done.stdout


def test_by_environment_alone(plain_db):
    """No configuration either: PGHOST and PGDATABASE, as libpq reads them."""
    env = {**os.environ, "PGHOST": str(plain_db.cluster.dir), "PGDATABASE": plain_db.name, "PGUSER": "registry"}
    done = subprocess.run([COMMAND, "--config", "/dev/null", "doctor", "--migrate", "--quiet"], env=env,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and f"1 job waits for {NESTER}, which nobody" in done.stdout, done.stderr
    assert "ok  " not in done.stdout


def test_as_the_role_of_the_daemon(migrate, plain_db):
    """It need not see which Registry it is: no error, and no remedy that does not help."""
    found = migrate(conninfo=plain_db.cluster.conninfo(plain_db.name, LOGIN))
    assert [result for result, _, _ in found["registry"]] == ["notice"], found
