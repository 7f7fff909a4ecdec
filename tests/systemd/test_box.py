"""The box itself: nothing of it reaches the machine, and nothing of it stays."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest
from box import PREFIX, ROOT, Box, hierarchies, lives
from conftest import wait_for
from machine import machine  # noqa: F401  fixture

HERE = pathlib.Path(__file__).resolve().parent


def test_the_machine_is_left_alone(machine):
    """Files, names, settings, processes and control groups of the machine are as they were."""
    box = machine.box
    box.write("/etc/registry-jobd-box", "inside")
    assert not os.path.exists("/etc/registry-jobd-box") and box.sh("cat /etc/registry-jobd-box") == "inside"
    assert box.sh("hostname") == "box" != socket.gethostname()
    assert box.run("sh", "-c", "echo 1 >/proc/sys/vm/swappiness", check=False).returncode
    assert box.run("touch", ROOT / "inside", check=False).returncode
    assert box.sh("cat /proc/1/comm") == "systemd"
    assert box.sh("ip -o link | grep -c .") == box.sh("ip -o link show lo | grep -c .")
    for hierarchy in hierarchies():
        inside = [path for path in hierarchy.rglob("registry-jobd.service") if PREFIX not in str(path)]
        assert not inside


def test_two_at_a_time(machine):
    """A second box does not know of the first one, and ends without a trace."""
    second = Box()
    try:
        second.sh("systemd-run --quiet --unit=only-here sleep 600")
        assert second.sh("systemctl is-active only-here") == "active"
        assert machine.box.run("systemctl", "is-active", "only-here", check=False).stdout != "active\n"
        assert second.run("systemctl", "is-active", machine.postgres, check=False).stdout == "inactive\n"
        pid = second.pid
    finally:
        second.stop()
    assert not lives(pid) and not second.directory.exists()
    assert not any(group.exists() for group in second.groups)
    assert machine.box.sh("systemctl is-active basic.target") == "active"


def test_gone_with_its_maker(machine):  # pylint: disable=unused-argument  # may boot one
    """Whoever kills the tests ends their boxes; the next one sweeps what has a name only."""
    maker = subprocess.Popen(
        [sys.executable, "-B", "-c", "import box, time; made = box.Box();"
         "print(made.pid, made.directory.name, flush=True); time.sleep(600)"],
        cwd=HERE, stdout=subprocess.PIPE, text=True)
    pid, name = maker.stdout.readline().split()
    assert pathlib.Path(f"/proc/{pid}/comm").read_text() == "systemd\n"
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    wait_for(lambda: not lives(pid), what="the box has ended")
    Box().stop()
    assert not [path for place in (*hierarchies(), pathlib.Path("/tmp")) for path in place.glob(f"{name}*")]


@pytest.mark.parametrize("required", ["", "required"])
def test_where_none_can_be_booted(required):
    """Tests are left out, and the summary says which and why; or that is a failure."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider",
         HERE / "test_units.py", "-k", "test_verify"],
        env={**os.environ, "PATH": "/nowhere", "RJ_BOX": required}, capture_output=True, text=True,
        timeout=60, check=False)
    if required:
        assert done.returncode == 1 and re.search("unshare is not installed", done.stdout)
    else:
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"SKIPPED \[1\].*unshare is not installed", done.stdout)
