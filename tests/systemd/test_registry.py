"""The Registry's own models in the sandbox of the unit: Debian's PHP, and the stand-in as an application
whose files are the web server's."""
import shutil

import pytest
from box import ROOT
from conftest import insert_job, wait_for
from machine import machine, service  # noqa: F401  fixtures
from test_sandbox import drop_in

APP = "/srv/registry/app"
MODEL = "CoreJob.AssignerJob"


@pytest.fixture
def registry(service, machine):
    shutil.copytree(ROOT / "tests" / "registry" / "standin", machine.box.path("/srv/registry"))
    machine.box.write("/srv/registry/local/config/database.php",
                      "<?php return ['dsn' => 'pgsql:host=/run/postgresql;dbname=registry;user=registry'];")
    machine.sh("chown -R root:www-data /srv/registry; chmod -R u=rwX,g=rX,o= /srv/registry")
    service.configure(registry={"app": APP})
    yield
    machine.sh("rm -rf /srv/registry")


def test_models_of_a_registry(registry, service):
    """Jobs wait while the daemon may not read the application; with the example it runs them, in the sandbox."""
    db = service.db
    with db.conn.cursor() as cursor:
        job = insert_job(cursor, 2, MODEL, {"context": "People"})
    service.start()
    wait_for(lambda: db.value("SELECT count(*) FROM jobd.supervisor WHERE problem LIKE %s",
                              f"the Registry at {APP} does not start: %cannot be read%"))
    assert db.status(job) == "Q"
    assert "cannot be read" in service.job("why", job)

    drop_in(service, "registry.conf")
    service.systemctl("restart")
    row, = db.wait_final(job, timeout=40)
    assert row["status"] == "OK" and "stands in" in row["finish_summary"], row
    log = service.log()
    assert "JIT" not in log and "Warning" not in log, log
    service.systemctl("stop")
    assert not service.pids_left()
