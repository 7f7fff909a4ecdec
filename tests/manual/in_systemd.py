"""The blocks that need a systemd, run in one that was booted; for tests/systemd.

    run_left(run, tree)

`run(script, cwd)` runs a script as root with bash -euo pipefail in the booted system and raises when
it fails. There the package is installed, PostgreSQL runs, and the database, the roles
`registry-jobd` and `root`, and the configuration are as README.md makes them. `tree` is a directory
in it in which the packages lie as they do in a tree, in build/package.
"""
from blocks import DOCUMENTS, by_section, left_to
from plan import Unplanned

SCHEDULES = "/etc/registry-jobd/schedules"
DOWN = "systemctl disable --now --quiet registry-jobd"
UP = "systemctl is-active registry-jobd && runuser -u registry-jobd -- registry-job schema check"
SECOND_BEFORE = """cd /
runuser -u postgres -- psql -qc 'CREATE DATABASE registry2 TEMPLATE template0'
runuser -u postgres -- pg_dump --no-owner registry | runuser -u postgres -- psql -qX registry2 >/dev/null
runuser -u postgres -- psql -qX registry2 -c 'TRUNCATE jobd.supervisor CASCADE'
PGDATABASE=registry2 runuser -u postgres -- registry-job --config /dev/null schema adopt """
SECOND_AFTER = """systemctl is-active registry-jobd registry-jobd@second
systemctl disable --now --quiet registry-jobd@second
rm /etc/registry-jobd/second.conf
cd /
runuser -u postgres -- psql -qc 'DROP DATABASE registry2 WITH (FORCE)' """
TIMER_BEFORE = "mkdir -p /var/lib/prometheus/node-exporter"
TIMER_AFTER = """for i in $(seq 300); do
  ! grep -qs registry_jobd_ /var/lib/prometheus/node-exporter/registry-jobd.prom || break
  sleep 0.1
done
grep -q registry_jobd_ /var/lib/prometheus/node-exporter/registry-jobd.prom
systemctl disable --now --quiet registry-jobd-metrics.timer
rm /var/lib/prometheus/node-exporter/registry-jobd.prom"""
CONFIG = "/etc/registry-jobd/registry-jobd.conf"
HELLO, HELLO_SECTION = [block.text for block in by_section(DOCUMENTS["README.md"])["A program as a job model"][:2]]
SCHEDULE_BEFORE = f"""cat >/usr/local/bin/hello-job <<'END'
{HELLO}
END
chmod 755 /usr/local/bin/hello-job
grep -q Hello.ShellJob {CONFIG} || cat >>{CONFIG} <<'END'
{HELLO_SECTION}
END
systemctl reload registry-jobd
mkdir -p {SCHEDULES}
cat >{SCHEDULES}/nightly.conf <<'END'
{by_section(DOCUMENTS["README.md"])["Schedules"][0].text}
END"""
SCHEDULE_AFTER = f"""systemctl is-active registry-job-register@nightly.timer
[ "$(systemctl show -P NextElapseUSecRealtime registry-job-register@nightly.timer | cut -d' ' -f3)" = 02:00:00 ]
systemctl start registry-job-register@nightly
cd / && runuser -u postgres -- psql -qXAtd registry -c "SELECT key FROM jobd.registration" | grep '^nightly@.*T02:00:00Z$'
systemctl disable --now --quiet registry-job-register@nightly.timer
rm {SCHEDULES}/nightly.conf
systemctl daemon-reload"""
DROP_IN = "/etc/systemd/system/registry-jobd.service.d"

# What goes before and behind each: a script that makes what it names, and one that looks at what it
# did and puts things back. Each leaves the daemon running, or begins with it.
AROUND = {
    ("README.md", "Start"): (DOWN, UP),
    ("README.md", "The first job"): ("", UP),
    ("README.md", "From source"): ("", "getent passwd registry-jobd"),
    ("README.md", "How to go back"): ("systemctl start registry-jobd",
                                      "! systemctl is-active registry-jobd\n"
                                      "systemctl enable --now --quiet registry-jobd"),
    ("README.md", "A plugin in ten minutes"): ("", UP),
    ("README.md", "Stop, reload, restart"): (UP, "! systemctl is-active registry-jobd\n"
                                                 "systemctl start registry-jobd"),
    ("README.md", "Upgrade"): (UP, UP),
    ("README.md", "Several registries on one host"): (SECOND_BEFORE, SECOND_AFTER),
    ("README.md", "Schedules"): (SCHEDULE_BEFORE, SCHEDULE_AFTER),
    ("README.md", "Monitoring"): (TIMER_BEFORE, TIMER_AFTER),
    ("registry-jobd.8", "SERVICE"): (DOWN, UP),
    ("registry-jobd.8", "registry-jobd@NAME.service"): (SECOND_BEFORE, SECOND_AFTER),
    ("registry-jobd.8", "The sandbox"): ("", f"{UP}\nls {DROP_IN}/external-programs.conf\n"
                                             f"rm {DROP_IN}/external-programs.conf\n"
                                             "systemctl daemon-reload"),
    ("registry-jobd.8", "registry-jobd-metrics.timer"): (TIMER_BEFORE, TIMER_AFTER),
    ("registry-jobd.8", "registry-job-register@NAME.timer"): (SCHEDULE_BEFORE, SCHEDULE_AFTER),
}


def rows():
    """(block, before, after) of each in their order; raises Unplanned."""
    for block, _ in left_to("tests/systemd"):
        place = (block.document, block.section)
        if place not in AROUND:
            raise Unplanned(f"{block.place}: nothing in in_systemd.py says what goes around it")
        yield block, *AROUND[place]


def run_left(run, tree):
    for block, before, after in rows():
        try:
            if before:
                run(before, "/")
            run(block.text, tree)
            if after:
                run(after, "/")
        except Exception as failure:
            raise AssertionError(f"{block.place}:\n{block.text}\n-- {failure}") from failure
