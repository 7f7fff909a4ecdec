#include "core/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/when.h"
#include "util/text.h"

#define CLOCK_LIMIT_USEC 2000000
#define TRANSACTION_LIMIT_S 600
#define NOTIFICATIONS_LIMIT 10 /* per cent */
#define CONNECTIONS_FREE 10
#define DEAD_ROWS_MIN 10000 /* below this autovacuum just has not come yet */
#define DEAD_ROWS_FACTOR 5
#define LANE_IDLE_LIMIT_S 60

const char *doctor_level_name(DoctorLevel level) {
        static const char *const names[_DOCTOR_LEVEL_MAX] = {"ok", "notice", "warning", "error"};
        return (unsigned) level < _DOCTOR_LEVEL_MAX ? names[level] : NULL;
}

void doctor_add(DoctorReport *report, DoctorLevel level, const char *check, const char *remedy,
                const char *format, ...) {
        char text[2 * sizeof(report->findings[0].text)];
        va_list ap;

        if (report->n == DOCTOR_FINDINGS_MAX) {
                Finding *last = &report->findings[DOCTOR_FINDINGS_MAX - 1];
                last->level = MAX_OF(last->level, level);
                last->check = "more";
                (void) snprintf(last->text, sizeof(last->text), "there is more than fits here");
                (void) snprintf(last->remedy, sizeof(last->remedy),
                                "put the above right, and run it again");
                return;
        }
        Finding *finding = &report->findings[report->n++];
        finding->level = level;
        finding->check = check;
        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) text_copy_utf8(finding->text, sizeof(finding->text), 0, text);
        (void) text_copy_utf8(finding->remedy, sizeof(finding->remedy), 0, remedy);
}

DoctorLevel doctor_worst(const DoctorReport *report) {
        DoctorLevel worst = DOCTOR_OK;
        for (size_t i = 0; i < report->n; i++)
                worst = MAX_OF(worst, report->findings[i].level);
        return worst;
}

int doctor_has_none(const DoctorReport *report, const char *check) {
        for (size_t i = 0; i < report->n; i++)
                if (!strcmp(report->findings[i].check, check))
                        return 0;
        return 1;
}

static void check_settings(DoctorReport *r, const DoctorServer *s) {
        char remedy[512];

        if (s->is_read_only)
                doctor_add(r, DOCTOR_ERROR, "settings",
                           "set it to off for the role and the database",
                           "default_transaction_read_only is on: nothing can be changed");
        if (!strcmp(s->synchronous_commit, "off")) {
                (void) snprintf(remedy, sizeof(remedy),
                                "ALTER ROLE %.100s SET synchronous_commit = on", s->role);
                doctor_add(r, DOCTOR_WARNING, "settings", remedy,
                           "synchronous_commit is off: when the server crashes, jobs that had "
                           "ended are taken for lost, and are tried again");
        }
        if (!s->has_autovacuum)
                doctor_add(r, DOCTOR_WARNING, "settings",
                           "turn autovacuum and track_counts on in postgresql.conf",
                           "autovacuum is off: jobd.queue fills with dead rows");
        if (doctor_has_none(r, "settings"))
                doctor_add(r, DOCTOR_OK, "settings", NULL, "none that hurts");
}

static void check_load(DoctorReport *r, const DoctorServer *s) {
        int64_t room = s->connections_max - s->connections;
        int is_full = s->notifications > NOTIFICATIONS_LIMIT;
        int is_dead =
                s->queue_dead >= DEAD_ROWS_MIN && s->queue_dead > DEAD_ROWS_FACTOR * s->queue_live;

        doctor_add(r, room < CONNECTIONS_FREE ? DOCTOR_WARNING : DOCTOR_OK, "connections",
                   room < CONNECTIONS_FREE
                           ? "raise max_connections, or lower [pool] workers: each worker has one"
                           : NULL,
                   "%lld of %lld are in use", (long long) s->connections,
                   (long long) s->connections_max);
        doctor_add(r, is_full ? DOCTOR_WARNING : DOCTOR_OK, "notifications",
                   is_full ? "find the session that LISTENs inside a long transaction, and end it"
                           : NULL,
                   "%lld %% of the queue of NOTIFY is in use", (long long) s->notifications);
        doctor_add(r, is_dead ? DOCTOR_WARNING : DOCTOR_OK, "dead rows",
                   is_dead ? "end old transactions, then VACUUM jobd.queue" : NULL,
                   "jobd.queue has %lld dead rows and %lld that count", (long long) s->queue_dead,
                   (long long) s->queue_live);
}

void doctor_server(DoctorReport *r, const DoctorServer *s) {
        if (s->is_standby)
                doctor_add(r, DOCTOR_ERROR, "connection",
                           "give all servers in conninfo, with target_session_attrs=read-write",
                           "the server is a standby: nothing can be changed there");
        else
                doctor_add(r, DOCTOR_OK, "connection", NULL, "PostgreSQL %s, database %s, role %s",
                           s->version, s->database, s->role);
        check_settings(r, s);
        check_load(r, s);
}

void doctor_pooler(DoctorReport *r, int is_between, int is_shared) {
        if (!is_between)
                doctor_add(r, DOCTOR_OK, "pooler", NULL, "none: this is the server itself");
        else if (is_shared)
                doctor_add(r, DOCTOR_ERROR, "pooler",
                           "connect the daemon to the server itself, or to a pool in session mode",
                           "a connection pooler in transaction mode is in between: LISTEN and "
                           "prepared statements get lost");
        else
                doctor_add(r, DOCTOR_NOTICE, "pooler",
                           "if notifications get lost, connect the daemon to the server itself",
                           "a connection pooler is in between, in session mode as it seems");
}

void doctor_schema(DoctorReport *r, int version, int needed) {
        if (!version)
                doctor_add(r, DOCTOR_ERROR, "schema", "as the owner: registry-job schema install",
                           "schema jobd is not installed, or this role may not see it");
        else if (version < needed)
                doctor_add(r, DOCTOR_ERROR, "schema", "as the owner: registry-job schema upgrade",
                           "schema jobd has version %d, this program needs %d", version, needed);
        else if (version > needed)
                doctor_add(r, DOCTOR_ERROR, "schema", "install the newer programs on this host",
                           "schema jobd has version %d, this program knows %d only", version,
                           needed);
        else
                doctor_add(r, DOCTOR_OK, "schema", NULL, "version %d", version);
}

void doctor_trigger(DoctorReport *r, const char *name, int is_there) {
        char remedy[512];

        if (is_there)
                (void) snprintf(remedy, sizeof(remedy),
                                "as the owner: ALTER TABLE public.jobs ENABLE TRIGGER %s; then "
                                "SELECT jobd.resync()",
                                name);
        else
                (void) snprintf(remedy, sizeof(remedy),
                                "as the owner: registry-job schema remove, then registry-job "
                                "schema install, with the daemons stopped");
        doctor_add(r, DOCTOR_ERROR, "triggers", remedy, "%s on public.jobs is %s", name,
                   is_there ? "disabled" : "missing");
}

void doctor_right(DoctorReport *r, const char *role, const char *right, int is_extra) {
        char remedy[512];

        (void) snprintf(remedy, sizeof(remedy),
                        "as the owner: registry-job schema roles | psql; psql -c 'GRANT "
                        "registry_jobd TO %.100s'",
                        role);
        doctor_add(r, is_extra ? DOCTOR_NOTICE : DOCTOR_ERROR, "rights", remedy, "%s lacks %s%s",
                   role, right, is_extra ? ", which CoreJob.NesterJob needs" : "");
}

void doctor_queue(DoctorReport *r, int64_t missing, int64_t superfluous, int64_t late,
                  int has_daemon) {
        const char *remedy = "SELECT jobd.resync(); a daemon does it whenever it connects";

        if (missing)
                doctor_add(r, DOCTOR_ERROR, "queue", remedy,
                           "%lld queued jobs are not in jobd.queue: no daemon sees them",
                           (long long) missing);
        if (superfluous)
                doctor_add(r, DOCTOR_WARNING, "queue", remedy,
                           "%lld rows of jobd.queue are not what their jobs say",
                           (long long) superfluous);
        if (late && has_daemon)
                doctor_add(r, DOCTOR_WARNING, "queue",
                           "look at the logs of the daemons: can they reach the database?",
                           "%lld jobs fell due more than a minute ago, and no daemon noticed",
                           (long long) late);
        if (doctor_has_none(r, "queue"))
                doctor_add(r, DOCTOR_OK, "queue", NULL, "jobd.queue is what the jobs say");
}

void doctor_supervisor(DoctorReport *r, const DoctorSupervisor *s, int has_daemon) {
        char ago[WHEN_SIZE], lease[WHEN_SIZE], how[2 * WHEN_SIZE + 64];

        if (s->is_alive)
                return;
        when_span(s->seen_ago, ago);
        when_span(s->lease, lease);
        if (s->has_lapsed)
                (void) snprintf(how, sizeof(how), "was last seen %s ago, with a lease of %s", ago,
                                lease);
        else
                (void) snprintf(how, sizeof(how), "is gone");
        doctor_add(r, DOCTOR_WARNING, "supervisors",
                   has_daemon ? "wait a moment: a daemon settles it; if it stays, look at the logs"
                              : "start a daemon: it settles what is left",
                   "the %s on %s, PID %d, %s; it holds %d lane%s, and nobody has settled it",
                   s->is_daemon ? "daemon" : "command", s->host, (int) s->pid, how, (int) s->lanes,
                   s->lanes == 1 ? "" : "s");
}

void doctor_daemons(DoctorReport *r, int n, int workers) {
        if (!n)
                doctor_add(r, DOCTOR_WARNING, "daemons", "systemctl start registry-jobd",
                           "no daemon is running: queued jobs wait");
        else
                doctor_add(r, DOCTOR_OK, "daemons", NULL, "%d with %d workers", n, workers);
}

void doctor_holder(DoctorReport *r, const DoctorHolder *h) {
        char since[WHEN_SIZE], remedy[128], what[160];

        when_since(h->since, h->now, since);
        if (h->process)
                (void) snprintf(what, sizeof(what), "that PID is '%.64s' now", h->process);
        else if (h->is_here)
                (void) snprintf(what, sizeof(what), "there is no such process on this host");
        else if (h->daemons)
                (void) snprintf(what, sizeof(what),
                                "a daemon of ours is known on that host, but it is not its job");
        else
                (void) snprintf(what, sizeof(what), "no daemon of ours is known on that host");
        (void) snprintf(remedy, sizeof(remedy),
                        h->process   ? "if that is its runner, end it; then registry-job settle %d "
                                       "(--force if it is not)"
                        : h->is_here ? "registry-job settle %d"
                                     : "make sure that it is dead, then registry-job settle %d",
                        (int) h->id);
        doctor_add(r, DOCTOR_WARNING, "holders", remedy,
                   "job %d of CO %d is %s on %s, PID %d, %s, and nobody of ours has it; %s",
                   (int) h->id, (int) h->co_id, h->state ? job_state_name(h->state) : "?",
                   h->host ? h->host : "an unknown host", (int) h->pid, since, what);
}

void doctor_lane(DoctorReport *r, const DoctorLane *l) {
        char remedy[512], span[WHEN_SIZE];

        if (l->idle_s > LANE_IDLE_LIMIT_S) {
                when_span(l->idle_s, span);
                (void) snprintf(remedy, sizeof(remedy), "kill %d on %.64s: a daemon gives it back",
                                (int) l->pid, l->host);
                doctor_add(r, DOCTOR_WARNING, "lanes", remedy,
                           "the lane of CO %d is held on %s, PID %d, where nothing has run for %s",
                           (int) l->co_id, l->host, (int) l->pid, span);
        }
        if (l->stalled_job) {
                when_span(l->stalled_s, span);
                (void) snprintf(remedy, sizeof(remedy),
                                "registry-job cancel %d asks its plugin to stop, kill %d on %.64s "
                                "ends it",
                                (int) l->stalled_job, (int) l->pid, l->host);
                doctor_add(r, DOCTOR_WARNING, "stalled", remedy,
                           "job %d of CO %d on %s, PID %d, has shown no sign of life for %s",
                           (int) l->stalled_job, (int) l->co_id, l->host, (int) l->pid, span);
        }
}

void doctor_clock(DoctorReport *r, int64_t ahead_usec, int64_t uncertainty_usec) {
        int64_t size = ahead_usec < 0 ? -ahead_usec : ahead_usec;
        int is_off = size - uncertainty_usec > CLOCK_LIMIT_USEC;

        doctor_add(r, is_off ? DOCTOR_WARNING : DOCTOR_OK, "clock",
                   is_off ? "run a time service on both hosts" : NULL,
                   "the database's, which counts, is %.3f s %s this host's, give or take %.3f s",
                   (double) size / 1e6, ahead_usec < 0 ? "behind" : "ahead of",
                   (double) uncertainty_usec / 1e6);
}

void doctor_transactions(DoctorReport *r, int64_t age_s, const char *what, int64_t hidden) {
        char span[WHEN_SIZE];
        int is_old = what && age_s > TRANSACTION_LIMIT_S;

        when_span(age_s, span);
        if (what)
                doctor_add(r, is_old ? DOCTOR_WARNING : DOCTOR_OK, "transactions",
                           is_old ? "end it: as long as it is open, no dead row can go" : NULL,
                           "the oldest has been open for %s: %s", span, what);
        if (hidden)
                doctor_add(r, DOCTOR_NOTICE, "transactions",
                           "GRANT pg_read_all_stats to this role, or ask as a superuser",
                           "%lld sessions do not show this role how old their transactions are",
                           (long long) hidden);
        if (!what && !hidden)
                doctor_add(r, DOCTOR_OK, "transactions", NULL, "none is open besides this one");
}
