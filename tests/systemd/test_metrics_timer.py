"""registry-jobd-metrics.timer: the file that the node exporter's textfile collector reads."""
import re

from conftest import wait_for
from machine import machine, service  # noqa: F401  fixtures

PLACE = "/run/registry-jobd-metrics"


def hurry(service, timer):
    """Some times a second instead of twice a minute."""
    service.box.write(f"/run/systemd/system/{timer}.d/test.conf",
                      "[Timer]\n# The first line takes all of them away.\nOnActiveSec=\n"
                      "OnActiveSec=100ms\nOnUnitInactiveSec=300ms\nAccuracySec=50ms\n")
    service.box.write(f"/run/systemd/system/{timer.replace('.timer', '.service')}.d/test.conf",
                      "[Unit]\nStartLimitIntervalSec=0\n")  # which otherwise is too often
    service.sh(f"rm -rf {PLACE}; systemctl daemon-reload")


def read(service, name):
    """As the node exporter does, which is somebody else; {metric with its labels: value}."""
    text = service.box.run("cat", f"{PLACE}/{name}", user="daemon", check=False).stdout
    return dict(re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE))


def test_metrics(service):
    """They are written again and again, whether the daemon runs or not, and others may read them."""
    hurry(service, "registry-jobd-metrics.timer")
    service.sh("systemctl start registry-jobd-metrics.timer")

    def wait_metric(key, value):
        """A CO without jobs may not be named at all."""
        def is_told():
            metrics = read(service, "registry-jobd.prom")
            return metrics.get("registry_jobd_database_up") == "1" and metrics.get(key, "0") == value
        wait_for(is_told, 30, f"{key} {value}", 0.1)
    waiting = 'registry_jobd_queue_waiting_jobs{co_id="2",co="Astro"}'
    wait_metric(waiting, "0")
    job = service.register(2, "Example.CountJob", "sleep_ms=600000")
    wait_metric(waiting, "1")
    service.start()
    wait_metric('registry_jobd_running_jobs{co_id="2",co="Astro"}', "1")
    wait_metric(waiting, "0")
    service.job("cancel", job)
    wait_metric('registry_jobd_running_jobs{co_id="2",co="Astro"}', "0")
    assert service.sh(f"stat -c %U {PLACE}/registry-jobd.prom") == "registry-jobd"
    service.sh("systemctl stop registry-jobd-metrics.timer")


def test_metrics_without_the_database(service):
    """That the database is away is a metric, and not an old file."""
    hurry(service, "registry-jobd-metrics.timer")
    service.db.close()
    service.sh("systemctl start registry-jobd-metrics.service")
    assert read(service, "registry-jobd.prom")["registry_jobd_database_up"] == "1"
    service.sh(f"systemctl stop {service.machine.postgres}; systemctl start registry-jobd-metrics || true")
    assert read(service, "registry-jobd.prom")["registry_jobd_database_up"] == "0"
    why = [entry["MESSAGE"] for entry in service.journal(_SYSTEMD_UNIT="registry-jobd-metrics.service")]
    assert any("connection to server" in line for line in why), why


def test_metrics_of_an_instance(service):
    """Beside the file of the others, with its own configuration, and its name in every metric."""
    hurry(service, "registry-jobd-metrics@one.timer")
    service.sh("cp /etc/registry-jobd/registry-jobd.conf /etc/registry-jobd/one.conf")
    service.sh("systemctl start registry-jobd-metrics.service registry-jobd-metrics@one.timer")
    for name, label in (("registry-jobd.prom", ""), ("registry-jobd.one.prom", '{registry="one"}')):
        wait_for(lambda n=name, key=f"registry_jobd_database_up{label}": read(service, n).get(key) == "1",
                 what=name)
