"""registry-jobd@.service: several registries on one host, each with its own of everything."""
import pytest
from conftest import wait_for
from machine import Service, machine, service  # noqa: F401  fixtures


@pytest.fixture
def instances(machine, service):
    """Two instances that are configured, each with its own database; not started."""
    machine.db.close()
    machine.as_owner("createdb -T registry second",
                     "PGUSER=registry PGDATABASE=second registry-job --config /dev/null schema adopt",
                     "psql -qd second -c 'GRANT CONNECT ON DATABASE second TO registry_jobd'")
    made = []
    for name, database in (("one", "registry"), ("two", "second")):
        instance = Service(machine, f"registry-jobd@{name}", f"/etc/registry-jobd/{name}.conf", database)
        instance.cursor = service.cursor
        made.append(instance)
    made[1].configure(workers=3)
    yield made
    for instance in made:
        instance.systemctl("kill", "-s", "KILL", check=False)
        instance.systemctl("stop")
        instance.db.close()
    machine.as_owner("dropdb --force second")
    machine.sh("rm -rf /var/lib/registry-jobd/*")


def test_instances(instances, service):
    """Each serves its own database with its own configuration, in its own directory; stopping one is
    nothing to the other, nor to the service that has no instance."""
    one, two = instances
    service.sh("systemctl start registry-jobd@one registry-jobd@two")
    one.wait_status("^0 of 2 workers busy, nothing queued, database up$")
    two.wait_status("^0 of 3 workers busy, nothing queued, database up$")
    # The same id in both: the daemons must not know of each other's.
    first = one.register(2, "Example.CountJob", "trace=trace", "sleep_ms=600000")
    second = two.register(2, "Example.CountJob", "trace=trace", "sleep_ms=1500")
    for instance, job in ((one, first), (two, second)):
        instance.db.wait_status(job, "GO")
        assert instance.db.value("SELECT count(*) FROM jobd.supervisor") == 1
    assert not set(one.pids()) & set(two.pids())
    for name, job in (("one", first), ("two", second)):
        assert service.sh(f"cat /var/lib/registry-jobd/{name}/trace").split()[:2] == ["begin", str(job)]
        assert service.sh(f"stat -c '%U %a' /var/lib/registry-jobd/{name}") == "registry-jobd 750"
    assert f"job {first}: started" in one.log()
    assert service.show("ActiveState") == "inactive"

    two.systemctl("stop")
    assert two.db.status(second) == "OK" and two.show("Result") == "success"
    assert one.show("ActiveState") == "active" and one.db.status(first) == "GO"
    one.job("cancel", first)
    wait_for(lambda: one.db.value("SELECT count(*) FROM jobd.lane WHERE token IS NOT NULL") == 0)
    after = one.register(2, "Example.NoopJob")
    assert one.db.wait_final(after)[0]["status"] == "OK"


def test_instance_fails_alone(instances):
    """One with a wrong configuration is not started; the other one is."""
    one, two = instances
    one.box.write(one.config, "[pool]\nworkers = none\n")
    assert one.systemctl("start", check=False).returncode
    assert one.show("ExecMainStatus") == "78"
    two.start()
    assert two.show("ActiveState") == "active"


def test_instance_has_its_password(instances):
    """The credential is the instance's own, and the other's is not read."""
    one, two = instances
    two.machine.as_owner("psql -qd second -c \"CREATE ROLE second LOGIN PASSWORD 'of two'\""
                         " -c 'GRANT registry_jobd TO second'")
    try:
        for instance in instances:
            instance.configure(conninfo=f"host=127.0.0.1 dbname={instance.database} user=second")
        two.box.write("/etc/credstore/registry-jobd.two.password", "of two\n", 0o600)
        one.sh("systemctl start registry-jobd@one registry-jobd@two")
        two.wait_status("database up$")
        one.wait_status("the database refuses this daemon: see its log$")
        one.wait_log("no password supplied")
    finally:
        one.sh("systemctl stop registry-jobd@one registry-jobd@two")
        two.machine.as_owner("psql -qd second -c 'DROP ROLE second'")
