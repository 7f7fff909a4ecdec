"""Reads the tables and the trace that the plugins themselves wrote, and believes nobody.

What must never happen, each counted: a job lost, run twice, stuck, out of order in its CO, beside
another one of its CO, a history record missing or there twice, a status after a final one, a step that was
not that program's to make, or one on the word of somebody without rights.
"""
import collections
import json
import sys

from processes import Process, identify
from registry import FINAL
from second import RUNNER
from zone import ZONE

LEGAL = {("Q", "A"), ("Q", "CX"), ("A", "GO"), ("A", "X"), ("A", "CX"), ("GO", "OK"), ("GO", "X"),
         ("GO", "CX")}
WRONG = ["lost", "twice", "stuck", "out of order", "overlapping", "records lost", "records twice",
         "illegal steps", "not refused", "forged", "retries", "daemons ended", "slow"]
DAEMON = "registry-jobd"
CANCELERS = ("soak", "")  # actor identifiers: the soak's own, and what the Registry leaves there
TRACED = "Example.CountJob"
SHOWN = 5     # of each kind
PROMPT = 2.0  # seconds in which a job that fell due has taken its place, while nothing is injected
AWAKE = 0.5   # seconds that a process may live whose lease has ended while it was paused

# `at` is what the kernel calls uptime: the server's clock is set now and then. In hundredths of a second,
# so `n` says what came first. Rows that arrive without other triggers are noted, too.
AUDIT = """
CREATE TABLE public.soak_audit (n bigserial PRIMARY KEY, job_id int, before text, after text, at float8,
                                actor text, host text, pid int);
CREATE INDEX ON public.soak_audit (job_id, n);
GRANT SELECT ON public.soak_audit TO PUBLIC;
CREATE FUNCTION public.soak_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO public.soak_audit (job_id, before, after, at, actor, host, pid)
  VALUES (NEW.id, CASE TG_OP WHEN 'UPDATE' THEN OLD.status END, NEW.status,
          split_part(pg_read_file('/proc/uptime'), ' ', 1)::float8, NEW.actor_identifier,
          NEW.assigned_host, NEW.assigned_pid);
  RETURN NULL; END $$;
CREATE TRIGGER soak_note AFTER INSERT OR UPDATE OF status ON public.jobs
  FOR EACH ROW EXECUTE FUNCTION public.soak_note();
ALTER TABLE public.jobs ENABLE ALWAYS TRIGGER soak_note;
"""

Job = collections.namedtuple(
    "Job", "id co plugin status due summary predecessor retries_left parameters")
Step = collections.namedtuple("Step", "n before after at actor host pid")
Run = collections.namedtuple("Run", "job co process begin end how")


class Checker:
    def __init__(self, soak):
        self.soak = soak
        self.wrong = collections.Counter({what: 0 for what in WRONG})
        self.jobs = {row[0]: Job(*row) for row in soak.ask(
            "SELECT id, co_id, plugin, status,"
            f" extract(epoch FROM start_after_time AT TIME ZONE '{ZONE}')::float8,"
            " finish_summary, requeued_from_job_id,"
            " retry_interval > 0 AND COALESCE(retry_count, 0) < max_retry, parameters"
            " FROM public.jobs WHERE job_id IS NULL")}
        self.audit = collections.defaultdict(list)
        for job, *step in soak.ask("SELECT job_id, n, before, after, at, actor, host, pid"
                                   " FROM public.soak_audit ORDER BY n"):
            step = Step(*step)
            self.audit[job].append(step._replace(at=soak.clock.of_uptime(step.at)))
        self.runs = self.read_trace()

    def tell(self, what, text, *jobs):
        self.wrong[what] += 1
        if self.wrong[what] <= SHOWN:
            print(f"\n{what}: {text}", file=sys.stderr)
            for job in jobs:
                self.show(job)

    def show(self, job):
        """All that is known of it."""
        def line(text):
            print("   " + text, file=sys.stderr)
        line(f"job {job}: {self.jobs.get(job)}")
        for _, before, after, at, actor, host, pid in self.audit[job]:
            line(f"{at - self.soak.began:9.3f} s  {before} -> {after}"
                 f" by '{actor}', {host} {pid}")
        for run in self.runs.get(job, []):
            died = self.soak.deaths.of(run.process)
            line(f"{run.begin - self.soak.began:9.3f} s  plugin began in PID {run.process.pid},"
                 f" started at tick {run.process.ticks}, "
                 + (f"ended at {run.end - self.soak.began:.3f} s" if run.end else "no end")
                 + (f", process ended at {died[1] - self.soak.began:.3f} s" if died else ""))
        for window in self.soak.faults.windows:
            if any(window.begin - 15 < run.begin < (window.end or 1e99)
                   for run in self.runs.get(job, [])):
                line(f"{window.begin - self.soak.began:9.3f} s  fault: {window.kind}, over at "
                     f"{(window.end or 0) - self.soak.began:.3f} s")
        for row in self.soak.ask("SELECT record_key, comment, status, created FROM"
                                 " public.job_history_records WHERE job_id = %s AND"
                                 " COALESCE(record_key, '') NOT LIKE 'step %%'"
                                 " ORDER BY id", job):
            line("record " + " ".join(map(str, row)))
        line("records of its plugin: " + ", ".join(row[0] for row in self.soak.ask(
            "SELECT 'step ' || split_part(record_key, ' ', 2) || ': ' || count(*)"
            " FROM public.job_history_records WHERE job_id = %s AND record_key LIKE 'step %%'"
            " GROUP BY split_part(record_key, ' ', 2) ORDER BY min(id)", job)))
        for name, text in self.soak.log_lines(f"job {job}:"):
            line(f"{name}: {text}")

    def read_trace(self):
        """{job: its runs}. An end belongs to the begin that the same process wrote."""
        open_runs, runs = {}, collections.defaultdict(list)
        lines = []
        if self.soak.trace.exists():
            for text in self.soak.trace.read_text(encoding="utf-8").splitlines():
                kind, job, co, pid, ticks, usec, *how = text.split()
                lines.append((int(usec) / 1e6, kind, int(job), int(co),
                              Process(int(pid), int(ticks)), "".join(how)))
        for at, kind, job, co, process, how in sorted(lines):
            if kind == "begin":
                runs[job].append(Run(job, co, process, at, None, None))
                open_runs[job, process] = len(runs[job]) - 1
            elif (job, process) in open_runs:
                i = open_runs.pop((job, process))
                runs[job][i] = runs[job][i]._replace(end=at, how=how)
        return runs

    # ---- what must not be ----

    def check(self):
        for job in self.jobs.values():
            self.check_job(job)
        for job in self.soak.expected - set(self.jobs):
            self.tell("lost", f"job {job} is gone", job)
        for job in self.soak.canceled:
            if job in self.jobs and self.jobs[job].status != "CX":
                self.tell("illegal steps", f"job {job} was canceled", job)
        for job, runs in self.runs.items():
            if len(runs) > 1:
                self.tell("twice", f"the plugin of job {job} was called {len(runs)} times", job)
        for job, steps in self.audit.items():
            if sum(step.after == "A" and step.before == "Q" for step in steps) > 1:
                self.tell("twice", f"job {job} was Assigned twice", job)
            for _, before, after, *_ in steps:
                if before and before != after and (before, after) not in LEGAL:
                    self.tell("illegal steps", f"job {job}: {before} -> {after}", job)
        self.check_actors()
        self.check_forged()
        self.check_successors()
        self.check_lanes()
        self.check_records()
        self.check_rest()
        return self.wrong

    def check_job(self, job):
        if job.status in ("Q", "A", "GO"):
            self.tell("stuck", f"job {job.id} of CO {job.co} is {job.status}", job.id)
        runs = self.runs.get(job.id, [])
        if job.plugin != TRACED or self.is_elsewhere(job.id):
            return
        if job.status == "OK" and not runs:
            self.tell("lost", f"job {job.id} is complete and never began", job.id)
        elif job.status == "OK" and not runs[0].end:
            self.tell("lost", f"job {job.id} is complete and never ended", job.id)

    def is_elsewhere(self, job):
        """Whether the second program runs it: it assigned the job to itself."""
        return any(step.after == "A" and step.host == RUNNER for step in self.audit[job])

    def check_actors(self):
        """The second program cancels, and runs what it registered; the daemon leaves that alone."""
        for job in self.jobs:
            is_elsewhere = self.is_elsewhere(job)
            for _, before, after, _, actor, *_ in self.audit[job]:
                if before is None or before == after or (after == "CX" and actor in CANCELERS):
                    continue
                if (actor != "") if is_elsewhere else (actor != DAEMON):
                    self.tell("illegal steps", f"job {job}: {before} -> {after} by '{actor}', of a job"
                              f" that is run {'elsewhere' if is_elsewhere else 'by a daemon'}", job)
            if is_elsewhere and self.runs.get(job):
                self.tell("twice", f"job {job} is run elsewhere, and by a plugin", job)
        for job, status in self.soak.run_elsewhere.items():
            if job in self.jobs and self.jobs[job].status != status:
                self.tell("illegal steps", f"job {job} was {status}", job)

    def check_forged(self):
        """Nobody who may only send notifications cancels a job or makes a lane."""
        for job in self.jobs.values():
            if job.plugin != TRACED or json.loads(job.parameters).get("end") == "cancel":
                continue
            if any(step.after == "CX" and step.actor not in CANCELERS for step in self.audit[job.id]):
                self.tell("forged", f"job {job.id} is Canceled, and nobody did that", job.id)
            for run in self.runs.get(job.id, []):
                if run.how == "canceled" and job.status != "CX" and any(
                        window.is_forged and window.begin < run.end < window.undone
                        for window in self.soak.faults.windows):
                    self.tell("forged", f"the plugin of job {job.id} was told to stop", job.id)
        for co, in self.soak.ask("SELECT co_id FROM jobd.lane l WHERE NOT EXISTS"
                                 " (SELECT FROM public.cos c WHERE c.id = l.co_id)"):
            self.tell("forged", f"there is a lane of CO {co}, which does not exist")

    def check_successors(self):
        """Exactly one retry for each job that failed and may be tried again."""
        count = collections.Counter(job.predecessor for job in self.jobs.values())
        for job in self.jobs.values():
            wanted = int(job.status == "X" and bool(job.retries_left))
            if count[job.id] != wanted:
                self.tell("retries", f"job {job.id}, {job.status}, has {count[job.id]}, not "
                                     f"{wanted}", job.id)

    def claim(self, job):
        """The step with which a daemon Assigned it."""
        return next((step for step in self.audit[job]
                     if step.after == "A" and step.host != RUNNER), None)

    def ended(self, job):
        """When it became final."""
        return next((step.at for step in self.audit[job] if step.after in FINAL), None)

    def check_lanes(self):
        lanes = collections.defaultdict(list)
        for runs in self.runs.values():
            for run in runs:
                lanes[run.co].append(run)
        for runs in lanes.values():
            runs.sort(key=lambda run: run.begin)
            for before, run in zip(runs, runs[1:]):
                self.check_pair(before, run)
        for queue in self.claims().values():
            for (at, first), (_, second) in zip(queue, queue[1:]):
                if second < first and self.waited(self.ready_at(second), at) > PROMPT:
                    self.tell("out of order", f"job {second}, ready for "
                              f"{at - self.ready_at(second):.1f} s, was claimed after job {first}",
                              second, first)

    def waited(self, since, until):
        """Without the time in which a fault could hold back whoever makes jobs ready, or a claim
        that was decided before."""
        held = sum(max(0, min(until, window.undone or until) - max(since, window.begin))
                   for window in self.soak.faults.windows)
        return until - since - held

    def was_paused(self, before, run, over):
        """A paused process runs no plugin. When it is resumed too late, it has the moment until its
        watch comes, which may be enough for the last line of its trace."""
        return any(
            before.process in paused and since < run.begin < until + AWAKE and over < until + AWAKE
            for paused, since, until in self.soak.faults.pauses)

    def check_pair(self, before, run):
        """No plugin begins while the one before may still run: it has ended, or its process has."""
        over = before.end or (self.soak.deaths.of(before.process) or (None,))[0]
        if over is None:  # a process that was too short for us: when it was settled
            over = self.ended(before.job) or before.begin
        if over > run.begin and not self.was_paused(before, run, over):
            self.tell("overlapping", f"job {run.job} of CO {run.co} began "
                      f"{(over - run.begin) * 1000:.1f} ms before job {before.job} was over",
                      before.job, run.job)

    def check_records(self):
        for job, key, n in self.soak.ask(
                "SELECT job_id, record_key, count(*) FROM public.job_history_records"
                " WHERE record_key IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1"):
            self.tell("records twice", f"job {job}: '{key}' {n} times", job)
        for job, wanted, n in self.soak.ask(
                "SELECT j.id, (p->>'count')::int * (p->>'records')::int, count(r.id)"
                " FROM public.jobs j CROSS JOIN LATERAL (SELECT j.parameters::json AS p) p"
                " LEFT JOIN public.job_history_records r ON r.job_id = j.id"
                "  AND r.record_key LIKE 'step %%'"
                f" WHERE j.job_id IS NULL AND j.status = 'OK' AND j.plugin = '{TRACED}'"
                " GROUP BY 1, 2 HAVING count(r.id) <> (p->>'count')::int * (p->>'records')::int"):
            self.tell("records lost", f"job {job}: {n} of {wanted}", job)
        # Of a plugin that was ended nobody knows how many it handed over; but none in between is
        # missing, whoever wrote which of them.
        for job, last, n in self.soak.ask(
                "SELECT j.id, max((split_part(r.record_key, ' ', 2)::int - 1)"
                "  * (p->>'records')::int + split_part(r.record_key, ' ', 4)::int), count(*)"
                " FROM public.jobs j CROSS JOIN LATERAL (SELECT j.parameters::json AS p) p"
                " JOIN public.job_history_records r ON r.job_id = j.id"
                "  AND r.record_key LIKE 'step %%'"
                f" WHERE j.job_id IS NULL AND j.status <> 'OK' AND j.plugin = '{TRACED}'"
                " GROUP BY 1 HAVING count(*) < max((split_part(r.record_key, ' ', 2)::int - 1)"
                "  * (p->>'records')::int + split_part(r.record_key, ' ', 4)::int)"):
            self.tell("records lost", f"job {job}: {last - n} before the last of {last}", job)

    def check_rest(self):
        for co, supervisor in self.soak.ask("SELECT co_id, supervisor_id FROM jobd.lane"
                                            " WHERE token IS NOT NULL"):
            self.tell("stuck", f"the lane of CO {co} is held by supervisor {supervisor}")
        for job, in self.soak.ask("SELECT job_id FROM jobd.queue"):
            self.tell("stuck", f"job {job} is in the queue", job)
        for place, message in self.soak.ask("SELECT place, message FROM jobd.trigger_error"
                                            " WHERE repaired IS NULL"):
            self.tell("stuck", f"{place}: what it could not do is not repaired: {message}")
        living = {identify(daemon.pid) for host in self.soak.hosts for daemon in host.lab.living()}
        for pid, ticks, host in self.soak.ask("SELECT pid, start_ticks, host FROM jobd.supervisor"):
            if Process(pid, ticks) not in living:
                self.tell("stuck", f"the supervisor {pid} of {host} is dead and has a row")

    # ---- how long a CO stood still ----

    def ready_at(self, job):
        since = max([step.at for step in self.audit[job] if not step.before]
                    + [self.soak.registered.get(job, 0)])
        return self.soak.clock.falls_due(self.jobs[job].due, since)

    def runs_of_audit(self, job, claims):
        """Those of a plugin without a trace: In Progress is all that is known. After a cancel it
        may run on, until the next job of the CO is claimed."""
        times = {step.after: step.at for step in self.audit[job.id]}
        if "GO" not in times:
            return []
        end = max(at for after, at in times.items() if after != "Q")
        if "CX" in times:
            end = min((at for at in claims[job.co] if at > times["GO"]), default=end)
        return [Run(job.id, job.co, None, times["GO"], end, None)]

    def claims(self):
        """{CO: (when, job), in their order}"""
        found = collections.defaultdict(list)
        for job in self.jobs.values():
            step = self.claim(job.id)
            if step:
                found[job.co].append((step.n, step.at, job.id))
        return {co: [claim[1:] for claim in sorted(claims)] for co, claims in found.items()}

    def standstills(self):
        """(from, to) on the monotonic clock: a CO has a job that is ready and not begun, or that
        was taken and never began, and no plugin runs in it. A plugin that left no end ran until
        its process ended; one of a process that nobody saw, not at all."""
        claims = {co: [at for at, _ in queue] for co, queue in self.claims().items()}
        events = collections.defaultdict(list)
        for job in self.jobs.values():
            if self.is_elsewhere(job.id):
                continue
            runs = self.runs.get(job.id, [])
            until = runs[0].begin if runs else self.ended(job.id) or 0
            if job.plugin != TRACED:
                runs = self.runs_of_audit(job, claims)
                until = runs[0].begin if runs else until
            if until > self.ready_at(job.id):
                events[job.co] += [(self.ready_at(job.id), 1, 0), (until, -1, 0)]
            for run in runs:
                end = run.end or max((self.soak.deaths.of(run.process) or (0, 0))[1], run.begin)
                events[job.co] += [(run.begin, 0, 1), (end, 0, -1)]
        found = []
        for co, steps in events.items():
            ready = running = 0
            since = None
            for at, waits, runs in sorted(steps):
                ready += waits
                running += runs
                still = ready > 0 and running <= 0
                if still and since is None:
                    since = at
                elif not still and since is not None:
                    found.append((since, at, co))
                    since = None
        return found

    def longest(self):
        """kind: (injected, longest standstill in seconds); "" for what no fault's window touched.
        A window lasts from the injection until every CO has moved that had work when the fault was
        undone; a standstill counts whole, for every window that it touches."""
        windows = self.soak.faults.windows
        kinds = collections.defaultdict(lambda: [0, 0.0])
        for window in windows:
            kinds[window.kind][0] += window.injected
        for since, until, _ in self.standstills():
            touched = [window for window in windows
                       if since <= (window.end or until) and until >= window.begin]
            for kind in {window.kind for window in touched} or {""}:
                kinds[kind][1] = max(kinds[kind][1], until - since)
        return kinds
