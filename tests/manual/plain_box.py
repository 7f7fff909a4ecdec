"""A plain box, which has no systemd: this machine with a Registry's database, and the programs installed or not.

Namespaces without a network, with layers in memory over the usual directories (plain-box-init makes them),
so that examples run as they stand: they write to /etc, install into /usr, start daemons, and all of
it is gone with the box. The database is at PostgreSQL's usual socket.
"""
import contextlib
import importlib.util
import os
import pathlib
import subprocess
import tempfile

from blocks import ROOT


def load_harness():
    """tests/conftest.py; by its path, because other folders of tests have a conftest as well."""
    spec = importlib.util.spec_from_file_location("harness_of_manual", ROOT / "tests/conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HARNESS = load_harness()
SLOW, wait_for = HARNESS.SLOW, HARNESS.wait_for
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIG = "/etc/registry-jobd/registry-jobd.conf"
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR")


def missing():
    """What a box lacks here; "" when it has all."""
    if os.geteuid() != 0:
        return "a box needs root"
    trial = "mkdir $0/u $0/w $0/m && mount -t tmpfs t $0/m && mkdir $0/m/u $0/m/w && " \
            "mount -t overlay o /etc -o lowerdir=/etc,upperdir=$0/m/u,workdir=$0/m/w"
    with tempfile.TemporaryDirectory(prefix="rj-manual-") as scratch:
        done = subprocess.run(["unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "sh", "-c", trial, scratch],
                              capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no layers to be had here: {done.stderr.strip()}"


class Failed(AssertionError):
    """A block did not do what it is there for."""


class Box:
    def __init__(self, is_installed=True):
        self.scratch = tempfile.mkdtemp(prefix="rj-manual-", dir="/tmp")
        self.log = open(os.path.join(tempfile.gettempdir(), f"{os.path.basename(self.scratch)}.log"),
                        "w+", encoding="utf-8")
        os.unlink(self.log.name)
        self.cwd = "/root/work"
        self.env = {"PATH": PATH, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8",
                    **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}
        self.unshare = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork",
             "--net", "--ipc", "--kill-child", "--mount-proc", str(pathlib.Path(__file__).parent / "plain-box-init"),
             self.scratch, str(ROOT), *([str(HARNESS.BUILD.resolve())] if is_installed else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.env,
            cwd="/")
        if self.unshare.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError(f"no box: {self.said()}")
        children = f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children"
        self.first = pathlib.Path(children).read_text(encoding="ascii").split()[0]
        self.run(f"mkdir -p {self.cwd}", cwd="/")

    def said(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.unshare.stdin.close()
        try:
            self.unshare.wait(30)
        except subprocess.TimeoutExpired:
            self.unshare.kill()
            self.unshare.wait()
        self.unshare.stdout.close()
        self.log.close()
        with contextlib.suppress(OSError):
            os.rmdir(self.scratch)

    def command(self, script, cwd=None):
        return ["nsenter", "--target", self.first, "--mount", "--pid", "--net", "--ipc", "--", "env", "-C",
                cwd or self.cwd, "bash", "-euo", "pipefail", "-c", script]

    def run(self, script, cwd=None, timeout=60, codes=(0,), env=None):
        """Runs a script as root with bash -euo pipefail; returns what it printed."""
        done = subprocess.run(self.command(script, cwd), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=timeout * SLOW, check=False,
                              env={**self.env, **(env or {})})
        if done.returncode not in codes:
            raise Failed(f"exit code {done.returncode}, not {codes}:\n{script}\n"
                         f"-- output:\n{done.stdout}\n-- errors:\n{done.stderr}")
        return done

    def write(self, path, text, mode=0o644):
        """A file in the box; a relative path is one in the reader's directory."""
        script = 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod "$1" "$0"'
        subprocess.run([*self.command(script), str(path), f"{mode:o}"], input=text, text=True,
                       check=True, timeout=30, env=self.env)

    def sql(self, statement):
        """Of the database, as its superuser; the output without decoration."""
        return self.run('runuser -u postgres -- psql -qAtXd registry -U postgres -v ON_ERROR_STOP=1'
                        ' -c "$SQL"', env={"SQL": statement}).stdout.strip()

    def start(self, script):
        """Something that goes on running; it ends with the box at the latest."""
        subprocess.run(self.command(f"{{ {script}; }} &"), stdin=subprocess.DEVNULL, check=True,
                       stdout=self.log, stderr=self.log, env=self.env, timeout=30)

    def start_journal(self):
        """A journal of the box's own, which nobody outside sees or hears of."""
        self.write("/etc/systemd/journald.conf",
                   "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\nForwardToSyslog=no\n"
                   "ForwardToConsole=no\nForwardToWall=no\n")
        self.run("mkdir -p /run/systemd/journal /run/log/journal")
        self.start("SYSTEMD_LOG_TARGET=null exec /usr/lib/systemd/systemd-journald")
        wait_for(lambda: not self.run("test -S /run/systemd/journal/stdout", codes=(0, 1)).returncode,
                 20, "a journal")

    def start_daemon(self, user="root"):
        """registry-jobd with its log in the journal, as systemd would start it."""
        self.run(f"install -d -o {user} -m 750 /var/lib/registry-jobd")
        self.start(f"cd /var/lib/registry-jobd && exec runuser -u {user} -- systemd-cat bash -c '"
                   "export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec registry-jobd'")
        wait_for(lambda: self.sql("SELECT count(*) FROM jobd.supervisor") != "0", 30, "a daemon")

    def wait_status(self, job, *statuses):
        query = f"SELECT status FROM jobs WHERE id = {job}"
        return wait_for(lambda: self.sql(query) in statuses, 30, f"job {job} in {statuses}")
