#!/usr/bin/python3
"""A real systemd as the first process of namespaces of its own, on top of the machine's root file
system. Nothing that happens in it reaches the machine, and it is gone with the process that made it.
Needs root, and no network.

By hand: box.py COMMAND...    boots one, runs the command in it, and ends (try `bash`)
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GROUPS = pathlib.Path("/sys/fs/cgroup")
ENVIRONMENT = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "LC_ALL": "C.UTF-8",
               "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", "TERM": "dumb",
               "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
SLOW = float(os.environ.get("RJ_SLOW", "1"))  # a factor for all deadlines, as tests/conftest.py has it
BOOT_SECONDS = 60
PREFIX = "registry-jobd-box."  # then the PID of the maker


def missing():
    """Why no box can be booted here, or None."""
    if os.geteuid():
        return "a systemd of its own needs root"
    for tool in ("unshare", "nsenter", "setpriv", "pivot_root", "systemctl"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--net",
                            "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                           capture_output=True, text=True, check=False)
    return f"no namespaces of its own here: {tried.stderr.strip()}" if tried.returncode else None


def hierarchies():
    """Where control groups are made: the one hierarchy, or the old ones and the new one beside."""
    if (GROUPS / "cgroup.procs").exists():
        return [GROUPS]
    return [path for path in GROUPS.iterdir()
            if not path.is_symlink() and (path / "cgroup.procs").exists()]


def lives(pid):
    """Whether there is such a process, and not only its exit code."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def remove_group(group):
    """With those in it. The kernel lets go of a group a little after its last process."""
    end = time.monotonic() + 10
    while group.exists() and time.monotonic() < end:
        for path, _directories, _files in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if group.exists():
            time.sleep(0.01)


def sweep():
    """Removes what is left of boxes whose makers were killed: names, nothing that runs."""
    for place in (*hierarchies(), pathlib.Path(tempfile.gettempdir())):
        for path in place.glob(f"{PREFIX}*"):
            maker = path.name.split(".")[1]
            if not maker.isdigit() or pathlib.Path("/proc", maker).exists():
                continue
            if path.suffix == ".console":
                path.unlink(missing_ok=True)
            elif place.is_relative_to(GROUPS):
                remove_group(path)
            else:
                shutil.rmtree(path, ignore_errors=True)


class Box:
    """One booted systemd."""

    def __init__(self):
        sweep()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}."))
        self.console = self.directory.with_name(self.directory.name + ".console")
        self.groups = []
        self.outer = None
        self.pid = 0
        try:
            self._boot()
        except BaseException:
            self.stop()
            raise

    def _make_groups(self):
        for hierarchy in hierarchies():
            group = hierarchy / self.directory.name
            group.mkdir()
            self.groups.append(group)
            for name in ("cpuset.cpus", "cpuset.mems"):  # empty in a new group of the old kind
                if hierarchy.name == "cpuset":
                    (group / name).write_text((hierarchy / name).read_text())

    def _enter_groups(self):
        """In the child, before its namespaces are made: they begin here."""
        for group in self.groups:
            (group / "cgroup.procs").write_text("0")

    def _boot(self):
        self._make_groups()
        with open(self.console, "w", encoding="utf-8") as console:
            self.outer = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL",  # gone with this process, whatever ends it
                 "unshare", "--mount", "--propagation", "private", "--pid", "--ipc", "--uts",
                 "--cgroup", "--net", "--fork", "--kill-child=KILL",
                 str(HERE / "box-init"), str(self.directory), str(ROOT)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
                preexec_fn=self._enter_groups)
        end = time.monotonic() + BOOT_SECONDS * SLOW
        while not self._is_booted():
            assert self.outer.poll() is None and time.monotonic() < end, self._console()
            time.sleep(0.02)

    def _console(self):
        return "no systemd: " + self.console.read_text()

    def _is_booted(self):
        if not self.pid:
            children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
            self.pid = int((children.read_text().split() or ["0"])[0])
            return False
        with contextlib.suppress(FileNotFoundError):
            if pathlib.Path(f"/proc/{self.pid}/comm").read_text().strip() == "systemd":
                return self.run("systemctl", "is-active", "basic.target",
                                check=False).stdout.strip() == "active"
        return False

    def argv(self, *argv, user=None):
        """What runs a command inside; in the groups of the box first, or the namespace of these would
        show it outside."""
        enter = 'for g in "$@"; do [ "$g" = -- ] && break; echo 0 >"$g/cgroup.procs"; shift; done; shift; exec "$@"'
        who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        return ["sh", "-c", enter, "sh", *map(str, self.groups), "--",
                "nsenter", "-t", str(self.pid), "-m", "-p", "-i", "-u", "-n", "-C", "-r", "-w", "--",
                *who, *map(str, argv)]

    def run(self, *argv, check=True, user=None, timeout=60, env=None, **options):
        """Runs a command inside to its end; .stdout and .stderr are text."""
        done = subprocess.run(self.argv(*argv, user=user), env={**ENVIRONMENT, **(env or {})},
                              capture_output=True, text=True, timeout=timeout * SLOW, check=False,
                              **{"stdin": subprocess.DEVNULL, **options} if "input" not in options
                              else options)
        assert not check or done.returncode == 0, \
            f"{argv}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def sh(self, script, **options):
        """Runs lines of bash; the standard output, without its last end of line."""
        return self.run("bash", "-euo", "pipefail", "-c", script, **options).stdout.rstrip("\n")

    def write(self, path, text, mode=0o644):
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"', "sh",
                 path, f"{mode:o}", input=text)

    def path(self, path):
        """A file of the box, as seen from outside."""
        return pathlib.Path(f"/proc/{self.pid}/root{path}")

    def stop(self):
        """Everything in it is killed with its first process."""
        if self.outer:
            self.outer.kill()
            self.outer.wait()
        end = time.monotonic() + 10
        while lives(self.pid) and time.monotonic() < end:  # a moment longer than its parent
            time.sleep(0.01)
        for group in self.groups:
            remove_group(group)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.console.unlink(missing_ok=True)


def main():
    reason = missing()
    if reason:
        sys.exit(f"box: {reason}")
    box = Box()
    try:
        done = subprocess.run(box.argv(*(sys.argv[1:] or ["bash"])), env=ENVIRONMENT, check=False)
    finally:
        box.stop()
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
