"""What jobs may do, and what they must not: external programs as jobs of the service."""
import json

import pytest
from box import ROOT
from machine import machine, service  # noqa: F401  fixtures

PROBE = ROOT / "tests" / "systemd" / "probe"
EXEC = {"Probe.ShellJob": {"command": "/usr/local/bin/probe"}}
NEEDED = {"write state", "write tmp", "write var tmp", "read usr", "read passwd", "read boot id", "random",
          "write null", "shared memory", "start programs", "database by socket", "database by TCP"}


@pytest.fixture
def probe(service, machine):
    """probe(): what a job of the service was able to do, as a set, of everything that it tried."""
    machine.box.write("/usr/local/bin/probe", PROBE.read_text(), 0o755)
    machine.sh("""
        mkdir -p /home/ada /srv/everybody /etc/credstore
        chmod 1777 /srv/everybody
        for file in /home/ada/public /tmp/foreign /dev/shm/foreign; do echo 1 >$file; chmod 644 $file; done
        (umask 077; echo secret >/etc/credstore/registry-jobd.password)
        cp /usr/bin/id /usr/local/bin/setuid-id
        chmod 4755 /usr/local/bin/setuid-id
        [ -e /dev/for-everybody ] || mknod -m 666 /dev/for-everybody c 1 3
        """)

    def run():
        service.configure(EXEC)
        service.start()
        job = service.register(2, "Probe.ShellJob")
        assert service.db.wait_final(job)[0]["status"] == "OK"
        tried = {row["record_key"]: row for row in service.db.history(job)}
        print("\n".join(f"{key}: {row['comment']}" for key, row in tried.items()))
        assert len(tried) > len(NEEDED) + 30
        return {key for key, row in tried.items() if row["status"] == "OK"}

    yield run
    machine.sh("rm -rf /home/ada /srv/everybody /tmp/foreign /dev/shm/foreign /dev/for-everybody"
               " /usr/local/bin/setuid-id /usr/local/bin/probe /var/lib/registry-jobd/own-file /var/tmp/own-file"
               " /tmp/own-file /tmp/program /tmp/device")


def test_sandbox(probe):
    """What a job needs works, and nothing else does."""
    assert probe() == NEEDED


def test_without_a_sandbox(probe, machine):
    """The same program outside, as root: what it tries is possible here, or the test would not see
    whether the sandbox holds."""
    probe()
    done = machine.box.run("/usr/local/bin/probe")
    machine.sh("find /etc /usr/local /opt /srv /var /run /root /home /dev -maxdepth 3 -name 'registry-jobd-was-here*' -delete; umount -q /mnt || true")
    tried = [json.loads(line)["record"] for line in done.stdout.splitlines()]
    assert {one["key"]: one["comment"] for one in tried if one["status"] != "OK"} == {}


def drop_in(service, name):
    """One of the examples, as README says."""
    text = (ROOT / "systemd" / "examples" / name).read_text()
    service.box.write(f"/etc/systemd/system/registry-jobd.service.d/{name}", text)
    service.sh("systemctl daemon-reload")


def test_external_programs(probe, service):
    """The example for other languages gives what it says, and nothing else."""
    drop_in(service, "external-programs.conf")
    assert probe() == NEEDED | {"writable code", "bind to a CPU", "netlink"}


def test_local_database(probe, service):
    """Without a network the database is there."""
    drop_in(service, "local-database.conf")
    assert probe() == NEEDED - {"database by TCP"}


def test_files(probe, service, machine):
    """A directory that is given can be written to; one that is taken cannot be read."""
    drop_in(service, "files.conf")
    machine.sh("install -d -o registry-jobd /srv/registry/export; mkdir -p /var/backups")
    machine.box.write("/usr/local/bin/files", "#!/bin/sh\n"
                      "touch /srv/registry/export/file && ! ls /var/backups 2>/dev/null\n", 0o755)
    service.configure({"Probe.ShellJob": {"command": "/usr/local/bin/files"}})
    service.start()
    assert service.db.wait_final(service.register(2, "Probe.ShellJob"))[0]["status"] == "OK"


def test_processes(service):
    """No process is root, has a capability or could get one; all have the filter of system calls."""
    service.configure({"Sleep.ShellJob": {"command": "/bin/sleep 600"}})
    service.start()
    service.running()
    service.db.wait_status(service.register(3, "Sleep.ShellJob"), "GO")
    uid = service.sh("id -u registry-jobd")
    seen = set()
    for pid in service.pids():
        text = service.sh(f"cat /proc/{pid}/status")
        status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        seen.add(status["Name"])
        assert set(status["Uid"].split()) == {uid} and uid != "0"
        capabilities = {key: value for key, value in status.items() if key.startswith("Cap")}
        assert len(capabilities) == 5 and not any(int(mask, 16) for mask in capabilities.values()), text
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert {"registry-jobd", "sleep"} <= seen
