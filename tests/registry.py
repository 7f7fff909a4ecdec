"""A program that writes to jobs as COmanage Registry does: by id alone, with an archive copy of the
old values before each change, in one transaction; what it read before decides, with a gap between.
"""
import contextlib

import psycopg2
import psycopg2.extras

REFUSED = "RJ001"  # the SQLSTATE of the guard
FINAL = ("OK", "X", "CX")


def now_in(zone):
    """The time as SQL, as the Registry writes it there."""
    return f"date_trunc('second', clock_timestamp() AT TIME ZONE '{zone}')"


class Refused(Exception):
    """The database said no; the transaction was rolled back."""


class Registry:
    """One session of it, which writes its times in `zone`."""

    def __init__(self, db, user="postgres", pid=31337, zone="UTC"):
        self.now = now_in(zone)
        self.conn = psycopg2.connect(db.cluster.conninfo(db.name, user),
                                     cursor_factory=psycopg2.extras.RealDictCursor,
                                     application_name="registry")
        self.host, self.pid = "www.example.org", pid
        with self.transaction() as cursor:
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_schema"
                           " = 'public' AND table_name = 'jobs' AND column_name NOT IN"
                           " ('id', 'job_id')")
            self.columns = ", ".join(row["column_name"] for row in cursor)

    def close(self):
        self.conn.close()

    @contextlib.contextmanager
    def transaction(self):
        with self.conn, self.conn.cursor() as cursor:
            try:
                yield cursor
            except psycopg2.Error as error:
                if error.pgcode == REFUSED:
                    raise Refused(str(error)) from error
                raise

    def read(self, job):
        with self.transaction() as cursor:
            cursor.execute("SELECT * FROM public.jobs WHERE id = %s", (job,))
            return cursor.fetchone()

    def copy(self, cursor, job):
        cursor.execute(f"INSERT INTO public.jobs (job_id, {self.columns}) SELECT id, {self.columns}"
                       " FROM public.jobs WHERE id = %s", (job,))

    def save(self, job, **changes):
        """Whatever the row is by now."""
        sets = ", ".join(f"{key} = %s" for key in changes)
        with self.transaction() as cursor:
            self.copy(cursor, job)
            cursor.execute(f"UPDATE public.jobs SET {sets}, modified = {self.now},"
                           " revision = revision + 1, actor_identifier = '' WHERE id = %s",
                           [*changes.values(), job])

    def register(self, co, plugin="Example.NoopJob", parameters="[]", **columns):
        row = {"co_id": co, "plugin": plugin, "parameters": parameters, "status": "Q",
               "register_summary": "Started via JobCommand by www-data (uid 33)", "revision": 0,
               "deleted": False, "actor_identifier": "", **columns}
        times = {"register_time", "start_after_time", "created", "modified"} - set(row)
        with self.transaction() as cursor:
            cursor.execute(f"INSERT INTO public.jobs ({', '.join([*row, *times])}) VALUES"
                           f" ({', '.join(['%s'] * len(row) + [self.now] * len(times))})"
                           " RETURNING id", list(row.values()))
            return cursor.fetchone()["id"]

    def assign(self, job):
        assert self.read(job)["status"] == "Q"
        self.save(job, status="A", assigned_host=self.host, assigned_pid=self.pid)

    def start(self, job):
        self.save(job, status="GO", start_summary="started")

    def finish(self, job, status="OK"):
        self.save(job, status=status, finish_summary=f"finished by {self.pid}")

    def process(self, job):
        """As its `job -j -s` and its runner: a transaction for each step."""
        self.assign(job)
        self.start(job)
        self.finish(job)

    def cancel(self, job, gap=lambda: None):
        """0 when the job is final already; `gap` runs between the look and the write."""
        if self.read(job)["status"] in FINAL:
            return 0
        gap()
        self.save(job, status="CX", finish_summary="Job canceled by ada")
        return 1

    def run_queue(self, co, maximum=100):
        """Its runner: the lowest Queued job that is due, one after another. How many were run."""
        for n in range(maximum):
            with self.transaction() as cursor:
                cursor.execute("SELECT id FROM public.jobs WHERE co_id = %s AND status = 'Q' AND"
                               " job_id IS NULL AND deleted IS NOT TRUE AND start_after_time <="
                               f" {self.now} ORDER BY id LIMIT 1", (co,))
                row = cursor.fetchone()
            if not row:
                return n
            self.process(row["id"])
        return maximum

    def delete_co(self, co):
        """A CO goes with all that it has, its jobs and their copies and history included."""
        with self.transaction() as cursor:
            cursor.execute("DELETE FROM public.job_history_records WHERE job_id IN"
                           " (SELECT id FROM public.jobs WHERE co_id = %s)", (co,))
            cursor.execute("UPDATE public.jobs SET job_id = NULL, requeued_from_job_id = NULL,"
                           " deleted = true WHERE co_id = %s AND job_id IS NOT NULL", (co,))
            cursor.execute("DELETE FROM public.jobs WHERE co_id = %s", (co,))
            cursor.execute("DELETE FROM public.cos WHERE id = %s", (co,))
