"""How a block is tried: functions of a box and a block, which fail when the block does not do what
the document says. Those with arguments return such a function.
"""
import json
import re
import shlex

from blocks import ROOT
from plain_box import CONFIG, Failed, wait_for

PLUGIN_FLAGS = ("-Wall -Wextra -Werror -fPIC -fvisibility=hidden"
                " $(pkg-config --cflags registry-job-plugin)")


def shell(box, block):
    return box.run(block.text, timeout=60)


def in_tree(box, block):
    return box.run(block.text, cwd=ROOT, timeout=600)


def shell_with(codes=(0,), stdin="", says=None, timeout=60):
    """A script that may end with these codes, is typed something, and whose output is compared."""
    def how(box, block):
        script = block.text
        if stdin:
            script = f"{{\n{script}\n}} < <(printf '%s' {shlex.quote(stdin)})"
        done = box.run(script, timeout=timeout, codes=codes)
        if says and not re.search(says, done.stdout + done.stderr):
            raise Failed(f"does not say {says!r}:\n{done.stdout}{done.stderr}")
    return how


def until_interrupted(ready):
    """A daemon that goes on until Ctrl-C: begun, waited for, and interrupted."""
    def how(box, block):
        box.write("until.sh", f"set -euo pipefail\n{block.text}")
        done = box.run(
            f"(exec timeout -s KILL 60 bash until.sh) > until.log 2>&1 &\nwrapper=$!\n"
            f"for i in $(seq 300); do ! grep -q {shlex.quote(ready)} until.log || break;"
            f" sleep 0.1; done\n"
            f'kill -INT "$(pgrep -x registry-jobd -P "$(pgrep -P $wrapper)")"\n'
            f"wait $wrapper || echo exit code $?\ncat until.log")
        if not re.search(ready, done.stdout) or "exit code" in done.stdout:
            raise Failed(f"does not say {ready!r} and end well:\n{done.stdout}")
    return how


def config(box, block, path="/root/checked.conf"):
    """A configuration in which the daemon finds nothing wrong."""
    box.write(path, block.text)
    box.run(f"registry-jobd --config {path} --check")


def roles(box, block):
    """Statements for a server that has none of these roles yet: undone at the end."""
    script = f"BEGIN; DROP OWNED BY registry_jobd, registry_jobd_nester; DROP ROLE registry_jobd, registry_jobd_nester;" \
             f" {block.text} ROLLBACK;"
    box.run(f"runuser -u postgres -- psql -v ON_ERROR_STOP=1 -qX registry -c {shlex.quote(script)}")


def registry_is_trusted(box):
    """The owner of the tables is let in without a password."""
    box.run("sed -i '1i local registry registry trust' /run/postgresql/data/pg_hba.conf"
            " && runuser -u postgres -- psql -qXc 'SELECT pg_reload_conf()' postgres >/dev/null")


def on_this_host(box, block):
    """Commands for a server elsewhere, given to the one that is here."""
    box.run(block.text.replace("db.example.org", "/run/postgresql"))


def a_registry(box):
    """Where the documents have it; the stand-in of the tests."""
    box.run(f"mkdir -p /srv && cp -r {ROOT}/tests/registry/standin /srv/registry")
    box.write("/srv/registry/local/config/database.php",
              "<?php return ['dsn' => 'pgsql:host=/run/postgresql;dbname=registry;user=registry'];")
    registry_is_trusted(box)


def config_of_the_box(box, block):
    """The same, and from here on it is the one that all use."""
    config(box, block)
    box.write(CONFIG, block.text)


def more_config(box, block):
    """Lines that the reader adds to the configuration; keys that are there already are replaced."""
    old = box.run(f"cat {CONFIG}").stdout
    for section, body in re.findall(r"^(\[.*\])\n((?:[^\[].*\n)+)", block.text, re.MULTILINE):
        keys = re.findall(r"^(\S+) =", body, re.MULTILINE)
        found = re.search(rf"^{re.escape(section)}\n(?:[^\[].*\n|\n)*", old, re.MULTILINE)
        if not found:
            old += f"\n{section}\n{body}"
            continue
        kept = "".join(line for line in found.group().splitlines(keepends=True)[1:]
                       if line.split(" =")[0] not in keys)
        old = old[:found.start()] + f"{section}\n{body}{kept}" + old[found.end():]
    box.write("/root/checked.conf", old)
    box.run("registry-jobd --config /root/checked.conf --check")
    box.write(CONFIG, old)


def file(path, mode=0o644, check=None):
    """The content of a file, which later blocks use."""
    def how(box, block):
        box.write(path, block.text, mode)
        if check:
            box.run(check)
    return how


def c_source(path):
    """A plugin: it compiles without a warning; later blocks build and run it."""
    return file(path, check=f"cc {PLUGIN_FLAGS} -c -o /dev/null {path}")


def c_fragment(before, after):
    """Some lines out of a function: they compile in one."""
    def how(box, block):
        includes = re.findall(r"#include.*\n", block.text)
        body = re.sub(r"#include.*\n", "", block.text)
        box.write("fragment.c", "".join(includes) + before + body + after)
        box.run(f"cc {PLUGIN_FLAGS} $(pkg-config --cflags libpq) -c -o /dev/null fragment.c")
    return how


def cmake_project(source, plugin):
    """A CMakeLists.txt: what it says is built beside `source`, and installed."""
    def how(box, block):
        box.write("project/CMakeLists.txt", block.text)
        box.run(f"cp {source} project/ && cmake -S project -B project/build >/dev/null &&"
                f" cmake --build project/build && cmake --install project/build &&"
                f" test -f $(pkg-config --variable=plugindir registry-job-plugin)/{plugin}.so")
    return how


def output_of(command):
    """What a command prints; each line of the block is one of its lines, in this order."""
    def how(box, block):
        printed = box.run(command).stdout.splitlines()
        place = iter(line.rstrip() for line in printed)
        for line in block.text.splitlines():
            if line.rstrip() not in place:
                raise Failed(f"{command!r} does not print {line!r} there, but\n" +
                             "\n".join(printed))
    return how


def daemon_of_the_box(box, _block):
    """In place of systemctl: starts the daemon as its unit does, or starts it again."""
    stop_daemon(box)
    box.start_daemon("registry-jobd")


def stop_daemon(box, _block=None):
    box.run("pkill -o -x registry-jobd || true; "
            "for i in $(seq 300); do pgrep -x registry-jobd >/dev/null || exit 0; sleep 0.1; done;"
            " exit 1")


def messages_of_a_program(box, block):
    """Messages of an external program: one that says them is run, and they arrive."""
    lines = re.sub(r"\n +", " ", block.text)
    told = {}
    for line in lines.splitlines():
        told.update(json.loads(line))
    box.write("/usr/local/bin/tell", f"#!/bin/sh\ncat <<'END'\n{lines}END\n", 0o755)
    box.write("tell.conf", '[database]\nconninfo = dbname=registry user=registry\n'
                           '[exec "Tell.TellJob"]\ncommand = /usr/local/bin/tell\n')
    said = box.run("registry-job --config tell.conf -c 3 -j Tell.TellJob -s").stderr
    if re.search("warning|ignored", said):
        raise Failed(said)
    row = box.sql("SELECT start_summary, percent_complete, finish_summary, record_key, comment,"
                  " person_id FROM jobs j JOIN job_history_records r ON r.job_id = j.id"
                  " WHERE plugin = 'Tell.TellJob' AND comment IS NOT NULL"
                  " AND record_key NOT LIKE 'registry-jobd:%'")
    record, progress = told["record"], told["progress"]
    percent = 100 if "summary" in told else 100 * progress["done"] // progress["total"]
    expected = [told["start_summary"], str(percent), told["summary"], record["key"],
                record["comment"], str(record["person_id"])]
    if row.split("|") != expected:
        raise Failed(f"{row!r}, not {expected}")


def conversation(box, block):
    """What a resident program says and hears: one says it, and hears what the page has."""
    ready, heard, *said = re.sub(r"\n +", " ", block.text).splitlines()
    answers = "".join(line.replace("42", "$job", 1).replace('"', '\\"') + "\n" for line in said)
    box.write("/usr/local/bin/converse", f"#!/bin/sh\necho '{ready}' >&3\nread -r line\n"
              f'echo "$line" >/root/heard\njob=${{line#*: }}; job=${{job%%,*}}\n'
              f'printf %s "{answers}" >&3\n', 0o755)
    box.write("converse.conf", '[database]\nconninfo = dbname=registry user=registry\n'
              '[exec "Greet.CountJob"]\ncommand = /usr/local/bin/converse\nresident = yes\n')
    done = box.run("registry-job --config converse.conf -c 2 -j Greet.CountJob -s to=3\n"
                   "cat /root/heard")
    if re.sub(r"\d+", "42", done.stdout.splitlines()[-1], 1) != heard:
        raise Failed(f"the program hears {done.stdout!r}")
    if json.loads(said[-1].replace("42", "1"))["summary"] not in done.stderr:
        raise Failed(done.stderr)


def hook_object(box, block):
    """What a hook is told: of a job that failed, the members of the page and no others."""
    box.write("/usr/local/bin/note", "#!/bin/sh\ncat >/root/told\n", 0o755)
    box.write("hook.conf", "[database]\nconninfo = dbname=registry user=registry\n"
              "[plugins]\nload = Example\n[hooks]\nfailed = /usr/local/bin/note\n")
    box.sql("UPDATE jobs SET status = 'CX' WHERE status = 'Q' AND co_id = 3")
    box.run("registry-job --config hook.conf -c 3 -j Example.CountJob end=fail &&"
            " registry-job --config hook.conf -r -c 3")
    told, page = json.loads(box.run("cat /root/told").stdout), json.loads(block.text)
    if told.keys() != page.keys() or any(told[key] is not None and type(told[key]) is not type(page[key])
                                         for key in page):
        raise Failed(f"it is told {told}")


def mailed_job(box):
    """The mail program of the page, with a curl that notes what it gets."""
    box.write("/usr/local/bin/curl", '#!/bin/sh\n{ echo "$*"; cat; } >/root/mailed\n', 0o755)
    box.run("echo '{\"id\":42}' | /usr/local/bin/mail-failed-job; rm /usr/local/bin/curl\n"
            "grep -q '^Subject: ' /root/mailed && tail -n 1 /root/mailed | grep -Fx '{\"id\":42}'")


def greeter(box, block):
    """The resident program of the page: both of its models, its parameters, and a cancel."""
    box.write("/usr/local/bin/greet", block.text, 0o755)
    for arguments, code, says in (("HelloJob -s", 0, "said hello"),
                                  ("CountJob -s to=3", 0, "counted to 3"),
                                  ("CountJob -s to=x", 1, "must be an integer, not 'x'"),
                                  ("CountJob -s", 1, "parameter 'to' is required")):
        done = box.run(f"registry-job -c 3 -j Greet.{arguments}", codes=(code,))
        if says not in done.stderr:
            raise Failed(f"{arguments}: {done.stdout}{done.stderr}")
    box.run("registry-job -c 3 -j Greet.CountJob -s to=1000000000 & job=$!\n"
            "until registry-job list -c 3 --status GO | grep CountJob; do sleep 0.1; done\n"
            "kill -INT $job; code=0; wait $job || code=$?; [ $code = 4 ]")
    ended = box.sql("SELECT comment FROM job_history_records"
                    " WHERE record_key = 'registry-jobd: stopped' ORDER BY id DESC LIMIT 1")
    if "stopped at" not in ended:
        raise Failed(ended)


def titles(box, block):
    """What ps shows, while another model runs a job, and when it has ended. (No worker runs a job
    of one number twice, and those of the page come later.)"""
    supervisor, idle, busy = block.text.splitlines()
    busy = busy.replace("job 42", "job 31").replace("CoreJob.NesterJob", "Example.CountJob")
    running_job(31, 3, "Example.CountJob", '{"sleep_ms":"600000"}')(box)

    def is_shown(*lines):
        return set(lines) <= set(box.run("ps -eo args").stdout.splitlines())
    wait_for(lambda: is_shown(supervisor, busy), 30, f"{supervisor!r} and {busy!r}")
    box.run("registry-job cancel 31")
    wait_for(lambda: is_shown(supervisor, idle), 30, f"{supervisor!r} and {idle!r}")


def override(box, block):
    """What a person changes beside the guard, of a job that is final; and that it is written down."""
    job(32, 3, "X")(box)
    box.sql(block.text.replace("id = 42", "id = 32"))
    gives("SELECT j.status, h.comment FROM jobs j JOIN job_history_records h ON h.job_id = j.id"
          " WHERE j.id = 32", "OK|X to OK: ticket 4711: was marked Failed by mistake")(box)


def places(box, block):
    """Files of an installation, which are there."""
    made_by_the_timer = "/run/registry-jobd-metrics/registry-jobd.prom"
    found = [line.split()[0] for line in block.text.splitlines()]
    found.remove(made_by_the_timer)
    for path in found:
        box.run(f"ls -d {path}")


def folders(_box, block):
    for line in re.findall(r"(?m)^\S.*", block.text):
        if not (ROOT / line.split()[0]).is_dir():
            raise Failed(f"no such folder: {line}")


def exported_people(box, block):
    """The program of the page: it exports the people of a CO, and takes its file back."""
    box.write("/usr/local/bin/export-people", block.text, 0o755)
    arguments = "-c 3 -j Export.PeopleJob -s file=people.txt"
    said = box.run(f"registry-job {arguments} && wc -l < /var/lib/registry-jobd/people.txt")
    if "exported 120 people" not in said.stderr or said.stdout.split()[-1] != "120":
        raise Failed(said.stdout + said.stderr)
    box.run(f"registry-job {arguments}", codes=(1,))  # never over a file that is there
    box.write("/usr/local/bin/psql", "#!/bin/sh\nexec seq 1000000\n", 0o755)
    box.run("rm /var/lib/registry-jobd/people.txt\n"
            f"registry-job {arguments} &\njob=$!\n"
            "until test -s /var/lib/registry-jobd/people.txt; do sleep 0.1; done\n"
            "kill -INT $job\ncode=0; wait $job || code=$?\n"
            "[ $code = 4 ] && [ ! -e /var/lib/registry-jobd/people.txt ]\nrm /usr/local/bin/psql")


# ---- what blocks take for granted ----

def script(text, cwd=None):
    return lambda box: box.run(text, cwd, timeout=120)


def job(number, co, status, **columns):
    """A job with the number that the page uses; whatever has it is moved out of the way."""
    row = {"id": number, "co_id": co, "status": f"'{status}'", "plugin": "'CoreJob.NesterJob'",
           "parameters": """'{"group_id":"14","target_group_id":"15"}'""", "revision": 0,
           "deleted": "false", "created": "now()", "modified": "now()", **columns}

    def make(box):
        box.sql("DELETE FROM job_history_records WHERE job_id = {0};"
                " DELETE FROM jobs WHERE id = {0};".format(number) +
                f" INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join(map(str, row.values()))})")
    return make


def running_job(number, co, plugin, parameters):
    """A job with that number that a daemon of the box runs now."""
    def make(box):
        job(number, co, "Q", plugin=f"'{plugin}'", parameters=f"'{parameters}'",
            start_after_time="date_trunc('second', now() AT TIME ZONE 'UTC')")(box)
        box.wait_status(number, "GO")
    return make


def finished_job(number, co, plugin, parameters="[]"):
    """A job with that number that a daemon of the box has run."""
    def make(box):
        job(number, co, "Q", plugin=f"'{plugin}'", parameters=f"'{parameters}'",
            start_after_time="date_trunc('second', now() AT TIME ZONE 'UTC')")(box)
        box.wait_status(number, "OK")
    return make


def both(*steps):
    def make(box):
        for step in steps:
            step(box)
    return make


def gives(query, expected):
    """After a block: the database says so, at the latest in a while."""
    def check(box):
        wait_for(lambda: box.sql(query) == expected, 30, f"{query}: {expected}")
    return check
