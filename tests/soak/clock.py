"""The server's clock, which is set now and then, and the monotonic one, by which the soak judges."""
import os
import shutil
import struct
import tempfile
import time
from pathlib import Path

import conftest

LIBRARY = conftest.BUILD / "tests/soak/libsoak-clock.so"


class SettableCluster(conftest.Cluster):
    """A PostgreSQL whose clock can be set (clock.c). Its intervals go on as those of the host."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="rj-clock-", dir="/tmp"))
        self.directory.chmod(0o755)
        library = shutil.copy(LIBRARY, self.directory)  # where the server's user can read it
        setting = self.directory / "ahead"
        setting.write_bytes(struct.pack("q", 0))
        self.setting = open(setting, "r+b", buffering=0)
        self.env = {**os.environ, "LD_PRELOAD": library, "SOAK_CLOCK": str(setting)}
        super().__init__()

    def set(self, seconds):
        """Ahead of the host's clock, or behind it."""
        os.pwrite(self.setting.fileno(), struct.pack("q", seconds * 10**9), 0)

    def remove(self):
        super().remove()
        self.setting.close()
        shutil.rmtree(self.directory)


def new_cluster(only):
    """One whose clock can be set, where such faults are wanted."""
    is_wanted = LIBRARY.exists() and (not only or only.startswith("clock"))
    return SettableCluster() if is_wanted else conftest.Cluster()


class Clock:
    """What the server's clock showed at each moment."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.is_settable = isinstance(cluster, SettableCluster)
        self.ahead = 0  # of the host's clock, in seconds
        self.offset = time.time() - time.monotonic()
        self.uptime_offset = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) \
            - time.monotonic()
        self.settings = [(0, self.offset)]  # (since when, what it shows more than the monotonic clock)

    def set(self, seconds):
        """Forward, or back."""
        self.ahead += seconds
        self.cluster.set(self.ahead)
        self.settings.append((time.monotonic(), self.offset + self.ahead))

    def of_uptime(self, uptime):
        """The monotonic time."""
        return uptime - self.uptime_offset

    def shows(self, at):
        return at + [offset for begin, offset in self.settings if begin <= at][-1]

    def falls_due(self, due, since):
        """From when on a job that was registered `since` is due. When it is at once, it stays so;
        otherwise it waits, once more when the clock is set back."""
        if self.shows(since) >= due:
            return since
        at = end = float("inf")
        for begin, offset in reversed(self.settings):
            reached = max(due - offset, begin)
            if reached >= end:
                break
            at, end = reached, begin
            if reached > begin:
                break
        return max(at, since)
