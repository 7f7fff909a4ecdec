"""Every example of README and of the manual that talks to systemd or apt, as it stands."""
import sys

import pytest
from conftest import ROOT
from machine import built_packages, machine, service  # noqa: F401  fixtures

sys.path.append(str(ROOT / "tests" / "manual"))
from in_systemd import run_left  # noqa: E402

TREE = "/root/tree"


@pytest.fixture
def tree(machine):
    """A tree with its packages, and the database as README leaves it, with a way in for root."""
    machine.box.run("mkdir", "-p", f"{TREE}/build/package", "/var/lib/prometheus/node-exporter")
    for path in built_packages().glob("*.deb"):
        (machine.box.path(f"{TREE}/build/package") / path.name).write_bytes(path.read_bytes())
    machine.as_owner("psql -qd registry -c 'CREATE ROLE root LOGIN' -c 'GRANT registry_jobd TO root'")
    yield TREE
    machine.as_owner("psql -qd registry -c 'DROP ROLE root'")
    machine.sh(f"rm -rf {TREE} /var/lib/prometheus/node-exporter")


@pytest.mark.limit(120)
def test_blocks(service, tree):
    """In the order of the documents; each leaves the daemon running, or begins with it."""
    service.configure(sweep="10s", heartbeat="5s", lease="30s", load="CoreJob Example")
    service.sh("systemctl enable --now --quiet registry-jobd")

    def run(script, directory):
        service.box.run("bash", "-euo", "pipefail", "-c", f"cd {directory}\n{script}", timeout=100)
    run_left(run, tree)
