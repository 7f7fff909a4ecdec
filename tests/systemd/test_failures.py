"""What systemd does when the daemon, its workers or its database fail, and what must not be tried
again."""
import pytest
from conftest import wait_for
from machine import machine, service  # noqa: F401  fixtures

FAST = "RestartSec=100ms\nWatchdogSec=2s"


def test_watchdog(service):
    """A supervisor that stands still is killed and started again, and what ran is settled."""
    service.drop_in(FAST)
    service.start()
    job = service.running(2, 600000)
    waiting = service.register(2, "Example.NoopJob")
    pid = service.main_pid()
    service.systemctl("kill", "-s", "STOP", "--kill-who=main")
    wait_for(lambda: service.main_pid() not in (0, pid), 30, "another supervisor", 0.1)
    ended, followed = service.db.wait_final(job, waiting)
    assert ended["status"] == "X" and "terminated unexpectedly" in ended["finish_summary"]
    assert followed["status"] == "OK"
    assert service.show("NRestarts") == "1" and service.show("ActiveState") == "active"
    assert "Watchdog timeout" in "\n".join(
        entry["MESSAGE"] for entry in service.journal(_SYSTEMD_UNIT="init.scope"))


def test_watchdog_of_a_healthy_daemon(service):
    """Neither a long job nor a database that is away is a loop that stands still."""
    service.drop_in("WatchdogSec=500ms\nRestartSec=100ms")
    service.configure(lease="30s")
    service.start()
    job = service.running(2, 2500)
    service.db.close()
    service.sh(f"systemctl stop {service.machine.postgres}")
    service.wait_status("database away$")
    service.sh(f"systemctl start {service.machine.postgres}")
    assert service.db.wait_final(job)[0]["status"] == "OK"
    assert service.show("NRestarts") == "0" and service.show("ActiveState") == "active"


@pytest.mark.parametrize("signal", ["SEGV", "KILL"])
def test_crash(service, signal):
    """A supervisor that dies is started again; its workers died with it."""
    service.drop_in(FAST)
    service.start()
    job = service.running()
    pid = service.main_pid()
    service.systemctl("kill", "-s", signal, "--kill-who=main")
    wait_for(lambda: service.main_pid() not in (0, pid), 30, "another supervisor", 0.1)
    assert service.db.wait_final(job)[0]["status"] == "X"
    assert service.show("NRestarts") == "1"


def test_start_limit(service):
    """One that dies at once, again and again, is given up; that is the unit's limit."""
    service.drop_in("ExecStart=\nExecStart=/bin/sh -c 'kill -SEGV $$$$'\nRestartSec=10ms")
    service.systemctl("start", check=False)
    service.wait_state("failed", 30)
    wait_for(lambda: "start request repeated too quickly" in " ".join(
        entry["MESSAGE"].lower() for entry in service.journal(UNIT="registry-jobd.service")), 30)
    assert 5 <= int(service.show("NRestarts")) <= 20


def test_terminate_everybody(service):
    """`systemctl kill` sends SIGTERM to the workers as well: their jobs end, the daemon stops."""
    service.start()
    job = service.running()
    service.systemctl("kill")
    service.wait_state("inactive")
    assert service.db.wait_final(job)[0]["status"] == "X"
    assert service.show("Result") == "success" and service.show("NRestarts") == "0"
    assert not service.db.value("SELECT count(*) FROM jobd.supervisor")


def test_kill_of_an_assigned_pid(service):
    """The administrator's `kill PID` ends that job, with a reason, and nothing else."""
    service.start()
    job, other = service.running(2), service.running(3)
    pid = service.main_pid()
    service.sh(f"kill {service.db.job(job)['assigned_pid']}")
    row = service.db.wait_final(job)[0]
    assert row["status"] == "X" and "killed by SIGTERM" in row["finish_summary"]
    assert service.db.status(other) == "GO" and service.main_pid() == pid
    service.db.wait_final(service.register(2, "Example.NoopJob"))


def test_database_restarts(service):
    """PostgreSQL is stopped and started under a running job: the job ends well, nothing restarts."""
    service.configure(lease="30s")
    service.start()
    job = service.running(2, 3000)
    service.db.close()
    service.sh(f"systemctl stop {service.machine.postgres}")
    service.wait_status("database away$")
    service.sh(f"systemctl start {service.machine.postgres}")
    service.wait_status("database up$")
    assert service.db.wait_final(job)[0]["status"] == "OK"
    assert service.show("NRestarts") == "0"


def test_start_before_the_database(service):
    """At boot PostgreSQL may be slower: the service is ready, says what it waits for, then serves."""
    service.db.close()
    service.sh(f"systemctl stop {service.machine.postgres}")
    service.start()
    assert service.show("ActiveState") == "active"
    assert service.status() == "0 of 2 workers busy, database away"
    service.sh(f"systemctl start {service.machine.postgres}")
    service.wait_status("database up$")
    service.db.wait_final(service.register(2, "Example.NoopJob"))


@pytest.mark.parametrize("command, code", [
    ("--config /etc/registry-jobd/registry-jobd.conf --no-such-option", 2),
    ("--config /etc/registry-jobd/not-there.conf", 78)])
def test_what_restarting_does_not_mend(service, command, code):
    """A wrong command line or configuration: its code, and no second try."""
    service.drop_in(f"ExecStart=\nExecStart=/usr/sbin/registry-jobd {command}\nRestartSec=10ms")
    assert service.systemctl("start", check=False).returncode
    assert service.show("ActiveState") == "failed"
    assert service.show("ExecMainStatus") == str(code)
    assert service.show("Result") == "exit-code" and service.show("NRestarts") == "0"


def test_wrong_configuration(service):
    """It fails with the file and the line in the journal, and `systemctl status` shows them."""
    service.configure(workers=0)
    assert service.systemctl("start", check=False).returncode
    assert service.show("ExecMainStatus") == "78" and service.show("NRestarts") == "0"
    shown = service.systemctl("status", check=False).stdout
    assert "status=78/CONFIG" in shown
    assert "/etc/registry-jobd/registry-jobd.conf:" in shown and "workers must be" in shown


def test_refused_by_the_database(service):
    """A role without rights: the service is up and says so, and begins when it is given them."""
    service.machine.as_owner(
        "psql -qd registry -c 'REVOKE registry_jobd FROM \"registry-jobd\"'")
    try:
        service.start()
        service.wait_status("the database refuses this daemon")
        service.wait_log("schema roles")
    finally:
        service.machine.as_owner(
            "psql -qd registry -c 'GRANT registry_jobd TO \"registry-jobd\"'")
    service.wait_status("database up$")


@pytest.fixture
def root_role(service):
    """Root's login, as README makes it."""
    service.machine.as_owner("psql -qd registry -c 'CREATE ROLE root LOGIN' -c 'GRANT registry_jobd TO root'")
    yield
    service.machine.as_owner("psql -qd registry -c 'DROP ROLE root'")


def test_doctor_looks_as_the_service(service, root_role):
    """The service is active and refused, and root is not: doctor names the role and the grant."""
    service.start()
    assert "the user registry-jobd is let in" in service.sh("registry-job doctor || true")
    service.machine.as_owner(
        "psql -qd registry -c 'REVOKE registry_jobd FROM \"registry-jobd\"'")
    try:
        service.systemctl("restart")
        service.wait_status("the database refuses this daemon")
        said = service.sh("registry-job doctor || true")
    finally:
        service.machine.as_owner(
            "psql -qd registry -c 'GRANT registry_jobd TO \"registry-jobd\"'")
    assert "as the user registry-jobd: registry-jobd lacks " in said, said
    assert "GRANT registry_jobd TO \"registry-jobd\"" in said and "systemctl start" not in said, said
    service.wait_status("database up$")
