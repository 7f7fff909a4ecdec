"""Runs a daemon whose standard error is connected to a journal: a socket of our own, in a mount
namespace of our own. Then runs the lines of standard input with bash, and prints what arrived in
the journal, one JSON object a line.

While there is a file /run/pause the journal reads nothing; when there is /run/again it removes that,
and its socket, and listens on a new one.

usage: unshare --mount --net journal_probe.py DAEMON CONFIG <COMMANDS   (they end when the job has)
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

daemon, config = sys.argv[1:]
commands = sys.stdin.read()
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
os.makedirs("/run/systemd/journal")
# As systemd sets it at boot; the network namespace, which this is a setting of, is ours.
with open("/proc/sys/net/unix/max_dgram_qlen", "w", encoding="ascii") as limit:
    limit.write("512")
PATH = "/run/systemd/journal/socket"


def listen():
    new = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    new.bind(PATH)
    new.settimeout(0.05)
    return new


entries = []
is_over = threading.Event()


def hear():
    """Reads all the time, as the journal does; what comes faster than that is dropped."""
    journal = listen()
    while True:
        if os.path.exists("/run/again"):
            journal.close()
            os.remove(PATH)
            journal = listen()
            os.remove("/run/again")
        if os.path.exists("/run/pause"):
            is_over.wait(0.05)
            continue
        try:
            entries.append(journal.recv(65536).decode())
        except TimeoutError:
            if is_over.is_set():
                return


reader = threading.Thread(target=hear)
reader.start()
while not os.path.exists(PATH):
    is_over.wait(0.01)
with tempfile.TemporaryFile() as stderr:
    stat = os.fstat(stderr.fileno())
    environment = {**os.environ, "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}
    process = subprocess.Popen([daemon, "--config", config], stderr=stderr, env=environment)
    try:
        subprocess.run(["bash", "-euc", commands], check=True, stdout=subprocess.DEVNULL,
                       stdin=subprocess.DEVNULL, timeout=60)
    finally:
        if os.path.exists("/run/pause"):
            os.remove("/run/pause")
        process.terminate()
        process.wait(60)
        is_over.set()
        reader.join()
for entry in entries:
    print(json.dumps(dict(line.split("=", 1) for line in entry.splitlines())))
