"""Several hosts on one machine, and a proxy in front of PostgreSQL: what the tests of faults and
the soak do their harm with.

A Host of the Lab is a network namespace and a host name of its own, joined to the namespace in
which PostgreSQL listens by a cable that can be cut: then packets vanish, as they do when a switch
dies, and nobody is told. Nothing of it has a name outside: each namespace lives as long as one
sleeping process of ours, which the kernel ends with the test's, so that nothing is left behind.

That needs root. Without it a LightHost does what it can: the same host name for all, and a Proxy
instead of a cable. RJ_LIGHT=1 asks for that as root, too.

    lab = Lab()
    lab.adopt(cluster)                          # PostgreSQL moves in, and listens at lab.ADDRESS
    host = lab.host("alpha")
    daemon = host.run(config, log_path)         # conninfo = host.conninfo(database)
    host.cut(); host.rejoin()
    host.freeze(supervisor=True, workers=False); host.thaw()
    host.kill()
    lab.close()
"""
import contextlib
import os
import pathlib
import re
import select
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import psycopg2
import pytest

from conftest import (DEFAULTS, HOST, LOGIN, PROCESSES, SECTIONS, SLOW, Cluster, Daemon, insert_job,
                      run_command, wait_for, write_config)

SECTIONS.setdefault("listen", "database")

SO_TIMESTAMP = 29  # <asm-generic/socket.h>; Python does not name it


def missing():
    """What a Lab lacks here; "" when it has all."""
    if os.geteuid() != 0:
        return "hosts of their own need root"
    for program in ("ip", "nsenter", "unshare", "setpriv"):
        if not shutil.which(program):
            return f"hosts of their own need the program {program}"
    done = subprocess.run(["unshare", "--net", "--uts", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "no namespaces to be had here"


# ---- hosts ----

class Namespace:
    """A network and a host name, for as long as a sleeping process lives."""

    def __init__(self, name):
        self.sleeper = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--uts", "sh", "-c",
             f"hostname {name} && ip link set lo up && echo up && exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.sleeper.stdout.readline() != "up\n":
            self.close()
            raise RuntimeError(f"no namespace for {name}")
        self.pid = self.sleeper.pid
        self.enter = ["nsenter", "--target", str(self.pid), "--net", "--uts", "--"]

    def ip(self, *args):
        subprocess.run([*self.enter, "ip", *map(str, args)], check=True, timeout=30,
                       stdin=subprocess.DEVNULL)

    def close(self):
        self.sleeper.kill()
        self.sleeper.wait()
        self.sleeper.stdout.close()


class BaseHost:
    """What all hosts can: their daemons are started, frozen and killed."""

    prefix = ()

    def __init__(self, name):
        self.name = name
        self.daemons = []

    def run(self, config, log_path, env=None, settings=None):
        """Starts a registry-jobd; it is not ready yet (Daemon.wait_ready)."""
        daemon = Daemon(f"{self.name}-{len(self.daemons) + 1}", config, log_path, env, settings,
                        prefix=self.prefix)
        self.daemons.append(daemon)
        return daemon

    def living(self):
        return [daemon for daemon in self.daemons if daemon.process.poll() is None]

    def workers(self):
        return [pid for daemon in self.living() for pid in daemon.workers()]

    def command(self, config, *args, **kwargs):
        """Runs registry-job here."""
        return run_command(config, *args, prefix=self.prefix, **kwargs)

    def freeze(self, supervisor=True, workers=True):
        """SIGSTOP, the supervisor first: it is not to see that its workers stop. Returns the PIDs."""
        pids = []
        for daemon in self.living():
            if supervisor:
                pids.append(daemon.pid)
                send(daemon.pid, signal.SIGSTOP)
            if workers:
                for pid in daemon.workers():
                    pids.append(pid)
                    send(pid, signal.SIGSTOP)
        return pids

    def thaw(self, *pids):
        """SIGCONT to these, or to everything: workers first, which have the least time."""
        for pid in pids or [*self.workers(), *[daemon.pid for daemon in self.living()]]:
            send(pid, signal.SIGCONT)

    def kill(self):
        """SIGKILL to everything of this host, as if its power had failed."""
        pids = self.freeze()
        for pid in pids:
            send(pid, signal.SIGKILL)
        for daemon in self.daemons:
            daemon.process.wait(30)
        wait_for(lambda: not any(is_alive(pid) for pid in pids), what="everything killed")

    def close(self):
        self.thaw()
        for daemon in self.daemons:
            daemon.kill()


class Host(BaseHost):
    """A host of its own. Needs root."""

    def __init__(self, lab, name, number):
        super().__init__(name)
        self.lab = lab
        self.address = f"{Lab.NET}.{number + 10}"
        self.port = f"port{number}"
        self.is_cut = False
        self.namespace = Namespace(name)
        self.prefix = self.namespace.enter
        lab.server.ip("link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns",
                      self.namespace.pid)
        self.namespace.ip("addr", "add", f"{self.address}/24", "dev", "eth0")
        self.namespace.ip("link", "set", "eth0", "up")
        lab.server.ip("link", "set", self.port, "master", "switch", "up")
        # Who is looked for and not found is "no route to host" after 3 s: too easy.
        self.namespace.ip("neigh", "replace", Lab.ADDRESS, "lladdr", Lab.MAC, "dev", "eth0",
                          "nud", "permanent")

    def conninfo(self, database, user=LOGIN):
        return (f"host={Lab.ADDRESS} port=5432 dbname={database} user={user} sslmode=disable"
                " gssencmode=disable")

    def cut(self):
        """Packets vanish in both directions from now on."""
        self.lab.server.ip("link", "set", self.port, "nomaster")
        self.is_cut = True

    def rejoin(self):
        self.lab.server.ip("link", "set", self.port, "master", "switch")
        self.is_cut = False

    def close(self):
        super().close()
        self.namespace.close()


class Lab:
    """The network of the hosts, with PostgreSQL in the middle."""

    NET = "10.99.0"  # in the namespaces only, so that many labs have the same
    ADDRESS = NET + ".1"
    MAC = "02:00:00:00:00:01"
    NAMES = ("alpha", "beta", "gamma", "delta")
    is_light = False

    def __init__(self):
        self.hosts = []
        self.count = 0
        self.cluster = None
        self.server = Namespace("postgres")
        self.server.ip("link", "add", "switch", "address", self.MAC, "type", "bridge",
                       "stp_state", "0")
        self.server.ip("addr", "add", f"{self.ADDRESS}/24", "dev", "switch")
        self.server.ip("link", "set", "switch", "up")

    def adopt(self, cluster):
        """PostgreSQL moves in. Its socket serves everybody outside as before."""
        self.cluster = cluster
        self.outside = cluster.as_postgres
        cluster.stop("fast")
        cluster.as_postgres = [*self.server.enter, *cluster.as_postgres]
        with open(cluster.data / "pg_hba.conf", "a", encoding="utf-8") as file:
            file.write(f"host all,replication all {self.NET}.0/24 trust\n")
        self._listen(self.ADDRESS)
        cluster.start()

    def _listen(self, address):
        with open(self.cluster.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"listen_addresses = '{address}'\n")

    def host(self, name=None):
        self.count += 1
        host = Host(self, name or self.NAMES[len(self.hosts)], self.count)
        self.hosts.append(host)
        return host

    def clear(self):
        """Removes all hosts."""
        while self.hosts:
            self.hosts.pop().close()

    def close(self):
        self.clear()
        if self.cluster:  # it runs on, and is stopped and started outside from now on
            self.cluster.as_postgres = self.outside
            self._listen("")
        self.server.close()


class LightHost(BaseHost):
    """Several daemons on this host, and a proxy instead of a cable."""

    def __init__(self, lab):
        super().__init__(HOST)
        self.proxy = Proxy(lab.cluster.dir / ".s.PGSQL.5432")
        self.is_cut = False

    def conninfo(self, database, user=LOGIN):
        return self.proxy.conninfo(database, user)

    def cut(self):
        self.proxy.black_hole()
        self.is_cut = True

    def rejoin(self):
        # What was sent meanwhile is lost, and so is the connection.
        self.proxy.cut()
        self.proxy.forward()
        self.is_cut = False

    def close(self):
        super().close()
        self.proxy.close()


class LightLab:
    """A Lab without root."""

    is_light = True

    def __init__(self):
        self.hosts = []
        self.cluster = None

    def adopt(self, cluster):
        self.cluster = cluster

    def host(self, _name=None):
        host = LightHost(self)
        self.hosts.append(host)
        return host

    clear = Lab.clear
    close = Lab.clear


def new_lab():
    """The best that can be had here."""
    return LightLab() if os.environ.get("RJ_LIGHT") or missing() else Lab()


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def is_alive(pid):
    """Whether the process runs or may run again; one that only waits to be reaped does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    return False


# ---- another PostgreSQL ----

class Standby(Cluster):
    """A streaming replica, for which the primary waits at every commit."""

    def __init__(self, primary):  # pylint: disable=super-init-not-called
        self.primary = primary
        self.bin = primary.bin
        self.as_postgres = primary.as_postgres
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="rj-standby-", dir="/tmp"))
        self.dir.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres")
        self.data = self.dir / "data"
        self.run("pg_basebackup", "-D", self.data, "-R", "-h", primary.dir, "-U", "postgres",
                 "-c", "fast", "--no-sync")
        with open(self.data / "postgresql.auto.conf", "a", encoding="utf-8") as file:
            file.write(f"unix_socket_directories = '{self.dir}'\nlisten_addresses = ''\n"
                       "synchronous_standby_names = ''\n")
        self.start()
        self._expect("*")
        wait_for(lambda: self._is_synchronous(), what="a synchronous standby")

    def _expect(self, names):
        with open(self.primary.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"synchronous_standby_names = '{names}'\n")
        with contextlib.suppress(RuntimeError):  # it may be dead
            self.primary.run("pg_ctl", "-D", self.primary.data, "reload")

    def _is_synchronous(self):
        conn = psycopg2.connect(self.primary.conninfo("postgres", "postgres"))
        try:
            cursor = conn.cursor()
            cursor.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            return cursor.fetchone()[0]
        finally:
            conn.close()

    def promote(self):
        self.run("pg_ctl", "-D", self.data, "-w", "promote")

    def remove(self):
        self._expect("")
        super().remove()


def power_off(cluster):
    """SIGKILL to all processes of a PostgreSQL; start() lets it recover."""
    pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
    send(pid, signal.SIGSTOP)
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pids = [pid, *map(int, children)]
    for one in pids:
        send(one, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(one) for one in pids), what="PostgreSQL killed")
    # Where nobody reaps it, it looks alive to the next one: a PID that is surely free instead.
    free = subprocess.Popen(["true"])
    free.wait()
    lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    (cluster.data / "postmaster.pid").write_text("\n".join([str(free.pid), *lines[1:]]) + "\n")
    (cluster.dir / ".s.PGSQL.5432.lock").unlink()


def add_all(db, jobs, plugin="Example.CountJob", **columns):
    """Rows of (CO, parameters) in one transaction; their ids."""
    conn = db.connect(autocommit=False)
    with conn, conn.cursor() as cursor:
        ids = [insert_job(cursor, co, plugin, params, **columns) for co, params in jobs]
    conn.close()
    return ids


# ---- a proxy in front of PostgreSQL ----

class Link:
    """A client and the server that it was connected to."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.application = ""
        self.has_begun = False
        self.hole = None    # of this connection alone: "both" or "replies"
        self.waiting = []  # (when, to whom, bytes), delayed

    def note_start(self, data):
        """Reads the name out of the packet with which a client begins."""
        self.has_begun = True
        words = data[8:].split(b"\0")
        values = dict(zip(words[::2], words[1::2]))
        self.application = values.get(b"application_name", b"").decode(errors="replace")

    def matches(self, application):
        return application is None or bool(re.search(application, self.application))


class Proxy:
    """A PostgreSQL that can vanish. `target` is the path of its socket, or (address, port).

    It listens on a socket in a directory of its own; with tcp=True on a port of the loopback
    address. All faults take `application`, a pattern of the application names of those connections
    that they are for ("supervisor", "worker"), None for all.
    """

    def __init__(self, target, tcp=False):
        self.target = str(target) if isinstance(target, os.PathLike) else target
        self.is_tcp = tcp
        self.directory = None if tcp else tempfile.mkdtemp(prefix="rj-proxy-", dir="/tmp")
        self.lock = threading.RLock()
        self.links = []
        self.holes = []     # patterns
        self.delay_seconds = 0
        self.accepts = True
        self.counts = {"accepted": 0, "cut": 0}
        self.selector = selectors.DefaultSelector()
        self.wake_in, self.wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.selector.register(self.wake_in, selectors.EVENT_READ, None)
        self.listener = None
        self.port = 5432
        if tcp:
            self.port = 0
        else:
            os.chmod(self.directory, 0o755)
        self._listen()
        self.is_closing = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    # -- what tests say --

    def conninfo(self, database, user=LOGIN):
        where = f"127.0.0.1 port={self.port}" if self.is_tcp else self.directory
        return f"host={where} dbname={database} user={user} sslmode=disable gssencmode=disable"

    def applications(self):
        with self.lock:
            return [link.application for link in self.links]

    def black_hole(self, application=None):
        """Nothing goes through any more, in neither direction; connections stay open, and new
        ones are accepted and ignored. What was sent meanwhile arrives after forward()."""
        with self.lock:
            self.holes.append(application)

    def half_open(self, application=None, replies=False):
        """The same for those connections only that there are now: new ones work. With `replies`
        the server still hears what the client says. Returns how many became so."""
        with self.lock:
            chosen = [link for link in self.links if link.matches(application) and not link.hole]
            for link in chosen:
                link.hole = "replies" if replies else "both"
        return len(chosen)

    def forward(self):
        """The end of black holes, delays and refusals."""
        with self.lock:
            self.holes.clear()
            self.delay_seconds = 0
            if not self.listener:
                self._listen()
            for link in self.links:
                link.hole = None
                self._watch(link)
        self._wake()

    def delay(self, seconds):
        """Everything arrives so much later."""
        with self.lock:
            self.delay_seconds = seconds

    def cut(self, application=None, one=False):
        """Closes connections, all or one; returns how many."""
        with self.lock:
            chosen = [link for link in self.links if link.matches(application)]
            for link in chosen[:1] if one else chosen:
                self._drop(link)
                self.counts["cut"] += 1
        self._wake()
        return len(chosen[:1] if one else chosen)

    def refuse(self):
        """New connections are refused; those that are open stay."""
        with self.lock:
            if self.listener:
                self.selector.unregister(self.listener)
                self.listener.close()
                self.listener = None
        self._wake()

    def close(self):
        self.is_closing = True
        self._wake()
        self.thread.join()
        self.refuse()
        self.cut()
        self.selector.close()
        os.close(self.wake_in)
        os.close(self.wake_out)
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    # -- how it is done --

    def _listen(self):
        if self.is_tcp:
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
            self.port = self.listener.getsockname()[1]
        else:
            path = os.path.join(self.directory, f".s.PGSQL.{self.port}")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(path)
            os.chmod(path, 0o777)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, "accept")

    def _wake(self):
        with contextlib.suppress(BlockingIOError):
            os.write(self.wake_out, b"x")

    def _is_holed(self, link, source):
        return (link.hole == "both" or link.hole == "replies" and source is link.server
                or any(link.matches(pattern) for pattern in self.holes))

    def _watch(self, link):
        for one, other in ((link.client, link.server), (link.server, link.client)):
            with contextlib.suppress(KeyError):
                self.selector.register(one, selectors.EVENT_READ, (link, other))

    def _unwatch(self, link):
        for one in (link.client, link.server):
            self._ignore(one)

    def _ignore(self, one):
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(one)

    def _drop(self, link):
        self._unwatch(link)
        link.client.close()
        link.server.close()
        if link in self.links:
            self.links.remove(link)

    def _accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        family = socket.AF_INET if isinstance(self.target, tuple) else socket.AF_UNIX
        server = socket.socket(family, socket.SOCK_STREAM)
        self.counts["accepted"] += 1
        try:
            server.connect(self.target)
        except OSError:
            client.close()
            server.close()
            return
        for one in (client, server):
            one.settimeout(10)  # whoever does not read for so long is cut
        link = Link(client, server)
        self.links.append(link)
        self._watch(link)

    def _send(self, link, to, data):
        try:
            to.sendall(data)
        except OSError:
            self._drop(link)

    def _take(self, source, link, to):
        if link not in self.links:
            return
        if link.has_begun and self._is_holed(link, source):
            self._ignore(source)  # until forward()
            return
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._drop(link)
            return
        if not link.has_begun:
            link.note_start(data)
            if self._is_holed(link, source):  # a new one: what it said is lost
                self._unwatch(link)
                return
        if self.delay_seconds:
            link.waiting.append((time.monotonic() + self.delay_seconds, to, data))
        else:
            self._send(link, to, data)

    def _send_delayed(self):
        """Returns how long nothing has to be sent."""
        next_at = None
        for link in list(self.links):
            while link.waiting and link in self.links:
                when, to, data = link.waiting[0]
                if when > time.monotonic():
                    next_at = min(next_at or when, when)
                    break
                link.waiting.pop(0)
                self._send(link, to, data)
        return None if next_at is None else max(0, next_at - time.monotonic())

    def _run(self):
        while not self.is_closing:
            with self.lock:
                timeout = self._send_delayed()
            ready = self.selector.select(timeout)
            with self.lock:
                for key, _ in ready:
                    if key.data is None:
                        os.read(self.wake_in, 4096)
                    elif key.data == "accept":
                        if self.listener is key.fileobj:
                            self._accept()
                    else:
                        self._take(key.fileobj, *key.data)


# ---- what is watched ----

class Watchdog:
    """As systemd: gives env() to a daemon, notes what it says and how far apart its signs of life
    were."""

    def __init__(self, directory, usec=1000000):
        self.usec = usec
        self.path = os.path.join(str(directory), f"notify-{id(self):x}")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        # When it was sent, by the kernel: this process has other things to do.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        os.chmod(self.path, 0o777)
        self.socket.settimeout(0.1)
        self.last = None
        self.longest = 0
        self.pets = 0
        self.messages = []
        self.is_closing = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def env(self):
        return {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": str(self.usec)}

    def _run(self):
        while not self.is_closing:
            with contextlib.suppress(TimeoutError):
                data, extra, _, _ = self.socket.recvmsg(65536, 256)
                self.messages.append(dict(line.split("=", 1) for line in data.decode().splitlines()))
                if b"WATCHDOG=1" in data:
                    seconds, usec = struct.unpack("ll", extra[0][2])
                    self._note(seconds + usec / 1e6)

    def _note(self, now):
        if self.last is not None:
            self.longest = max(self.longest, now - self.last)
        self.last = now
        self.pets += 1

    def gap(self):
        """The longest time without a sign of life, the one that lasts included; seconds."""
        last = self.last
        return max(self.longest, time.time() - last if last else 0)

    def check(self):
        assert self.pets, "the watchdog was never petted"
        assert self.gap() < self.usec / 1e6 * SLOW, f"not petted for {self.gap():.2f} s"
        print(f"checked: the watchdog was petted {self.pets} times, at most {self.gap():.2f} s"
              " apart")

    def close(self):
        self.is_closing = True
        self.thread.join()
        self.socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


class Deaths:
    """When processes ended, to the microsecond of the trace's clock."""

    def __init__(self, trace):
        self.trace = trace
        self.times = {}
        self.threads = []

    def watch(self, *pids):
        for pid in pids:
            descriptor = os.pidfd_open(pid)
            thread = threading.Thread(target=self._wait, args=(pid, descriptor), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _wait(self, pid, descriptor):
        with contextlib.suppress(OSError):
            select.select([descriptor], [], [])
            self.times[pid] = time.monotonic_ns() // 1000 + self.trace.epoch
        os.close(descriptor)


def check_lanes(trace, deaths=None):
    """Law 1 as the plugins saw it, on all hosts together: in each CO one at a time and in the order
    of their ids (all were due at once), none twice. A worker that was killed writes no end: its
    death is in `deaths`."""
    died = deaths.times if deaths else {}
    running, last, begun = {}, {}, set()
    for what, job, co, pid, usec, _ in trace.events():
        if what == "end":
            if running.get(co) == (job, pid):
                running[co] = None
            continue
        assert job not in begun, f"job {job} began twice"
        begun.add(job)
        assert job > last.get(co, 0), f"CO {co}: job {job} after {last[co]}"
        last[co] = job
        before = running.get(co)
        if before:
            assert before[1] in died, f"CO {co}: job {job} began beside {before[0]}"
            late = usec - died[before[1]]
            assert late > 0, f"CO {co}: job {job} began {-late} us before the worker of" \
                             f" {before[0]} was dead"
        running[co] = (job, pid)
    return begun


# ---- fixtures ----

@pytest.fixture(scope="session")
def lab(cluster):
    """The lab, with the test's PostgreSQL in it."""
    if getattr(cluster, "lab", None):  # of another file, for which this is another fixture
        yield cluster.lab
        return
    cluster.lab = new_lab()
    try:
        cluster.lab.adopt(cluster)
        yield cluster.lab
    finally:
        cluster.lab.close()
        cluster.lab = None


@pytest.fixture
def hosts(request, lab, db, tmp_path):
    """hosts(n): n hosts, each with start(**settings), which starts a daemon that is ready, and
    job(*args), which runs registry-job there."""
    stash = request.node.stash.setdefault(PROCESSES, [])

    def equip(host):
        def start(ready=True, env=None, **settings):
            number = len(stash) + 1
            settings = {**DEFAULTS, "conninfo": host.conninfo(db.name), **settings}
            config = write_config(tmp_path / f"host-{number}.conf", **settings)
            started = host.run(config, tmp_path / f"host-{number}.log", env, settings)
            stash.append(started)
            return started.wait_ready() if ready else started

        config = write_config(tmp_path / f"command-{id(host):x}.conf",
                              **{**DEFAULTS, "conninfo": host.conninfo(db.name)})
        host.start = start
        host.job = lambda *args, **kwargs: host.command(config, *args, **kwargs)
        return host

    def make(n):
        return [equip(lab.host()) for _ in range(n)]

    yield make
    lab.clear()
    for started in stash:
        assert not re.search(r"ERROR: \w+Sanitizer|runtime error:", started.log()), started.log()


@pytest.fixture
def real_hosts(hosts, lab):
    """hosts, for tests that make no sense where all have the same name."""
    if lab.is_light:
        pytest.skip(missing() or "RJ_LIGHT is set")
    return hosts


@pytest.fixture
def proxy(db):
    """A proxy in front of PostgreSQL."""
    made = Proxy(db.cluster.dir / ".s.PGSQL.5432")
    yield made
    made.close()


@pytest.fixture
def watchdog(tmp_path):
    made = Watchdog(tempfile.gettempdir())
    yield made
    made.close()
