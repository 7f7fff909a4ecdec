"""Runs a daemon whose standard error is connected to a journal: a socket of our own, in a mount
namespace of our own. Prints what arrived, one JSON object a line.

usage: unshare --mount journal_probe.py DAEMON CONFIG COMMAND...   (COMMAND ends when the job has)
"""
import json
import os
import socket
import subprocess
import sys
import tempfile

daemon, config, *command = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
os.makedirs("/run/systemd/journal")
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
with tempfile.TemporaryFile() as stderr:
    stat = os.fstat(stderr.fileno())
    environment = {**os.environ, "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}
    process = subprocess.Popen([daemon, "--config", config], stderr=stderr, env=environment)
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    finally:
        process.terminate()
        process.wait(60)
journal.setblocking(False)
while True:
    try:
        entry = journal.recv(65536).decode()
    except BlockingIOError:
        break
    print(json.dumps(dict(line.split("=", 1) for line in entry.splitlines())))
