"""Plays the worker of registry-jobd for plugins/registry/bridge.php: descriptor 0, descriptor 3, and
the kill of its group. The application is a copy of standin/, the database a real one.

Environment: RJ_PHP, the PHP to run (php).
"""
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import time

import pytest
from conftest import DATA, OWNER, ROOT, SLOW, Cluster, insert_job, make_roles, wait_for

BRIDGE = ROOT / "plugins" / "registry" / "bridge.php"
STANDIN = ROOT / "tests" / "registry" / "standin"
PHP = os.environ.get("RJ_PHP", "php")


@pytest.fixture(scope="session")
def cluster():
    """As the one of all tests, without the schema of ours: it needs no build."""
    cluster = Cluster()
    try:
        make_roles(cluster)
        cluster.admin(f"CREATE DATABASE plain OWNER {OWNER}")
        cluster.load("plain", DATA)
        cluster.names = (f"test_{i}" for i in range(1, 10**6))
        yield cluster
    finally:
        cluster.remove()


class Registry:
    """A stand-in of this test's own: files that it may change, a database, and jobs in it."""

    def __init__(self, directory, db):
        self.root = directory / "registry"
        shutil.copytree(STANDIN, self.root)
        self.app = self.root / "app"
        for path in ("logs", "tmp/cache"):
            (self.app / path).mkdir(parents=True, exist_ok=True)
        self.db = db
        self.boots = directory / "boots"
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "STANDIN_BOOTS": str(self.boots),
                    "STANDIN_DB_HOST": str(db.cluster.dir), "STANDIN_DB_NAME": db.name}
        db.sql("DELETE FROM public.job_history_records")
        db.sql("UPDATE public.jobs SET requeued_from_job_id = NULL, job_id = NULL")
        db.sql("DELETE FROM public.jobs")
        db.sql("DELETE FROM public.plugins")
        db.sql("INSERT INTO public.plugins (plugin, location, status, created) VALUES"
               " ('Fake', 'core', 'A', now()), ('Broken', 'core', 'A', now()),"
               " ('Absent', 'core', 'S', now())")
        self.cos = [row["id"] for row in db.sql(
            "INSERT INTO public.cos (name, description, status, created, modified, revision, deleted,"
            " actor_identifier) SELECT 'Test ' || i, '', 'A', now(), now(), 0, false, ''"
            " FROM generate_series(1, 3) i RETURNING id")]

    def add_job(self, co=None, model="Fake.StepJob", **columns):
        """A job that the worker has assigned to itself."""
        with self.db.conn.cursor() as cursor:
            return insert_job(cursor, co or self.cos[0], model, {}, **{"status": "GO", **columns})

    def count_boots(self):
        return len(self.boots.read_text().split()) if self.boots.exists() else 0

    def replace(self, path, old, new):
        path = self.root / path
        text = path.read_text()
        assert text.count(old) == 1, (path, old)
        path.write_text(text.replace(old, new))


@pytest.fixture
def registry(tmp_path, plain_db):
    tmp_path.chmod(0o755)
    registry = Registry(tmp_path, plain_db)
    yield registry
    left = [path for name in ("logs", "tmp") for path in (registry.app / name).rglob("*") if path.is_file()]
    assert not left, "something was written into the application's logs or caches"


class Outcome:
    """What was said about one job."""

    def __init__(self, messages):
        assert all("job" in message for message in messages), messages
        self.messages = messages
        self.end = messages[-1]["end"]
        self.records = [message["record"] for message in messages if "record" in message]
        self.summary = ([m["summary"] for m in messages if "summary" in m] or [None])[-1]

    def comments(self):
        return {record["key"]: record["comment"] for record in self.records}


class Bridge:
    def __init__(self, registry, log_path, arguments=(), php_arguments=(), app=None, **env):
        self.registry = registry
        self.log_path = log_path
        self.buffer = b""
        theirs_in, self.input = os.pipe()
        self.output, theirs_out = os.pipe()

        def place():
            os.dup2(theirs_out, 3, inheritable=True)

        if theirs_out == 3:  # or dup2() would leave it as it is, which is not inherited
            theirs_out = os.dup(theirs_out)
            os.close(3)
        argv = [PHP, *php_arguments, str(BRIDGE), str(app or registry.app), *arguments]
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=theirs_in, stdout=log, stderr=log, pass_fds=(3,),
                                            preexec_fn=place, env={**registry.env, **env},
                                            start_new_session=True)
        self.pid = self.process.pid
        os.close(theirs_in)
        os.close(theirs_out)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def read_line(self, timeout=20):
        """The next line that is not empty; None is the end of output."""
        end = time.monotonic() + timeout * SLOW
        while True:
            line, newline, rest = self.buffer.partition(b"\n")
            if newline:
                self.buffer = rest
                if line:
                    return line
                continue
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.output], [], [], left)[0]:
                raise AssertionError(f"nothing said within {timeout} s; the log:\n{self.log()}")
            data = os.read(self.output, 65536)
            if not data:
                return None
            self.buffer += data

    def read(self, timeout=20):
        line = self.read_line(timeout)
        return None if line is None else json.loads(line)

    def wait_ready(self):
        message = self.read()
        assert message and message.get("ready") == 1, (message, self.log())
        self.models = {model["model"]: model["parameters"] for model in message["models"]}
        return self

    def give(self, job, model="Fake.StepJob", co=None, **parameters):
        task = {"job": job, "co": co or self.registry.cos[0], "model": model, "parameters": parameters or []}
        os.write(self.input, json.dumps(task).encode() + b"\n")

    def await_end(self, job, timeout=20):
        messages = []
        while not messages or "end" not in messages[-1]:
            message = self.read(timeout)
            assert message is not None, f"died without an end; said: {messages}\n{self.log()}"
            assert message["job"] == job
            messages.append(message)
        return Outcome(messages)

    def await_start(self, job):
        """Until its plugin runs."""
        while "start_summary" not in (message := self.read()):
            assert message["job"] == job and "end" not in message, message

    def run(self, do=None, co=None, model=None, columns=None, **parameters):
        """A new job, to its end."""
        model = model or ("Fake.StepJob" if do else "Fake.NoopJob")
        job = self.registry.add_job(co, model, **(columns or {}))
        self.give(job, model, co, **({"do": do} if do else {}), **parameters)
        return self.await_end(job)

    def children(self):
        with contextlib.suppress(FileNotFoundError):
            text = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
            return [int(word) for word in text.split()]
        return []

    def group(self):
        """PIDs of its process group that are no zombies."""
        pids = []
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                _, _, rest = path.read_text().rpartition(")")
                state, _, group = rest.split()[:3]
                if int(group) == self.pid and state != "Z":
                    pids.append(int(path.parent.name))
        return pids

    def cancel(self):
        """As the worker does it: to the whole group."""
        os.killpg(self.pid, signal.SIGTERM)

    def close_input(self):
        if self.input is not None:
            os.close(self.input)
            self.input = None

    def wait(self, timeout=20):
        return self.process.wait(timeout * SLOW)

    def leave(self):
        """End of input; returns the exit code, when nothing of it is left."""
        self.close_input()
        code = self.wait()
        wait_for(lambda: not self.group(), what="no process left")
        return code

    def kill_group(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(30)
        wait_for(lambda: not self.group(), what="no process left")

    def remove(self):
        self.kill_group()
        self.close_input()
        os.close(self.output)


@pytest.fixture
def bridge(registry, tmp_path):
    """bridge(**how): starts one that is ready; all are killed at the end."""
    started = []

    def start(is_ready=True, **how):
        one = Bridge(registry, tmp_path / f"bridge-{len(started) + 1}.log", **how)
        started.append(one)
        return one.wait_ready() if is_ready else one

    yield start
    for one in started:
        one.remove()


def check(registry, app=None, **env):
    """bridge.php --check"""
    return subprocess.run([PHP, str(BRIDGE), "--check", str(app or registry.app)], capture_output=True,
                          text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                          env={**registry.env, **env})
