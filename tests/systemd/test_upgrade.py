"""Installing, upgrading, removing and purging the package on a system that runs."""
import pytest
from box import ROOT
from conftest import wait_for
from machine import CONFIG, machine, package, service  # noqa: F401  fixtures

BUMP = ROOT / "tests" / "package" / "bump"


@pytest.fixture
def installed(machine):
    """The package as it came, whatever the test did to it."""
    yield machine
    if machine.sh("dpkg-query -Wf '${Version} ${db:Status-Status}' registry-jobd || true") != \
            f"{machine.sh(f'dpkg-deb -f {deb()} Version')} installed":
        machine.install(package("registry-jobd"))


def deb():
    """Where the machine keeps it."""
    return "/tmp/registry-jobd_*.deb"


def upgrade(machine, tmp="/tmp/newer.deb"):
    """To the same with another version, by dpkg."""
    machine.sh(f"sh {BUMP} {deb()} 99.0 {tmp}")
    done = machine.box.run("dpkg", "--force-confold", "-i", tmp, timeout=90)
    assert machine.sh("dpkg-query -Wf '${Version}' registry-jobd") == "99.0"
    return done.stdout + done.stderr


def test_upgrade(installed, service):
    """A daemon that runs is replaced by the new one, and so are instances; a running job comes to its
    end before; what was changed in the configuration stays."""
    machine = installed
    machine.sh(f"echo '# changed here' >>{CONFIG}; cp {CONFIG} /etc/registry-jobd/one.conf")
    machine.sh("systemctl start registry-jobd registry-jobd@one")
    before = service.main_pid()
    job = service.running(2, 2500)
    assert "registry-job schema check" in upgrade(machine)
    assert service.db.status(job) == "OK"
    service.wait_state("active")
    assert service.main_pid() != before and service.show("NRestarts") == "0"
    assert machine.sh("systemctl is-active registry-jobd@one") == "active"
    assert machine.sh(f"tail -n 1 {CONFIG}") == "# changed here"
    assert service.db.wait_final(service.register(2, "Example.NoopJob"))[0]["status"] == "OK"


def test_upgrade_ends_what_takes_too_long(installed, service):
    """A job that outlasts stop_timeout is Failed, and the new daemon runs its retry."""
    service.configure(stop_timeout="300ms")
    service.start()
    job = service.register(2, "Example.CountJob", "sleep_ms=600000", "--retry-interval", "1")
    service.db.wait_status(job, "GO")
    upgrade(installed)
    assert service.db.status(job) == "X"
    retry = wait_for(lambda: service.db.value("SELECT id FROM jobs WHERE requeued_from_job_id = %s", job))
    service.db.wait_status(retry, "GO")


def test_upgrade_starts_nothing(installed, service):
    """What did not run before does not run after."""
    upgrade(installed)
    assert service.show("ActiveState") == "inactive"
    assert installed.box.run("systemctl", "is-enabled", "registry-jobd", check=False).stdout == "disabled\n"


def test_remove_purge_install(installed, service):
    """Removing stops what runs and keeps the configuration, purging takes the rest; installed again
    it is disabled and does not run, until it is started."""
    machine = installed
    machine.sh(f"cp {CONFIG} /etc/registry-jobd/one.conf; systemctl enable --now -q registry-jobd@one")
    service.systemctl("enable", "--now")
    job = service.running(2, 1500)
    machine.sh("dpkg -r registry-jobd")
    assert service.db.status(job) == "OK", "it drains"
    assert not service.pids_left()
    assert service.show("ActiveState") == "inactive"
    assert machine.sh(f"ls {CONFIG} /var/lib/registry-jobd -d").count("\n") == 1

    machine.sh("dpkg -P registry-jobd")
    assert machine.sh(f"ls -d {CONFIG} /var/lib/registry-jobd /etc/systemd/system/*.wants/registry-jobd*"
                      " 2>/dev/null || true") == ""
    machine.sh("rm /etc/registry-jobd/one.conf")
    machine.sh("systemctl daemon-reload; systemctl reset-failed")

    machine.install(package("registry-jobd"))
    assert service.show("ActiveState") == "inactive" and service.show("LoadState") == "loaded"
    assert machine.box.run("systemctl", "is-enabled", "registry-jobd", check=False).stdout == "disabled\n"
    # As shipped: the database "registry" on this host, as the user that the package has made.
    service.start()
    service.wait_status("^0 of 4 workers busy, nothing queued, database up$")
