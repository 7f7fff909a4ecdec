"""The units themselves, as systemd reads them, and what is set beside them."""
import re

import pytest
from box import ROOT
from conftest import PLUGINS
from machine import machine, service  # noqa: F401  fixtures

UNITS = ["registry-jobd.service", "registry-jobd@.service", "registry-jobd-metrics.service",
         "registry-jobd-metrics@.service", "registry-jobd-metrics.timer", "registry-jobd-metrics@.timer",
         "registry-job-register@.service"]
EXAMPLES = sorted(path.name for path in (ROOT / "systemd" / "examples").glob("*.conf"))


def verify(machine, *units):
    """systemd-analyze has nothing to say, of instances for templates."""
    names = " ".join(unit.replace("@.", "@one.") for unit in units)
    done = machine.box.run("sh", "-c", f"systemd-analyze verify --man=yes {names}", check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_verify(machine):
    verify(machine, *UNITS)


def test_verify_timer_of_a_schedule(machine):
    """The template has no time; what its file gives it makes it whole."""
    machine.box.write("/etc/registry-jobd/schedules/one.conf", "[schedule]\nwhen = Mon..Fri 02:00 UTC\n")
    machine.sh("""
        systemctl daemon-reload
        cp -r /run/systemd/generator/registry-job-register@one.timer.d /run/systemd/system/""")
    verify(machine, "registry-job-register@.timer")


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(service, machine, example):
    """Each drop-in that is shipped is one that systemd takes, and the service starts with it."""
    machine.sh(f"""
        install -D -m 644 -t /etc/systemd/system/registry-jobd.service.d \\
            /usr/share/doc/registry-jobd/examples/{example}
        install -d -o registry-jobd /srv/registry/export
        systemctl daemon-reload
        """)
    verify(machine, "registry-jobd.service")
    if example == "encrypted-password.conf":
        machine.sh("""
            mkdir -p /etc/credstore.encrypted
            echo not-needed | systemd-creds encrypt --with-key=host --name=registry-jobd.password - \\
                /etc/credstore.encrypted/registry-jobd.password 2>/dev/null""")
    service.start()
    service.wait_status("database up$")
    text = (ROOT / "systemd" / "examples" / example).read_text()
    for key, value in re.findall(r"^(Memory(?:High|Max)|TasksMax)=(\w+)", text, re.MULTILINE):
        number = int(value.rstrip("G")) << (30 if value.endswith("G") else 0)
        assert service.show(key) == str(number)


def exposure(machine, unit):
    """What `systemd-analyze security` thinks; 10 is a service without any protection."""
    told = machine.sh(f"systemd-analyze security --no-pager {unit}")
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)[1])


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_security(machine, unit):
    assert exposure(machine, unit.replace("@.", "@one.")) <= 1.5


def test_what_is_left_off_is_explained(machine):
    """Each protection that systemd-analyze misses is named in a comment of the unit."""
    text = machine.sh("cat /usr/lib/systemd/system/registry-jobd.service")
    told = machine.sh("systemd-analyze security --no-pager registry-jobd.service")
    missing = set()
    for line in told.splitlines():
        if line.startswith("✗"):
            missing.add(re.split(r"[=/]", line.split()[1])[0])
    explained = set(re.findall(r"^#\s+(\w+)=", text, re.MULTILINE))
    # Of these it wants all or nothing; the families that the database needs are what it counts.
    missing -= {"RestrictAddressFamilies", "DeviceAllow", "Delegate", "SystemCallFilter"}
    print(told)
    assert missing and missing <= explained, missing - explained


def groups_of_memory(service):
    """What the kernel holds the service to, or nothing where nobody may set that."""
    return service.sh("""
        cat /sys/fs/cgroup/memory/system.slice/registry-jobd.service/memory.limit_in_bytes \
            /sys/fs/cgroup/system.slice/registry-jobd.service/memory.max 2>/dev/null || true""")


EAT = {"Eat.ShellJob": {"command": "/usr/bin/python3 -c 'print(len(bytes(b\"x\") * (600 << 20)))'"}}


def test_memory_of_the_service(service):
    """A job that eats the memory of the whole service is ended by the kernel, says so, and the
    service goes on (OOMPolicy=continue)."""
    service.drop_in("MemoryMax=200M\nMemorySwapMax=0")
    service.configure(EAT)
    service.start()
    pid = service.main_pid()
    if groups_of_memory(service) != str(200 << 20):
        pytest.skip("the controller of memory is not to be had here")
    row, = service.db.wait_final(service.register(2, "Eat.ShellJob"), timeout=40)
    assert row["status"] == "X" and "SIGKILL" in row["finish_summary"], row
    assert service.db.wait_final(service.register(2, "Example.NoopJob"))[0]["status"] == "OK"
    assert service.main_pid() == pid and service.show("NRestarts") == "0"


@pytest.fixture
def chaos(machine):
    """The plugin that misbehaves, beside those of the package; its name."""
    place = machine.box.path(machine.sh("echo /usr/lib/*/registry-job/plugins") + "/Chaos.so")
    place.write_bytes((PLUGINS / "Chaos.so").read_bytes())
    yield "Chaos"
    place.unlink()


def test_memory_of_a_model(service, chaos):
    """[limits] of one model: its job is ended, plugin or program, and the others run on."""
    limit = {"memory": "64M"}
    service.configure(EAT, {"Eat.ShellJob": limit, "Chaos.ChaosJob": limit}, load=f"Example {chaos}")
    service.start()
    pid = service.main_pid()
    other = service.running(co=3)
    plugin = service.register(2, "Chaos.ChaosJob", "act=memory", "value=1500")
    program = service.register(2, "Eat.ShellJob")
    plugin, program = service.db.wait_final(plugin, program)
    assert plugin["status"] == program["status"] == "X"
    assert plugin["finish_summary"] == "ended by its memory limit (killed by SIGKILL)"
    assert re.search("exited with code 1|memory limit", program["finish_summary"])
    assert service.db.status(other) == "GO" and service.main_pid() == pid
