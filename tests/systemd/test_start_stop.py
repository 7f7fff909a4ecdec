"""Starting, stopping and reloading as systemd does it, with the unit of the package."""
import pytest
from conftest import wait_for
from machine import machine, service  # noqa: F401  fixtures


def test_start_waits_until_it_serves(service):
    """`systemctl start` returns when the daemon is registered, and not while it cannot be."""
    blocker = service.db.connect(autocommit=False)
    blocker.cursor().execute("LOCK jobd.supervisor IN ACCESS EXCLUSIVE MODE")
    service.systemctl("start", "--no-block")
    service.wait_log("could not register")
    assert service.show("ActiveState") == "activating"
    blocker.rollback()
    service.wait_state("active")
    assert service.db.value("SELECT count(*) FROM jobd.supervisor") == 1
    service.wait_status(r"^0 of 2 workers busy, nothing queued, database up$")


def test_status(service):
    """The status line says what is busy and what is queued."""
    service.start()
    service.running()
    for _ in range(2):
        service.register(2, "Example.NoopJob", "--allow-duplicate")
    service.register(3, "Example.NoopJob", "--delay", "3600")
    service.wait_status(r"^1 of 2 workers busy, 3 queued in 2 COs, database up$")
    assert "1 of 2 workers busy" in service.systemctl("status").stdout


def test_reload(service):
    """A reload changes the pool and says so; a wrong configuration fails and changes nothing."""
    service.start()
    pid = service.main_pid()
    service.configure(workers=5, lease="9s")
    service.systemctl("reload")
    service.wait_status("^0 of 5 workers busy")
    service.wait_log("reloaded the configuration; these wait for a restart: timers.lease")
    service.configure(workers="many")
    failed = service.systemctl("reload", check=False)
    assert failed.returncode
    # Of a process that ends with this line: the journal may not know any more which unit it was of.
    wait_for(lambda: any("workers must be a number from 1 to 256, not 'many'" in entry["MESSAGE"]
                         for entry in service.journal(SYSLOG_IDENTIFIER="registry-jobd")))
    assert service.main_pid() == pid and service.show("ActiveState") == "active"
    assert service.status().startswith("0 of 5 workers busy")


def test_reload_of_what_cannot_be_loaded(service):
    """A file without a wrong line, with a plugin that cannot be loaded: the reload fails, and nothing
    of the file is applied. systemd sends SIGHUP before it runs ExecReload (257), after it, or does not
    send it when that fails (252): the daemon refuses the file by itself, and is ready again."""
    service.start()
    pid = service.main_pid()
    service.configure(workers=5, load="CoreJob Example Nowhere")
    assert service.systemctl("reload", check=False).returncode

    def is_as_before():
        service.wait_state("active")  # READY came after RELOADING
        service.wait_status("^0 of 2 workers busy, nothing queued, database up$")
    is_as_before()
    told = service.log().count("Nowhere")
    service.systemctl("kill", "-s", "HUP", "--kill-who=main")
    wait_for(lambda: service.log().count("Nowhere") > told, what="the daemon refuses the file")
    is_as_before()
    assert service.main_pid() == pid

    service.configure(workers=3)
    service.systemctl("reload")
    service.wait_status("^0 of 3 workers busy")
    service.db.wait_final(service.register(2, "Example.NoopJob"))


def test_stop_drains(service):
    """A running job may end; nothing new begins."""
    service.start()
    job = service.running(sleep_ms=700)
    waiting = service.register(2, "Example.NoopJob")
    service.systemctl("stop")
    assert service.db.status(job) == "OK" and service.db.status(waiting) == "Q"
    assert service.show("Result") == "success" and not service.pids_left()


def test_stop_ends_at_stop_timeout(service):
    """A job that takes longer than stop_timeout is ended, and Failed."""
    service.configure(stop_timeout="500ms")
    service.start()
    job = service.running()
    service.systemctl("stop")
    row = service.db.job(job)
    assert row["status"] == "X" and "shutdown" in row["finish_summary"]
    assert service.show("Result") == "success"


def test_stop_asks_for_more_time(service):
    """A stop_timeout beyond the unit's own is respected: the daemon tells systemd to wait."""
    service.configure(stop_timeout="1min")
    service.drop_in("TimeoutStopSec=2s\nWatchdogSec=1s")
    service.start()
    job = service.running(sleep_ms=5000)
    service.systemctl("stop")
    assert service.db.status(job) == "OK" and service.show("Result") == "success"


def test_stop_that_hangs(service):
    """A supervisor that does not answer while it stops is killed, and its workers with it."""
    service.drop_in("TimeoutStopSec=1s\nWatchdogSec=1s")
    service.start()
    job = service.running()
    service.systemctl("stop", "--no-block")
    service.wait_log("stopping: ")
    service.systemctl("kill", "-s", "STOP", "--kill-who=main")
    service.wait_state("failed")
    assert not service.pids_left()
    assert service.db.status(job) == "GO"
    service.start()
    assert service.db.wait_final(job)[0]["status"] == "X"


@pytest.mark.parametrize("steps", [("start", "stop"), ("restart",)])
def test_many_times(service, steps):
    """Again and again, without a failure and without a trace of the last one."""
    for step in steps * 4:
        service.systemctl(step)
    service.start()
    wait_for(lambda: service.db.value("SELECT count(*) FROM jobd.supervisor") == 1)
    assert service.show("NRestarts") == "0"
    service.db.wait_final(service.register(2, "Example.NoopJob"))


def test_processes_say_what_they_do(service):
    """`systemd-cgls` and `systemctl status` show which job a process belongs to."""
    service.start()
    job = service.running(2, 600000)
    wait_for(lambda: f"registry-jobd: job {job} of CO 2, Example.CountJob" in service.sh(
        "systemd-cgls --no-pager -u registry-jobd.service"))
    shown = service.systemctl("status").stdout
    assert "registry-jobd: supervisor" in shown
    assert f"registry-jobd: job {job} of CO 2, Example.CountJob" in shown
    assert "─worker-0" in shown and "─supervisor" in shown
