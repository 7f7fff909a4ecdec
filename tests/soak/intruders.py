"""Faults that come from outside: somebody without rights sends notifications, rows are poisoned or come
without our triggers, a trigger of the site refuses claims, and the server's clock is set.

The clock goes forward for good, and back only for a while: a job that was registered when it was an
hour ahead would wait for that hour.
"""
import contextlib
import json
import time

import psycopg2

from zone import NOW

ABSENT = 1_000_000  # COs from here on do not exist
STRANGER = "stranger"
MOST = 2147483647
FOUND = 15  # seconds in which a sweep finds what came without triggers
HOUR = 3600
GARBAGE = ["", " ", "queued", "queued ", "queued -1", "queued 0", "queued 99999999999999999999",
           "queued 101 102", "queued 1e3", "queued\t101", "QUEUED 101", "queued 0x65", "cancel",
           "cancel 0", "cancel -5", "cancel 2147483648", "cancel NaN", "delayed 7", "cancel\n1",
           "\u2028\u202e", "%s%n%d", "x" * 7999]
REFUSE_CLAIMS = """
CREATE OR REPLACE FUNCTION public.soak_site() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF OLD.status = 'Q' AND NEW.status = 'A' AND OLD.id % 7 = {} THEN
    RAISE 'the site says no to job %', OLD.id;
  END IF;
  RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER soak_site BEFORE UPDATE ON public.jobs
  FOR EACH ROW EXECUTE FUNCTION public.soak_site()"""
# What a subscriber does, and what a restore does. The second one keeps all others from writing.
WITHOUT_TRIGGERS = [
    ("SET LOCAL session_replication_role = replica", "SET LOCAL session_replication_role = origin"),
    ("ALTER TABLE public.jobs DISABLE TRIGGER jobd_insert, DISABLE TRIGGER jobd_update,"
     " DISABLE TRIGGER jobd_guard",
     "ALTER TABLE public.jobs ENABLE TRIGGER jobd_insert, ENABLE TRIGGER jobd_update,"
     " ENABLE TRIGGER jobd_guard")]


class Intruders:
    def __init__(self, faults):
        self.faults = faults
        self.soak = faults.soak
        self.random = faults.random
        self.clock = self.soak.clock
        self.soak.cluster.admin(f"CREATE ROLE {STRANGER} LOGIN")
        self.kinds = {
            "forged hints of COs that are not": lambda: self.forge(self.hints),
            "forged cancels": lambda: self.forge(self.cancels),
            "forged garbage": lambda: self.forge(self.garbage),
            "highest revisions": self.raise_revisions,
            "claims refused by the site": self.refuse_claims,
            "rows without triggers": self.insert_unseen,
            "cancels without triggers": self.cancel_unseen,
        }
        if self.clock.is_settable:
            self.kinds.update({
                "clock an hour forward": lambda: self.set_clock(HOUR),
                "clock an hour forward, host killed": lambda: self.set_clock(
                    HOUR, lambda: self.faults.kill_host(1.3, 1.6)),
                "clock an hour back": lambda: self.set_clock(-HOUR),
                "clock 10 s back, supervisor killed": lambda: self.set_clock(
                    -10, self.faults.kill_supervisor),
                "clock 10 s forward, and back": lambda: self.set_clock(10, is_kept=False),
            })

    # ---- notifications ----

    def hints(self):
        first = ABSENT + self.random.randrange(100000)
        return [f"queued {co}" for co in range(first, first + self.random.randint(50, 5000))]

    def cancels(self):
        """Of all that run, of what just ended, and of whatever comes next."""
        last = self.soak.ask("SELECT max(id) FROM public.jobs")[0][0]
        running = [row[0] for row in self.soak.ask(
            "SELECT id FROM public.jobs WHERE status IN ('A', 'GO') AND job_id IS NULL")]
        return [f"cancel {job}" for job in [*running, *range(last - 200, last + 20)]]

    def garbage(self):
        def noise():
            return "".join(chr(self.random.randint(1, 0x2fff)) for _ in range(self.random.randint(1, 99)))
        return GARBAGE + [noise() for _ in range(200)]

    def forge(self, make_payloads):
        """Bursts from a role without any right, each a transaction."""
        stranger = psycopg2.connect(self.soak.cluster.conninfo("registry", STRANGER))
        stranger.autocommit = True
        with contextlib.closing(stranger), stranger.cursor() as cursor:
            for _ in range(self.random.randint(3, 10)):
                payloads = make_payloads()
                cursor.execute("SELECT count(pg_notify('registry_jobd', p)) FROM unnest(%s) p", (payloads,))
                self.faults.count(len(payloads))
                time.sleep(self.random.uniform(0, 0.2))

    # ---- rows ----

    def raise_revisions(self):
        """Of jobs that wait and of those that run. No revision can be raised after that."""
        for _ in range(self.random.randint(2, 8)):
            self.faults.count(len(self.soak.ask(
                f"UPDATE public.jobs SET revision = {MOST} WHERE job_id IS NULL"
                " AND status IN ('Q', 'A', 'GO') AND random() < 0.5 RETURNING id")))
            time.sleep(self.random.uniform(0.02, 0.5))

    def refuse_claims(self):
        """Of some jobs, which hold up their COs meanwhile."""
        self.soak.tell(REFUSE_CLAIMS.format(self.random.randrange(7)))
        began = self.clock.shows(time.monotonic())
        self.faults.pause(0.2, 0.5)
        self.faults.count(self.soak.ask("SELECT COALESCE(sum(refusals), 0)::int FROM jobd.lane"
                                        " WHERE refused_since >= to_timestamp(%s)", began)[0][0])
        self.soak.tell("DROP TRIGGER soak_site ON public.jobs")

    def write_unseen(self, statement, values=()):
        """The ids that a statement returns which our triggers do not see."""
        off, on = self.random.choice(WITHOUT_TRIGGERS)
        with contextlib.closing(self.soak.connect()) as db, db.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '5s'; BEGIN; {off}")
            cursor.execute(statement, values)
            jobs = [row[0] for row in cursor.fetchall()]
            cursor.execute(f"{on}; COMMIT")
        self.faults.count(len(jobs))
        return jobs

    def wait_found(self, jobs, condition):
        end = time.monotonic() + FOUND
        while self.soak.ask(f"SELECT FROM public.jobs j WHERE j.id = ANY (%s) AND {condition}", jobs):
            if time.monotonic() > end:
                self.soak.complain("slow", f"some of {jobs}, written without triggers, were not found"
                                           f" in {FOUND} s")
                return
            time.sleep(0.05)

    def insert_unseen(self):
        parameters = [json.dumps(self.soak.parameters(self.random, f"unseen {n}"))
                      for n in range(self.random.randint(1, 30))]
        jobs = self.write_unseen(
            "INSERT INTO public.jobs (co_id, plugin, parameters, status, register_time,"
            " start_after_time, created, revision, deleted) SELECT co, 'Example.CountJob', p, 'Q',"
            f" {NOW}, {NOW}, {NOW}, 0, false"
            " FROM unnest(%s::int[], %s::text[]) rows (co, p) RETURNING id",
            ([self.random.choice(self.soak.cos) for _ in parameters], parameters))
        self.soak.expected.update(jobs)
        self.wait_found(jobs, "j.status = 'Q' AND NOT EXISTS"
                              " (SELECT FROM jobd.queue q WHERE q.job_id = j.id)")

    def cancel_unseen(self):
        """What waits must not be run; what runs is told at the next poll."""
        jobs = self.write_unseen(
            "UPDATE public.jobs SET status = 'CX', finish_summary = 'unseen',"
            " actor_identifier = 'soak' WHERE id IN (SELECT id FROM public.jobs WHERE job_id IS NULL"
            " AND status IN ('Q', 'A', 'GO') ORDER BY random() LIMIT %s)"
            " AND status IN ('Q', 'A', 'GO') RETURNING id", (self.random.randint(1, 10),))
        self.soak.canceled.update(jobs)
        self.wait_found(jobs, "EXISTS (SELECT FROM jobd.queue q WHERE q.job_id = j.id)")

    # ---- the server's clock ----

    def set_clock(self, seconds, harm=lambda: None, is_kept=True):
        self.clock.set(seconds)
        self.faults.count()
        harm()
        self.faults.pause(0.1, 0.8)
        if seconds < 0 or not is_kept:
            self.clock.set(-seconds)
