"""A Debian package as tests look at it."""
import fcntl
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_PACKAGE = ROOT / "systemd" / "build-package"


def sh(*argv, check=True, **options):
    """Runs a program to its end; both its streams are in .stdout."""
    done = subprocess.run([str(arg) for arg in argv], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    assert not check or done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}"
    return done


def built_packages():
    """The directory with the packages: RJ_PACKAGE, or build/package, where the first of several
    processes of one run of pytest builds them."""
    if os.environ.get("RJ_PACKAGE"):
        return pathlib.Path(os.environ["RJ_PACKAGE"]).resolve()
    directory = ROOT / "build" / "package"
    directory.mkdir(parents=True, exist_ok=True)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    with open(directory / "lock", "a+", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not run or lock.read() != run:
            sh(BUILD_PACKAGE)
            lock.truncate(0)
            lock.write(run)
    return directory


class Package:
    """A .deb, what it says of itself, and its tree, unpacked."""

    def __init__(self, path, tree):
        self.path = path
        self.tree = tree
        self.control = tree / "DEBIAN"
        sh("dpkg-deb", "--raw-extract", path, tree)

    def field(self, name):
        return sh("dpkg-deb", "--field", self.path, name).stdout.strip()

    def members(self):
        """{path: (mode, owner)} of everything in it, as tar lists it."""
        found = {}
        for line in sh("dpkg-deb", "--contents", self.path).stdout.splitlines():
            mode, owner, _size, _day, _time, path = line.split(None, 5)
            found[path.removeprefix(".")] = (mode, owner)
        return found

    def paths(self):
        return sorted(path for path in self.members() if not path.endswith("/"))

    def find(self, pattern):
        """The one file of the unpacked tree that is called so."""
        found = list(self.tree.glob(pattern))
        assert len(found) == 1, (pattern, found)
        return found[0]

    def programs(self):
        """Whatever was compiled."""
        return [path for path in sorted(self.tree.rglob("*"))
                if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
