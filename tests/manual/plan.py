"""What is done with every block of every document: one table, in the order of the documents.

An entry names its block by its section and its first words. A block without an entry fails the
tests, and so does an entry without a block: nobody adds an example that is not run.
"""
from dataclasses import dataclass
from typing import Callable, Optional

import how
from blocks import ROOT


@dataclass(frozen=True)
class Entry:
    section: str
    begins: str
    how: Optional[Callable] = how.shell  # None: it is left to others altogether
    before: Optional[Callable] = None    # makes what the block takes for granted
    after: Optional[Callable] = None     # looks at what it did
    left_to: str = ""                    # who runs it instead of, or besides, `how`
    why: str = ""                        # ... and why


class Unplanned(AssertionError):
    """Blocks and entries do not match."""


def pair(blocks, entries):
    """[(block, entry), ...]; raises Unplanned."""
    for block, entry in zip(blocks, entries):
        if block.section != entry.section or not block.text.startswith(entry.begins):
            raise Unplanned(f"{block.place}: a block without an entry in plan.py: {block.text!r};"
                            f" the next entry is {entry.section!r}, {entry.begins!r}")
    if len(blocks) > len(entries):
        raise Unplanned(f"{blocks[len(entries)].place}: a block without an entry in plan.py")
    if len(entries) > len(blocks):
        entry = entries[len(blocks)]
        raise Unplanned(f"no block for the entry {entry.section!r}, {entry.begins!r}")
    for entry in entries:
        if (entry.how is None and not entry.left_to) or bool(entry.left_to) != bool(entry.why):
            raise Unplanned(f"{entry.section}, {entry.begins!r}: who runs it, and why not here?")
    return list(zip(blocks, entries))


def systemd(section, begins, why="it talks to systemd", **more):
    """A block for tests/systemd; `how`, if given, stands in for it here."""
    return Entry(section, begins, **{"how": None, "left_to": "tests/systemd", "why": why, **more})


# ---- how each document's box is prepared ----

TRUSTED = ("[database]\nconninfo = dbname=registry user=registry\n\n[pool]\nworkers = 4\n\n"
           "[timers]\ncancel_poll = 1s\n\n[plugins]\nload = CoreJob Example\n"
           "unknown_models = fail\n\n"
           '[exec "CoreJob.ProvisionerJob"]\ncommand = /bin/true\nparameters = any\n')
LONG = '{"count":"100000","sleep_ms":"10"}'


def plain(box):
    """The schema is installed, and a configuration is there; the commands are the owner's."""
    box.env |= {"PGUSER": "registry", "PGDATABASE": "registry"}
    box.write(how.CONFIG, TRUSTED)
    box.run("registry-job schema install")


def with_daemon(box):
    plain(box)
    box.start_journal()
    box.start_daemon()


def bare(box):
    """Nothing but PostgreSQL as Debian sets it up: everybody logs in by the name that he has."""
    box.run("printf 'local all all peer\\n' > /run/postgresql/data/pg_hba.conf"
            " && runuser -u postgres -- psql -qXc 'SELECT pg_reload_conf()' postgres >/dev/null\n"
            "mkdir -p /etc/cron.d /var/spool/cron/crontabs && touch /etc/crontab")
    box.write("/etc/cron.d/registry", "* * * * * www-data cd /srv/registry && bin/cake"
                                      " job -r -c all -m 50\n")
    box.start_journal()


PREPARE = {"registry-jobd.8": with_daemon, "registry-jobd.conf.5": plain,
           "registry-job.1": with_daemon, "registry-job-plugin.3": plain, "README.md": bare}
INSTALLS = {"README.md"}  # documents that begin with nothing installed


def sample_plugin(box):
    """The source in EXAMPLES, which Building takes for granted."""
    from blocks import DOCUMENTS, by_section
    box.write("greeter.c", by_section(DOCUMENTS["registry-job-plugin.3"])["EXAMPLES"][0].text)


PAGES = {
    "registry-jobd.8": [
        Entry("Other programs", "BEGIN;", how.override),
        Entry("Titles", "registry-jobd: supervisor", how.titles),
        Entry("EXAMPLES", "cp /etc/registry-jobd",
              after=how.gives("SELECT workers FROM jobd.supervisor", "8")),
        Entry("EXAMPLES", "kill \"$(registry-job show 42",
              before=how.running_job(42, 2, "Example.CountJob", LONG),
              after=how.gives("SELECT status, finish_summary FROM jobs WHERE id = 42",
                              "X|terminated unexpectedly (killed by SIGTERM)")),
        Entry("EXAMPLES", "old=$(pgrep",
              after=how.gives("SELECT count(*) FROM jobd.supervisor", "1")),
        Entry("EXAMPLES", "printf '[plugins]", how.until_interrupted("ready: ")),
        Entry("LOG", "journalctl -t registry-jobd -t",
              how.shell_with(says="job 42: .*killed by SIGTERM")),
        systemd("SERVICE", "registry-jobd --check"),
        systemd("registry-jobd@NAME.service", "cp /etc/registry-jobd"),
        Entry("The password", "mkdir -p -m 700 /etc/credstore",
              how.shell_with(stdin="secret\n"),
              after=how.script("[ $(cat /etc/credstore/registry-jobd.password) = secret ] &&"
                               " [ $(stat -c %a:%u /etc/credstore/*password) = 600:0 ]")),
        systemd("The sandbox", "mkdir -p /etc/systemd/system"),
        systemd("registry-jobd-metrics.timer", "systemctl enable --now"),
        systemd("registry-job-register@NAME.timer", "systemctl daemon-reload"),
        Entry("registry-job-register@NAME.timer", "[Service]", how.file(
            "/etc/systemd/system/registry-job-register@second.service.d/second.conf")),
        Entry("SECURITY", "registry-job schema roles | psql",
              after=how.gives("SELECT pg_has_role('jobd', 'registry_jobd', 'USAGE')"
                              " AND pg_has_role('jobd', 'registry_jobd_nester', 'USAGE')", "t")),
        Entry("Owners and modes", "directory '/opt/app/bin'", how.output_of(
            "mkdir -p /opt/app/bin && cp /bin/true /opt/app/bin/ && chgrp 50 /opt/app/bin"
            " && chmod 775 /opt/app/bin\n"
            "printf '[exec \"App.TrueJob\"]\\ncommand = /opt/app/bin/true\\n' >trust.conf\n"
            "{ registry-jobd --config trust.conf --check 2>&1 || true; } |"
            " sed -n 's/.*is not executed: //p'")),
    ],
    "registry-jobd.conf.5": [
        Entry("Output", "{\"start_summary\"", how.messages_of_a_program,
              before=how.script("registry-job list --limit 1 >/dev/null")),
        Entry("Resident programs", "{\"ready\": 1", how.conversation),
        Entry("HOOKS", "{\"id\":42", how.hook_object),
        Entry("EXAMPLES", "[database]\nconninfo = host=db.example.org", how.config,
              before=how.script("install -m 755 /bin/true /usr/local/bin/provision")),
        Entry("EXAMPLES", "[database]\nconninfo = host=db1.example.org", how.config),
        Entry("EXAMPLES", "[database]\nconninfo = host=pooler.example.org", how.config),
        Entry("EXAMPLES", "[exec \"Export.PeopleJob\"]", how.more_config,
              before=how.script("install -m 755 /bin/true /usr/local/bin/export-people")),
        Entry("EXAMPLES", "#!/usr/bin/python3", how.exported_people,
              before=lambda box: box.sql("CREATE ROLE root SUPERUSER LOGIN")),
        Entry("EXAMPLES", "[exec \"Greet.HelloJob\"]", how.more_config,
              before=how.script("install -m 755 /bin/true /usr/local/bin/greet")),
        Entry("EXAMPLES", "#!/usr/bin/python3\nimport functools", how.greeter),
    ],
    "registry-job.1": [
        Entry("Schedules", "[schedule]", how.file("/etc/registry-jobd/schedules/nightly.conf"),
              after=how.both(how.script("registry-job schedule nightly && registry-job schedule nightly"),
                             how.gives("SELECT count(*) FROM jobd.registration WHERE key LIKE"
                                       " 'nightly@%T02:00:00Z'", "1"))),
        Entry("EXAMPLES", "id=$(registry-job -c 2", how.shell_with(says="complete")),
        Entry("EXAMPLES", "registry-job -c 3 -j CoreJob.ProvisionerJob",
              after=how.gives("SELECT requeue_interval, retry_interval, max_retry FROM jobs"
                              " ORDER BY id DESC LIMIT 1", "86400|600|3")),
        Entry("EXAMPLES", "registry-job -c 4 -j CoreJob.NesterJob -s",
              how.shell_with(says="complete")),
        Entry("EXAMPLES", "registry-job -r -c all"),
        Entry("EXAMPLES", "registry-job list -c 3 --status failed",
              before=how.job(42, 3, "X", finish_time="now() AT TIME ZONE 'UTC'"),
              after=how.gives("SELECT count(*) FROM jobs WHERE requeued_from_job_id = 42", "1")),
        Entry("EXAMPLES", "registry-job cancel -c 3 --status queued",
              before=how.job(43, 3, "Q", start_after_time="now() + interval '1 day'"),
              after=how.gives("SELECT status FROM jobs WHERE id = 43", "CX")),
        Entry("EXAMPLES", "id=$(registry-job -c 4"),
        Entry("EXAMPLES", "registry-job list --status failed --limit",
              how.shell_with(says=r'(?m)^42,3,"CoreJob.NesterJob",')),
        Entry("EXAMPLES", "registry-job why 42", how.shell_with((0, 1), says="job 42 failed at")),
        Entry("EXAMPLES", "registry-job metrics --output",
              before=how.script("mkdir -p /var/lib/prometheus/node-exporter"),
              after=how.script("grep -x 'registry_jobd_database_up 1'"
                               " /var/lib/prometheus/node-exporter/registry-jobd.prom")),
        Entry("EXAMPLES", "registry-job settle 86",
              after=how.gives("SELECT status FROM jobs WHERE id = 86", "X")),
        Entry("EXAMPLES", "export PGDATABASE=registry"),
    ],
    "registry-job-plugin.3": [
        Entry("What lives as long as a worker", "#include <stdio.h>", how.c_source("logger.c")),
        Entry("The plugin's own connection", "#include <libpq-fe.h>", how.c_fragment(
            "#include <registry-job/plugin.h>\nint run(struct rj_context *ctx);\n"
            "int run(struct rj_context *ctx) {\n", "return PQstatus(db) ? RJ_E_LOST : RJ_OK;\n}\n")),
        Entry("Building", "cc -shared", before=sample_plugin),
        Entry("Building", "cmake_minimum_required", how.cmake_project("greeter.c", "Greeter"),
              before=how.script("rm $(pkg-config --variable=plugindir registry-job-plugin)"
                                "/Greeter.so")),
        Entry("EXAMPLES", "#include <stdio.h>", how.c_source("greeter.c")),
        Entry("EXAMPLES", "registry-job plugins",
              how.shell_with(says="complete: greeted 2 people"),
              before=how.script(f"sed -i 's/^load = .*/load = Greeter/' {how.CONFIG}"),
              after=how.gives("SELECT person_id, comment FROM job_history_records WHERE"
                              " record_key = 'greeting' ORDER BY id", "4|goodbye\n8|goodbye")),
    ],
}
CRON = "/etc/cron.d/registry"
WALK = "$(pkg-config --variable=plugindir registry-job-plugin)/Walk.so"
AGAIN = ("export PGDATABASE=registry\n"
         "runuser -u postgres -- registry-job --config /dev/null schema install\n"
         "runuser -u postgres -- registry-job --config /dev/null schema roles |"
         " runuser -u postgres -- psql -q")

README = [
    Entry("The package", "systemd/build-package", how.in_tree,
          after=how.script("! pgrep -x registry-jobd && getent passwd registry-jobd")),
    Entry("The schema and the role", "cd /\nexport PGDATABASE=registry\nrunuser"),
    Entry("The schema and the role", "cd /\nexport PGDATABASE=registry\nrunuser"),
    Entry("A database on another host", "export PGHOST", how.on_this_host, before=how.registry_is_trusted,
          after=how.gives("SELECT pg_has_role('jobd', 'registry_jobd', 'USAGE')", "t")),
    Entry("A database on another host", "CREATE ROLE registry_jobd;", how.roles,
          before=lambda box: box.sql("DROP ROLE jobd")),
    Entry("A database on another host", "mkdir -p -m 700", how.shell_with(stdin="secret\n"),
          after=how.script("[ $(cat /etc/credstore/registry-jobd.password) = secret ] &&"
                           " [ $(stat -c %a:%u /etc/credstore/*password) = 600:0 ]")),
    Entry("The configuration", "[database]", how.config_of_the_box),
    Entry("The configuration", "registry-jobd --check"),
    Entry("From source", "tests/packages", how.in_tree,
          after=how.script("cmp /usr/sbin/registry-jobd build/release/src/registry-jobd", ROOT)),
    systemd("From source", "systemd-sysusers"),
    Entry("Rehearse it", "registry-job doctor --migrate", how.shell_with(
        says=f"(?s){CRON}:1: .*job -r -c all.* jobs wait for CoreJob.ProvisionerJob"),
          before=how.job(43, 2, "Q", plugin="'CoreJob.ProvisionerJob'",
                         start_after_time="now() + interval '1 day'")),
    Entry("The Registry's own models", "[registry]", how.config, before=how.a_registry),
    Entry("What to turn off", "sed -i", how.shell,
          after=how.script(f"grep -q '^#.*job -r' {CRON}")),
    Entry("What to turn off", "registry-job doctor", how.shell_with(says="job 102 of CO 3"),
          after=how.gives("SELECT status FROM jobs WHERE id = 86", "X")),
    systemd("Start", "systemctl enable --now", how=how.daemon_of_the_box),
    # Two jobs of the data are held by a runner of another host: warnings.
    Entry("Start", "registry-job status", how.shell_with((1,), says="daemons +1 with 4")),
    Entry("The first job", "[plugins]", how.more_config),
    systemd("The first job", "systemctl reload", how=how.daemon_of_the_box),
    Entry("The first job", "registry-job plugins", how.shell_with(says="complete: counted to 20")),
    Entry("The first job", "id=$(", how.shell_with(says="(?s)complete: counted to 100.*finish_time"),
          before=how.script("runuser -u postgres -- psql -q registry -c \"UPDATE jobs SET status = 'CX'"
                            " WHERE status = 'Q' AND plugin <> 'CoreJob.NesterJob'\"")),
    systemd("How to go back", "systemctl disable", how=how.stop_daemon),
    Entry("How to go back", "cd /\nexport PGDATABASE=registry",
          after=how.both(how.gives("SELECT count(*) FROM pg_namespace WHERE nspname = 'jobd'", "0"),
                         how.script(f"grep -q '^[*].*job -r' {CRON}\n{AGAIN}"),
                         lambda box: box.start_daemon("registry-jobd"))),
    Entry("A program as a job model", "#!/bin/sh", how.file("/usr/local/bin/hello-job", 0o755)),
    Entry("A program as a job model", "[exec \"Hello.ShellJob\"]", how.more_config),
    Entry("A program as a job model", "registry-job -c 2 -j Hello.ShellJob",
          how.shell_with(says="complete: CO 2, 14 bytes of parameters")),
    Entry("A plugin in ten minutes", "apt install", how.in_tree),
    Entry("A plugin in ten minutes", "#include", how.c_source("walk.c")),
    Entry("A plugin in ten minutes", "cc -Wall", after=how.script(f"test -f {WALK}")),
    Entry("A plugin in ten minutes", "[plugins]", how.more_config),
    Entry("A plugin in ten minutes", "registry-jobd --check",
          how.shell_with(says="complete: walked to Rome"),
          after=how.gives("SELECT count(*) FROM job_history_records WHERE record_key LIKE 'step %'"
                          " AND comment = 'done'",
                          "5")),
    Entry("A plugin in ten minutes", "registry-job: parameter", how.output_of(
        "registry-job -c 2 -j Walk.StepJob steps=many were=Rome 2>&1 || true")),
    systemd("A plugin in ten minutes", "systemctl reload", how=how.daemon_of_the_box),
    Entry("A plugin in ten minutes", "id=$(", how.shell_with(says="exit code 4: it was"),
          after=how.gives("SELECT count(*) FROM job_history_records WHERE record_key ="
                          " 'registry-jobd: stopped'", "1")),
    Entry("A plugin in ten minutes", "cmake_minimum_required", how.file("CMakeLists.txt")),
    Entry("A plugin in ten minutes", "cmake -S", before=how.script(f"rm {WALK}"),
          after=how.script(f"test -f {WALK} && registry-job plugins | grep Walk.StepJob")),
    Entry("Watch", "registry-job status", how.shell_with(says="(?s)job 42 .*job 42: complete"),
          before=how.finished_job(42, 2, "Walk.StepJob", '{"steps":"1"}')),
    systemd("Stop, reload, restart", "systemctl reload"),
    systemd("Upgrade", "systemctl stop registry-jobd\napt install"),
    systemd("Several registries on one host", "cp /etc/registry-jobd"),
    Entry("Failover", "[database]", how.config),
    Entry("Limits", "[limits]", how.more_config),
    Entry("Schedules", "[schedule]", how.file("/etc/registry-jobd/schedules/nightly.conf"),
          after=how.script("registry-job schedule nightly")),
    systemd("Schedules", "systemctl daemon-reload"),
    systemd("Monitoring", "systemctl enable --now"),
    Entry("Monitoring", "#!/bin/sh", how.file("/usr/local/bin/mail-failed-job", 0o755)),
    Entry("Monitoring", "[hooks]", how.more_config, after=how.mailed_job),
    Entry("Where things are", "/etc/registry-jobd", how.places),
    Entry("Where things are", "src ", how.folders),
]
PLAN = {**PAGES, "README.md": README}
