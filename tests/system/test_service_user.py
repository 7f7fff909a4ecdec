"""doctor as root: what the user of the service meets, by a login of its own. The user is one of a
list of users that only the command sees."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import COMMAND, ROLES

USER, UID = "registry-jobd", 61234


def cannot():
    if os.geteuid():
        return "needs root"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"no namespace of its own: {tried.stderr.strip()}" if tried.returncode else None


pytestmark = pytest.mark.skipif(cannot() is not None, reason=str(cannot()))


@pytest.fixture
def place():
    """A directory that everybody can enter."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="rj-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def roles(cluster):
    """Those of README: root's and the service's, which log in by their names."""
    for name in ("root", USER):
        cluster.admin(f'CREATE ROLE "{name}" LOGIN')
        cluster.admin(f'GRANT registry_jobd TO "{name}"')
    cluster.admin(f'GRANT registry_jobd_nester TO "{USER}"')
    yield cluster
    for name in ("root", USER):
        cluster.admin(f'DROP ROLE IF EXISTS "{name}"')


@pytest.fixture
def doctor(empty_queue, roles, place):
    """doctor(): {(check, result): (text, remedy)} as root."""
    config = place / "own.conf"
    users = place / "passwd"
    users.write_text("".join(line for line in pathlib.Path("/etc/passwd").read_text().splitlines(True)
                             if not line.startswith(f"{USER}:"))
                     + f"{USER}:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin\n")

    def write(conninfo=f"host={roles.dir} dbname={empty_queue.name}", mode=0o644):
        config.write_text(f"[database]\nconninfo = {conninfo}\n")
        config.chmod(mode)

    def run():
        done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/passwd; shift;'
                               ' exec "$@"', "sh", users, COMMAND, "--config", run.config, "doctor", "--json"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False, env={**os.environ, "PGUSER": "root"})
        assert not done.stderr, done.stderr
        return {(f["check"], f["result"]): (f["text"], f["remedy"]) for f in json.loads(done.stdout)["checks"]}

    run.write, run.config = write, config
    write()
    return run


def of_the_service(found):
    return {result: finding for (check, result), finding in found.items() if check == "service"}


def test_well(doctor):
    """Silent, and nothing is missed in root's own role that only the daemon's needs."""
    found = doctor()
    assert list(of_the_service(found)) == ["ok"]
    # A session of another test may be in a transaction.
    assert {key for key in found if key[1] != "ok"} <= {("daemons", "warning"), ("transactions", "notice")}
    assert found["daemons", "warning"][1] == "systemctl start registry-jobd"


def test_revoked(doctor, roles):
    """The rights are missing in the service's role alone: the remedy names it, and is the daemon's."""
    for role in ROLES:
        roles.admin(f'REVOKE {role} FROM "{USER}"')
    found = doctor()
    text, remedy = of_the_service(found)["error"]
    assert text.startswith(f"as the user {USER}: {USER} lacks ")
    assert f"'GRANT registry_jobd TO \"{USER}\"'" in remedy
    assert ("rights", "ok") in found and found["daemons", "warning"][1] == remedy


def test_no_role(doctor, roles):
    """It is refused, and root is not."""
    roles.admin(f'DROP ROLE "{USER}"')
    found = doctor()
    text, remedy = of_the_service(found)["error"]
    assert f'role "{USER}" does not exist' in text and f'CREATE ROLE "{USER}" LOGIN' in remedy
    assert found["daemons", "warning"][1] == remedy


def test_configuration_for_root_only(doctor):
    """The daemon cannot read it."""
    doctor.write(mode=0o600)
    found = doctor()
    text, remedy = of_the_service(found)["error"]
    assert "Permission denied" in text and f"chgrp {USER}" in remedy
    assert found["daemons", "warning"][1] == remedy


def test_no_server(doctor, place):
    """Who asks meets the same: said once."""
    doctor.write(f"host={place} dbname=x")
    found = doctor()
    assert ("connection", "error") in found and not of_the_service(found)


def test_root_is_refused(doctor, roles):
    """The service is let in all the same, and that is said."""
    roles.admin("DROP ROLE root")
    found = doctor()
    assert ("connection", "error") in found and list(of_the_service(found)) == ["ok"]


def test_root_is_refused_and_the_schema_is_missing(doctor, roles, plain_db):
    """What only the service has seen is said."""
    roles.admin("DROP ROLE root")
    doctor.write(f"host={roles.dir} dbname={plain_db.name}")
    text, remedy = of_the_service(doctor())["error"]
    assert "schema jobd is not installed" in text and "schema install" in remedy


def test_no_conninfo(doctor):
    """Then variables of the unit may say everything, which nobody knows here."""
    doctor.write("")
    assert not of_the_service(doctor())


def test_relative_path(doctor, monkeypatch, place):
    """The child, which begins elsewhere, reads the same configuration."""
    monkeypatch.chdir(place)
    doctor.config = "own.conf"
    assert list(of_the_service(doctor())) == ["ok"]


def test_a_role_is_named(doctor, roles, empty_queue):
    """Then the service logs in as who asks does."""
    doctor.write(f"host={roles.dir} dbname={empty_queue.name} user=jobd")
    assert not of_the_service(doctor())
