"""Processes by names that nobody else gets. Where workers die by the dozen a PID is given away again
within minutes; a PID together with the start ticks of its process is not.
"""
import collections
import contextlib
import os
import re
import select
import signal
import threading
import time
from pathlib import Path

Process = collections.namedtuple("Process", "pid ticks")


def identify(pid):
    """The process that has this PID now, a zombie included; None when there is none."""
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return Process(pid, int(stat.rpartition(")")[2].split()[19]))
    return None


def children(pid):
    """The children of a process, zombies included."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return {child for child in map(identify, map(int, words)) if child}
    return set()


def title(process):
    """What a list of processes shows."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        return text.replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def open_process(process):
    """A descriptor of this very process, or None when it is gone."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(process.pid)
        if identify(process.pid) == process:
            return descriptor
        os.close(descriptor)
    return None


def signal_process(process, number):
    """Sends a signal to this very process; whether it was there still."""
    descriptor = open_process(process)
    if descriptor is None:
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)


def find_heir(before, now, dead, title_of=title):
    """Who settles what the worker `dead` left, among the children that its supervisor had `before`
    that death, and has `now`: the new one whose title says so, or else the youngest new one. None
    when nobody was forked yet."""
    new = sorted(now - before, key=lambda child: (child.ticks, child.pid))
    named = [child for child in new
             if re.search(rf"settles what worker {dead.pid}\b", title_of(child))]
    return (named or new or [None])[-1]


class Deaths:
    """When each worker ended, on the monotonic clock: between which two looks. It finds new workers
    all the time; one that lives for less than the time between two looks is not in it."""

    def __init__(self, find_workers):
        self.find_workers = find_workers
        self.poll = select.poll()
        self.open = {}      # descriptor: process
        self.known = set()  # zombies among them: those are not to be found again
        self.times = {}     # process: (begin of the last look at it alive, of the first at it dead)
        self.is_closing = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def find_new(self):
        found = self.find_workers()
        for process in found - self.known:
            descriptor = open_process(process)
            if descriptor is not None:
                self.open[descriptor] = process
                self.poll.register(descriptor, select.POLLIN)
        self.known = found

    def run(self):
        entered = time.monotonic()
        while not self.is_closing:
            self.find_new()
            before, entered = entered, time.monotonic()  # what the last look did not find, lived
            for descriptor, _ in self.poll.poll(20):
                self.poll.unregister(descriptor)
                os.close(descriptor)
                self.times[self.open.pop(descriptor)] = (before, time.monotonic())

    def of(self, process):
        """(alive at, dead at), or None when nobody saw the end of it."""
        return self.times.get(process)

    def close(self):
        self.is_closing = True
        self.thread.join()
        for descriptor in self.open:
            os.close(descriptor)


class Noted:
    """The processes whose PIDs are added to a file, named while they live."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.processes = set()

    def read(self):
        """Looks at what was added since the last time."""
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(self.offset)
            text = file.read()
            text = text[:text.rfind(b"\n") + 1]  # the rest of a line comes later
            self.offset += len(text)
            self.processes.update(filter(None, map(identify, map(int, text.split()))))

    def living(self):
        return {process for process in self.processes if identify(process.pid) == process}
