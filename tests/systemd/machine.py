"""A machine for the tests of the service: a box with the built packages, and PostgreSQL as a service
of its own with the shipped database, set up as README tells an administrator.

Environment: RJ_PACKAGE, the directory with the packages, which otherwise are built; RJ_BOX=required
makes a failure of what would be left out where no systemd can be booted.
"""
import atexit
import functools
import glob
import json
import os
import pathlib
import re
import sys
import tempfile

import pytest
from box import ROOT, Box, missing
from conftest import DATA, Database, wait_for, write_config

sys.path.append(str(ROOT / "tests" / "package"))
from deb import built_packages  # noqa: E402

UNIT = "registry-jobd"
CONFIG = "/etc/registry-jobd/registry-jobd.conf"
DROP_INS = "/run/systemd/system"
# Short enough for tests; nothing here waits for a sweep.
SETTINGS = {"conninfo": "dbname=registry", "load": "CoreJob Example", "workers": 2, "sweep": "1s",
            "heartbeat": "1s", "lease": "3s", "cancel_poll": "1s"}


@functools.cache
def package(name):
    found = sorted(glob.glob(f"{built_packages()}/{name}_*.deb"))
    assert len(found) == 1, f"one {name}_*.deb, not {found}"
    return found[0]


class Machine:
    """The box, what runs in it, and its database."""

    def __init__(self):
        self.box = Box()
        atexit.register(self.box.stop)
        self.sh = self.box.sh
        self.version = self.sh("ls /usr/lib/postgresql | sort -V | tail -n 1")
        self.postgres = f"postgresql@{self.version}-main"
        self._set_up_postgres()
        self.install(package("registry-jobd"), package("registry-jobd-dev"))
        self.as_owner("createuser registry-jobd", "createuser registry",
                      "createdb -O registry registry")
        self.box.run("psql", "-qX", "-d", "registry", "-o", "/dev/null", user="postgres",
                     input="SET client_min_messages = warning; SET ROLE registry;" + DATA.read_text(), env={"HOME": "/"})
        self.grant("registry")
        self.db = Database(self, "registry")
        self.files = self.sh("find /etc/systemd /run/systemd/system -type f -o -type l | sort")

    def _set_up_postgres(self):
        """A new cluster, whatever the machine has; the tests' own way in comes first."""
        self.sh(f"""
            rm -rf /etc/postgresql/*
            pg_createcluster --datadir=/var/lib/postgresql/box {self.version} main -- --no-sync >/dev/null
            echo 'local all postgres,registry trust' >/etc/postgresql/{self.version}/main/first
            cat /etc/postgresql/{self.version}/main/pg_hba.conf >>/etc/postgresql/{self.version}/main/first
            mv /etc/postgresql/{self.version}/main/first /etc/postgresql/{self.version}/main/pg_hba.conf
            chown -R postgres /etc/postgresql/{self.version}/main
            echo 'fsync = off' >>/etc/postgresql/{self.version}/main/postgresql.conf
            systemctl daemon-reload
            systemctl start {self.postgres}
            """)

    def install(self, *packages):
        inside = []
        for path in map(pathlib.Path, packages):
            (self.box.path("/tmp") / path.name).write_bytes(path.read_bytes())
            inside.append(f"/tmp/{path.name}")
        self.box.run("dpkg", "--force-confold", "-i", *inside,
                     env={"DEBIAN_FRONTEND": "noninteractive"})

    def as_owner(self, *commands):
        """Shell commands as the database's superuser, who is not the owner of the tables."""
        for command in commands:
            self.box.run("sh", "-c", f"cd / && {command}", user="postgres")

    def grant(self, database):
        """The schema, and the rights of the daemon's user."""
        self.as_owner(f"PGDATABASE={database} registry-job --config /dev/null schema install",
                      f"registry-job schema roles | psql -q {database}",
                      f"psql -qd {database} -c 'GRANT registry_jobd, registry_jobd_nester TO \"registry-jobd\"'")

    # As tests/conftest.py's Database wants it.

    def conninfo(self, database, user="postgres"):
        """The tests' own connections; the daemon's is in its configuration."""
        return f"host={self.box.path('/run/postgresql')} dbname={database} user={user}"


@functools.cache
def the_machine():
    """One for all tests of a process."""
    return Machine()


class Service:
    """registry-jobd.service, or an instance, with its configuration and its jobs."""

    def __init__(self, machine, unit=UNIT, config=CONFIG, database="registry"):
        self.machine = machine
        self.box = machine.box
        self.sh = machine.sh
        self.unit = unit
        self.config = config
        self.database = database
        self.db = machine.db if database == "registry" else Database(machine, database)
        self.configure()

    def configure(self, exec_models=(), limits=None, **settings):
        settings = {**SETTINGS, "conninfo": f"dbname={self.database}", **settings}
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as file:
            write_config(pathlib.Path(file.name), exec_models, limits, **settings)
            self.box.write(self.config, file.read())

    def drop_in(self, text, name="test"):
        """Lines for [Service] in a drop-in, as `systemctl edit --runtime` would write them."""
        self.box.write(f"{DROP_INS}/{self.unit}.service.d/{name}.conf", f"[Service]\n{text}\n")
        self.sh("systemctl daemon-reload")

    def systemctl(self, *args, **options):
        return self.box.run("systemctl", *args, self.unit, **options)

    def start(self):
        self.systemctl("start")
        return self

    def show(self, name):
        return self.systemctl("show", "--value", "-p", name).stdout.strip()

    def status(self):
        return self.show("StatusText")

    def wait_status(self, pattern, timeout=20):
        wait_for(lambda: re.search(pattern, self.status()), timeout, f"status {pattern!r}", 0.05)

    def wait_state(self, state, timeout=20):
        wait_for(lambda: self.show("ActiveState") == state, timeout, f"{self.unit} {state}", 0.05)

    def main_pid(self):
        """As the box sees it."""
        return int(self.show("MainPID"))

    def pids(self):
        """Of all processes of the service."""
        path = self.show("ControlGroup")
        assert path, f"{self.unit} has no control group"
        # In the hierarchy that is systemd's own, or in the one for everything: the other is not there.
        return [int(pid) for pid in self.sh(
            f"find /sys/fs/cgroup/systemd{path} /sys/fs/cgroup{path} -name cgroup.procs -exec cat {{}} +"
            " 2>/dev/null || true").split()]

    def pids_left(self):
        """Whether any process of the user is there."""
        return self.box.run("pgrep", "-u", "registry-jobd", check=False).stdout.split()

    def job(self, *args, check=True):
        """registry-job, as the daemon's user; its standard output."""
        return self.box.run("env", "-C", "/", "registry-job", "--config", self.config, *args,
                            user="registry-jobd", check=check).stdout.strip()

    def register(self, co, model, *params):
        return int(self.job("-c", co, "-j", model, *params))

    def running(self, co=2, sleep_ms=600000, *params):
        """A job that has begun."""
        job = self.register(co, "Example.CountJob", f"sleep_ms={sleep_ms}", *params)
        self.db.wait_status(job, "GO")
        return job

    def journal(self, **fields):
        """Entries of the journal since the test began, each a dictionary. (journalctl itself would
        leave out the first one behind a cursor that its match does not match.)"""
        self.sh("journalctl --sync")
        lines = self.sh(f"journalctl --no-pager -q -o json --after-cursor='{self.cursor}'")
        entries = (json.loads(line) for line in lines.splitlines())
        return [entry for entry in entries
                if all(entry.get(name) == str(value) for name, value in fields.items())]

    def log(self):
        return "\n".join(entry["MESSAGE"] for entry in self.journal(_SYSTEMD_UNIT=f"{self.unit}.service"))

    def wait_log(self, pattern, timeout=20):
        wait_for(lambda: re.search(pattern, self.log()), timeout, f"{pattern!r} in the journal", 0.1)

    def wait_entry(self, timeout=20, **fields):
        return wait_for(lambda: self.journal(**fields), timeout, f"{fields} in the journal", 0.1)


def clean(machine):
    """As it was before any test."""
    db = machine.db
    machine.sh(f"""
        systemctl kill -s KILL 'registry-job*' 2>/dev/null || true
        systemctl stop 'registry-job*'
        rm -rf {DROP_INS}/registry-job* /etc/systemd/system/registry-job* \\
            /etc/systemd/system/*.wants/registry-job* /etc/credstore*/registry-jobd* \\
            /var/lib/systemd/timers/stamp-registry-job*
        find /etc/registry-jobd -name '*.conf' ! -name registry-jobd.conf -delete
        systemctl daemon-reload
        systemctl reset-failed
        systemctl start {machine.postgres}
        """)
    db.close()
    db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"  # locks that a test has left
           " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
    db.sql("DELETE FROM public.job_history_records")
    db.sql("UPDATE public.jobs SET requeued_from_job_id = NULL, job_id = NULL")
    db.sql("DELETE FROM public.jobs")
    db.sql("DELETE FROM jobd.lane")
    db.sql("DELETE FROM jobd.supervisor")
    db.sql("DELETE FROM jobd.registration")


@pytest.fixture
def machine():
    """The machine, clean before the test and after it; its journal is told when the test fails."""
    reason = missing()
    if reason and os.environ.get("RJ_BOX") == "required":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    found = the_machine()
    clean(found)
    yield found
    clean(found)


@pytest.fixture
def service(machine):
    """The service with a configuration for tests; not started."""
    made = Service(machine)
    made.cursor = machine.sh("journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p'")
    yield made
    print(machine.sh(f"journalctl --no-pager -q -o short-monotonic --after-cursor='{made.cursor}' "
                     "| tail -n 60"))
