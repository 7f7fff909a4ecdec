"""registry-job-register@.timer: each time of a schedule gets one job, whatever host was down or late."""
import json
import re
import time

import pytest
from conftest import wait_for
from machine import machine, service  # noqa: F401  fixtures
from test_credentials import PASSWORD, STORED, remote  # noqa: F401  fixture

SCHEDULES = "/etc/registry-jobd/schedules"
UNIT = "registry-job-register@nightly"
STAMP = f"/var/lib/systemd/timers/stamp-{UNIT}.timer"


def an_hour_ago():
    """A calendar event that comes once a day, and came last then; with its key."""
    then = time.gmtime(time.time() - 3600)
    return time.strftime("*-*-* %H:%M:00 UTC", then), time.strftime("nightly@%Y-%m-%dT%H:%M:00Z", then)


class Schedule:
    def __init__(self, service):
        self.service = service
        self.sh = service.sh
        self.db = service.db

    def write(self, when="*:*:0/2", name="nightly", job="Example.NoopJob", co=2):
        self.text(f"[schedule]\nwhen = {when}\nco = {co}\njob = {job}\n", name)

    def text(self, text, name="nightly"):
        self.service.box.write(f"{SCHEDULES}/{name}.conf", text)
        self.sh("systemctl daemon-reload")

    def show(self, name, unit=f"{UNIT}.service"):
        return self.sh(f"systemctl show -P {name} {unit}")

    def log(self, unit=f"{UNIT}.service"):
        return [entry["MESSAGE"] for entry in self.service.journal(_SYSTEMD_UNIT=unit)]

    def systemds_log(self, unit):
        return [entry["MESSAGE"] for entry in self.service.journal(UNIT=unit)]

    def keys(self):
        return [row["key"] for row in self.db.sql("SELECT key FROM jobd.registration ORDER BY key")]

    def jobs(self):
        return self.db.value("SELECT count(*) FROM public.jobs")


@pytest.fixture
def schedule(service):
    return Schedule(service)


def test_timer(schedule):
    """The file is all that it takes; the job runs, and the journal has who registered it, with fields."""
    schedule.write()
    schedule.service.start()
    schedule.sh(f"systemctl enable --now {UNIT}.timer")
    wait_for(lambda: len(schedule.keys()) >= 2, 30, "two times of the schedule", 0.1)
    schedule.sh(f"systemctl stop {UNIT}.timer")
    wait_for(lambda: schedule.show("ActiveState") == "inactive", 20, "the end of the service", 0.1)
    keys = schedule.keys()
    assert len(set(keys)) == len(keys) == schedule.jobs()
    for key in keys:
        assert re.fullmatch(r"nightly@\d{4}-\d\d-\d\dT\d\d:\d\d:\d[02468]Z", key), keys
    job = schedule.db.value("SELECT job_id FROM jobd.registration WHERE key = %s", keys[0])
    row, = schedule.db.wait_final(job)
    assert row["status"] == "OK" and "by schedule nightly" in row["register_summary"]
    entry, = schedule.service.wait_entry(JOB_ID=job, SYSLOG_IDENTIFIER="registry-job")
    assert entry["MESSAGE"] == f"job {job}: registered by schedule nightly"
    assert entry["_SYSTEMD_UNIT"] == f"{UNIT}.service" and entry["CO_ID"] == "2"


def test_missed(schedule):
    """The host was down at its time: made up for as soon as its timers are started, once."""
    when, key = an_hour_ago()
    schedule.write(when)
    schedule.sh(f"systemctl enable --now {UNIT}.timer; sleep 0.1; systemctl stop {UNIT}.timer")
    assert not schedule.jobs(), "a schedule begins with its next time"
    for _ in range(2):  # the second boot has missed nothing
        if not schedule.jobs():
            schedule.sh(f"touch -d '3 days ago' {STAMP}")
        schedule.sh("systemctl start timers.target")
        schedule.sh(f"systemctl start {UNIT}.timer")
        wait_for(lambda: schedule.keys() == [key], 20, key, 0.1)
        schedule.sh(f"systemctl stop {UNIT}.timer")
    assert schedule.jobs() == 1 and schedule.show("Result") == "success"
    assert len([line for line in schedule.systemds_log(f"{UNIT}.service") if line.startswith("Finished ")]) == 1


def test_missed_here_and_not_there(schedule):
    """The other host, which was up, has registered its job: so said, no failure, and no other job."""
    when, key = an_hour_ago()
    schedule.write(when)
    schedule.db.sql("INSERT INTO jobd.registration VALUES (%s, 'nightly', 4711, now())", key)
    schedule.sh(f"mkdir -p $(dirname {STAMP}); touch -d '3 days ago' {STAMP}; systemctl start {UNIT}.timer")
    wait_for(lambda: [line for line in schedule.log() if "job 4711 was registered with the key" in line], 20,
             "what became of it", 0.1)
    wait_for(lambda: schedule.show("ActiveState") == "inactive", 20, "the end of the service", 0.1)
    assert schedule.show("Result") == "success" and not schedule.jobs()


def test_two_hosts(schedule):
    """Two timers with one schedule, one of them with a random delay, as on two hosts: each time has one
    job, and both have come for some of them."""
    schedule.write("*:*:0/3")
    schedule.service.start()
    for host, delay in (("a", 0), ("b", 1)):
        schedule.sh(f"""
            for type in service timer; do
              sed 's/%i/nightly/g' /usr/lib/systemd/system/registry-job-register@.$type \\
                >/run/systemd/system/registry-job-host-{host}.$type
            done
            cat >>/run/systemd/system/registry-job-host-{host}.timer <<'END'
[Timer]
OnCalendar=*:*:0/3
RandomizedDelaySec={delay}
AccuracySec=1ms
END""")
    schedule.sh("systemctl daemon-reload; systemctl start registry-job-host-a.timer registry-job-host-b.timer")
    wait_for(lambda: len(schedule.keys()) >= 4, 40, "four times of the schedule", 0.1)
    schedule.sh("systemctl stop registry-job-host-a.timer registry-job-host-b.timer")
    logs = {host: schedule.log(f"registry-job-host-{host}.service") for host in "ab"}
    for host in "ab":
        unit = f"registry-job-host-{host}.service"
        wait_for(lambda u=unit: schedule.show("ActiveState", u) == "inactive", 20, unit, 0.1)
        assert schedule.show("Result", unit) == "success" and logs[host], logs
    keys = schedule.keys()
    assert len(keys) == len(set(keys)) == schedule.jobs()
    said = logs["a"] + logs["b"]
    assert sum(" was registered with the key 'nightly@" in line for line in said) >= 3, said


def test_duplicate(schedule):
    """The same job still waits: the unit has not failed, and the journal names the job."""
    when, _ = an_hour_ago()
    schedule.write(when)
    job = schedule.service.register(2, "Example.NoopJob")
    schedule.sh(f"systemctl start {UNIT}")
    assert schedule.show("Result") == "success" and schedule.jobs() == 1
    assert any(f"job {job}, which is the same, still waits or runs" in line for line in schedule.log())
    schedule.service.job("cancel", job)
    schedule.sh(f"systemctl start {UNIT}")
    assert schedule.jobs() == 2


@pytest.mark.parametrize("text, place", [
    ("[schedule]\nwhen = daily\nco = 2\njob = Example.NoopJob\nevery = day\n", ":5: unknown key 'every'"),
    ("[schedule]\nwhen = daily\nco = 2\njob = No.SuchJob\n", "No.SuchJob"),
    ("[schedule]\nwhen = daily\nco = 4711\njob = Example.NoopJob\n", "there is no CO 4711"),
    ("[schedule]\nwhen = daily\nco = 2\njob = Example.CountJob\n[parameters]\nto = many\n", "parameter 'to'")])
def test_wrong_file(schedule, text, place):
    """The unit fails once, with the place and what to do; it does not go on trying."""
    schedule.service.box.write(f"/run/systemd/system/{UNIT}.service.d/test.conf", "[Service]\nRestartSec=100ms\n")
    schedule.text(text)
    assert schedule.service.box.run("systemctl", "start", UNIT, check=False).returncode
    assert schedule.show("SubState") == "failed"  # not auto-restart: nothing is to come
    assert schedule.show("ActiveState") == "failed" and schedule.show("NRestarts") == "0"
    log = "\n".join(schedule.log())
    assert place in log and f"{SCHEDULES}/nightly.conf" in log, log
    # It is mended, and started.
    schedule.write("daily")
    schedule.sh(f"systemctl start {UNIT}")
    assert schedule.jobs() == 1


@pytest.mark.parametrize("when, words", [("every full moon", "Failed to parse calendar specification"),
                                         ("", "lacks value setting")])
def test_wrong_time(schedule, when, words):
    """The timer does not start, and systemd says which line it is."""
    schedule.write(when)
    assert schedule.service.box.run("systemctl", "start", f"{UNIT}.timer", check=False).returncode
    said = [entry["MESSAGE"] for entry in schedule.service.journal(_PID=1)]
    assert any(words in line and "registry-job-register@nightly.timer" in line for line in said), said


def test_no_schedule(schedule):
    """Names that are none, and no file: nothing is made."""
    schedule.write("daily", "nig ht")
    schedule.sh("rm -f /etc/registry-jobd/schedules/*; systemctl daemon-reload")
    assert not schedule.sh("find /run/systemd/generator* -name '*register*'")
    assert schedule.service.box.run("systemctl", "start", UNIT, check=False).returncode
    assert any("could not read '/etc/registry-jobd/schedules/nightly.conf'" in line for line in schedule.log())


def test_changed_file(schedule):
    """systemctl says that a schedule was changed, and needs a reload."""
    schedule.write("daily")
    schedule.sh(f"systemctl start {UNIT}.timer")
    assert schedule.show("NeedDaemonReload", f"{UNIT}.timer") == "no"
    schedule.sh(f"sleep 0.1; sed -i s/daily/weekly/ {SCHEDULES}/nightly.conf")
    assert schedule.show("NeedDaemonReload", f"{UNIT}.timer") == "yes"
    schedule.sh(f"systemctl daemon-reload; systemctl restart {UNIT}.timer")
    assert "OnCalendar=Mon *-*-* 00:00:00" in schedule.show("TimersCalendar", f"{UNIT}.timer")


def test_database_away(schedule):
    """It is tried again until the database is back."""
    when, key = an_hour_ago()
    schedule.write(when)
    schedule.service.box.write(f"/run/systemd/system/{UNIT}.service.d/test.conf",
                               "[Service]\nRestartSec=300ms\n[Unit]\nStartLimitIntervalSec=0\n")
    schedule.db.close()
    schedule.sh(f"systemctl daemon-reload; systemctl stop {schedule.service.machine.postgres}")
    schedule.sh(f"mkdir -p $(dirname {STAMP}); touch -d '3 days ago' {STAMP}; systemctl start {UNIT}.timer")
    wait_for(lambda: int(schedule.show("NRestarts")) >= 2, 20, "two more attempts", 0.1)
    schedule.sh(f"systemctl start {schedule.service.machine.postgres}")
    wait_for(lambda: schedule.keys() == [key], 20, key, 0.2)
    wait_for(lambda: schedule.show("ActiveState") == "inactive", 20, "the end of the service", 0.1)
    assert schedule.show("Result") == "success"


def test_doctor(schedule):
    """Says what is wrong with the files of this host before their time comes."""
    def said():
        report = json.loads(schedule.service.job("doctor", "--json", check=False))
        return [(found["result"], found["text"]) for found in report["checks"] if found["check"] == "schedules"]
    assert said() == []
    schedule.service.start()
    schedule.service.wait_status("database up$")
    schedule.write("daily")
    schedule.write("2099-01-01", "later")
    wait_for(lambda: said() == [("ok", f"2 in {SCHEDULES}")], 20, "the models of the daemon")
    schedule.write("every full moon", "a")
    schedule.write("daily", "b", co=4711)
    schedule.write("daily", "c", job="No.SuchJob")
    schedule.text("[schedule]\nevery = day\n", "d")
    found = said()
    assert [level for level, _ in found] == ["warning"] * 4, found
    for (_, text), words in zip(found, (
            "a.conf: when = every full moon: Failed to parse", "b.conf: there is no CO 4711",
            "c.conf: no daemon provides No.SuchJob", "d.conf:2: unknown key 'every'")):
        assert f"{SCHEDULES}/{words}" in text, found


def test_password(remote):
    """The credential is the unit's, too."""
    schedule = Schedule(remote)
    remote.box.write(STORED, PASSWORD + "\n", 0o600)
    schedule.write("daily")
    schedule.sh(f"systemctl start {UNIT}")
    assert schedule.jobs() == 1
    assert PASSWORD not in "\n".join(schedule.log())


def test_other_configuration(schedule):
    """A drop-in of one schedule names that of an instance."""
    schedule.sh("sed 's/^load = .*/load = Example/' /etc/registry-jobd/registry-jobd.conf >/etc/registry-jobd/one.conf")
    schedule.write("daily")
    schedule.service.box.write(f"/run/systemd/system/{UNIT}.service.d/one.conf",
                               "[Service]\nEnvironment=CONFIG=/etc/registry-jobd/gone.conf\n")
    schedule.sh("systemctl daemon-reload")
    assert schedule.service.box.run("systemctl", "start", UNIT, check=False).returncode
    assert any("/etc/registry-jobd/gone.conf" in line for line in schedule.log())
    schedule.sh(f"sed -i s/gone/one/ /run/systemd/system/{UNIT}.service.d/one.conf; systemctl daemon-reload")
    schedule.sh(f"systemctl start {UNIT}")
    assert schedule.jobs() == 1
