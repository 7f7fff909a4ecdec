"""The password of the database as a credential: nobody sees it, and the daemon has it."""
import pytest
from machine import machine, service  # noqa: F401  fixtures

PASSWORD = "correct horse battery staple"
STORED = "/etc/credstore/registry-jobd.password"


@pytest.fixture
def remote(service):
    """The service with a database that it reaches over TCP, and that asks for a password."""
    service.machine.as_owner(
        "psql -qd registry -c \"DO \\$\\$ BEGIN CREATE ROLE jobd LOGIN; EXCEPTION WHEN"
        " duplicate_object THEN NULL; END \\$\\$\" -c 'GRANT registry_jobd TO jobd'"
        f" -c \"SET password_encryption = 'scram-sha-256'; ALTER ROLE jobd PASSWORD '{PASSWORD}'\"")
    service.configure(conninfo="host=127.0.0.1 dbname=registry user=jobd", load="Example")
    return service


def test_without(remote):
    """Without a password: ready, refused, and the reason in the journal."""
    remote.start()
    remote.wait_status("the database refuses this daemon: see its log$")
    remote.wait_log("no password supplied")


def test_password(remote):
    """The file that only root reads is all that it takes."""
    remote.box.write(STORED, PASSWORD + "\n", 0o600)
    remote.sh("chmod 700 /etc/credstore")
    remote.start()
    remote.wait_status("database up$")
    # Root, who can read the file, needs no other way to the database.
    job = int(remote.sh("registry-job -c 2 -j Example.NoopJob"))
    assert remote.db.wait_final(job)[0]["status"] == "OK"
    seen = remote.sh(f"""
        for pid in $(pgrep -u registry-jobd); do cat /proc/$pid/environ /proc/$pid/cmdline; done
        journalctl --no-pager -q -o json; systemctl show registry-jobd
        """)
    assert PASSWORD not in seen and "registry-jobd" in seen
    assert not remote.box.run("setpriv", "--reuid=registry-jobd", "--clear-groups", "cat", STORED,
                              check=False).stdout


def test_wrong_password(remote):
    """The server's word is in the journal, the password is not."""
    remote.box.write(STORED, "wrong " + PASSWORD, 0o600)
    remote.start()
    remote.wait_status("the database refuses this daemon: see its log$")
    remote.wait_log("the database refuses the connection .*password authentication failed.*registry-jobd.password")
    assert PASSWORD not in remote.log()


def test_not_a_password(remote):
    """A file that cannot be one is refused at the start, with its name."""
    remote.box.write(STORED, "user:password\nanother line\n", 0o600)
    assert remote.systemctl("start", check=False).returncode
    assert remote.show("ExecMainStatus") == "78"
    remote.wait_log("credential registry-jobd.password: it must be one line")


def test_encrypted_password(remote):
    """The example's drop-in, with what systemd-creds has encrypted."""
    remote.sh(f"""
        mkdir -p /etc/credstore.encrypted
        printf %s '{PASSWORD}' | systemd-creds encrypt --with-key=host --name=registry-jobd.password - \\
            /etc/credstore.encrypted/registry-jobd.password 2>/dev/null
        grep -q '{PASSWORD}' /etc/credstore.encrypted/registry-jobd.password && exit 1
        mkdir -p /run/systemd/system/registry-jobd.service.d
        cp /usr/share/doc/registry-jobd/examples/encrypted-password.conf \\
            /run/systemd/system/registry-jobd.service.d/
        systemctl daemon-reload
        """)
    remote.start()
    remote.wait_status("database up$")
