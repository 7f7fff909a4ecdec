"""The C files of src and plugins, as a build compiles them."""
import json
import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def commands(build):
    """(file, arguments) for each, without what the compiler writes."""
    database = json.loads((Path(build) / "compile_commands.json").read_text())
    root = Path(__file__).resolve().parents[2]
    for entry in database:
        name = str(Path(entry["file"]).relative_to(root)) if entry["file"].startswith(str(root)) else ""
        if not name.startswith(("src/", "plugins/")):
            continue
        arguments = shlex.split(entry["command"])
        at = arguments.index("-o")
        yield name, arguments[:at] + arguments[at + 2:], entry["directory"]


def run_each(jobs):
    """Runs argument lists, as many at a time as there are processors, and gives their results."""
    def run(job):
        return subprocess.run(job[0], cwd=job[1], capture_output=True, text=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(run, jobs))
