/*
 * Two halves: which reason it is (a row of questions, the most fundamental one first), and the
 * sentence for it.
 */
#include "core/why.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define AHEAD_MAX 1000 /* why_job.sql counts no further */

const char *why_word(WhyReason reason) {
        static const char *const words[_WHY_REASON_MAX] = {
#define X(reason, word) [WHY_##reason] = word,
                WHY_REASONS(X)
#undef X
        };
        return (unsigned) reason < _WHY_REASON_MAX ? words[reason] : NULL;
}

static WhyReason reason_of_running(const WhyFacts *f) {
        if (f->has_lane && f->holder.is_alive) {
                if (f->stalled != WHEN_NEVER)
                        return WHY_STALLED;
                return f->state == JOB_ASSIGNED ? WHY_STARTING : WHY_RUNNING;
        }
        if (f->command.id && f->command.is_alive)
                return f->state == JOB_ASSIGNED ? WHY_STARTING : WHY_RUNNING;
        return f->has_lane || f->command.id ? WHY_RUNNER_LAPSED : WHY_FOREIGN;
}

/* WHY_READY when the CO is active. */
static WhyReason reason_of_co(const WhyFacts *f) {
        const char *status = f->co_status ? f->co_status : "";
        if (!strcmp(status, "-"))
                return WHY_CO_GONE;
        if (!strcmp(status, "S"))
                return WHY_CO_SUSPENDED;
        if (!strcmp(status, "T"))
                return WHY_CO_TEMPLATE;
        return strcmp(status, "A") ? WHY_CO_INACTIVE : WHY_READY;
}

static WhyReason reason_of_queued(const WhyFacts *f) {
        int is_held = f->holder.id != 0;

        if (f->start_after != WHEN_NEVER && f->start_after > f->now)
                return WHY_NOT_DUE;
        WhyReason reason = reason_of_co(f);
        if (reason != WHY_READY)
                return reason;
        if (!f->daemons && !(is_held && f->holder.is_alive))
                return WHY_NO_DAEMON;
        if (!f->is_in_queue)
                return WHY_NOT_IN_QUEUE;
        if (is_held && !f->holder.is_alive)
                return WHY_LANE_LAPSED;
        if (is_held && f->running)
                return f->running_state == JOB_CANCELED ? WHY_BEHIND_STOPPING : WHY_BEHIND_RUNNING;
        if (!is_held && f->busy >= f->workers)
                return WHY_POOL_FULL;
        if (f->ahead)
                return WHY_BEHIND_WAITING;
        return is_held ? WHY_LANE_HELD : WHY_READY;
}

static WhyReason reason_of(const WhyFacts *f) {
        if (!f->is_there)
                return WHY_NO_JOB;
        if (f->archive_of)
                return WHY_ARCHIVE;
        if (f->is_deleted)
                return WHY_DELETED;
        switch (f->state) {
        case JOB_QUEUED:
                return reason_of_queued(f);
        case JOB_ASSIGNED:
        case JOB_IN_PROGRESS:
                return reason_of_running(f);
        case JOB_COMPLETE:
                return WHY_COMPLETE;
        case JOB_FAILED:
                return WHY_FAILED;
        case JOB_CANCELED:
                return f->running == f->id ? WHY_STOPPING : WHY_CANCELED;
        default:
                return WHY_NO_STATUS;
        }
}

/* ---- the sentences ---- */

#define SAY(...) ((void) text_append(a->sentence, sizeof(a->sentence), __VA_ARGS__))

static void say_successor(const WhyFacts *f, WhyAnswer *a) {
        if (f->successor)
                SAY("; it was queued again as job %d", (int) f->successor);
}

/* " on HOST, PID 4711, since ..." */
static void say_runner(const WhyFacts *f, WhyAnswer *a, const char *host, int32_t pid,
                       int64_t since) {
        char when[WHEN_SIZE];

        when_since(since, f->now, when);
        SAY(" on %s, PID %d%s%s", host && *host ? host : "an unknown host", (int) pid,
            *when ? ", " : "", when);
        a->host = host;
        a->pid = pid;
        a->since = since;
}

static void say_own_runner(const WhyFacts *f, WhyAnswer *a) {
        say_runner(f, a, f->host, f->pid, f->started != WHEN_NEVER ? f->started : f->modified);
}

static void say_lapsed(const WhyFacts *f, WhyAnswer *a, const WhySupervisor *who) {
        char span[WHEN_SIZE];

        when_span(who->seen_ago, span);
        if (who->has_lapsed)
                SAY(", whose supervisor was last seen %s ago", span);
        else
                SAY(", whose supervisor is gone");
        SAY("%s", f->daemons ? "; the next sweep of a daemon settles what it left"
                             : "; what it left is settled as soon as a daemon is started");
}

static void say_final(const WhyFacts *f, WhyAnswer *a) {
        char when[WHEN_SIZE];
        const char *summary = f->summary && *f->summary ? f->summary : "it has no summary";

        when_at(f->finished, f->now, when);
        switch (a->reason) {
        case WHY_COMPLETE:
                SAY("completed%s%s: %s", *when ? " " : "", when, summary);
                break;
        case WHY_FAILED:
                SAY("failed%s%s: %s", *when ? " " : "", when, summary);
                break;
        default:
                SAY("was canceled");
                if (f->actor && *f->actor)
                        SAY(" by %s", f->actor);
                SAY("%s%s", *when ? " " : "", when);
                if (a->reason == WHY_STOPPING) {
                        SAY("; its plugin has not stopped yet, it runs");
                        say_own_runner(f, a);
                }
        }
        a->since = f->finished;
        say_successor(f, a);
}

static void say_running(const WhyFacts *f, WhyAnswer *a) {
        char when[WHEN_SIZE];

        if (a->reason == WHY_STARTING)
                SAY("is assigned and about to start");
        else if (a->reason == WHY_FOREIGN)
                SAY("is %s by somebody else's runner", job_state_name(f->state));
        else
                SAY("is %s", a->reason == WHY_RUNNER_LAPSED ? job_state_name(f->state) : "running");
        say_own_runner(f, a);
        if (a->reason == WHY_RUNNER_LAPSED) {
                say_lapsed(f, a, f->has_lane ? &f->holder : &f->command);
                return;
        }
        if (a->reason == WHY_FOREIGN) {
                SAY("; no daemon touches it: see registry-job doctor, and registry-job settle %d",
                    (int) f->id);
                return;
        }
        if (f->percent >= 0 && f->state == JOB_IN_PROGRESS)
                SAY(", at %d %%", (int) f->percent);
        SAY(", plugin %s", f->plugin ? f->plugin : "(none)");
        if (f->command.id && !f->has_lane)
                SAY(", in the foreground of registry-job -s");
        if (a->reason == WHY_STALLED) {
                when_since(f->stalled, f->now, when);
                SAY("; it has shown no sign of life %s", when);
                a->since = f->stalled;
        }
}

static void say_co(const WhyFacts *f, WhyAnswer *a) {
        static const char *const words[_WHY_REASON_MAX] = {
                [WHY_CO_GONE] = "is not there, or was deleted",
                [WHY_CO_SUSPENDED] = "is suspended",
                [WHY_CO_TEMPLATE] = "is a template",
                [WHY_CO_INACTIVE] = "is not active",
        };
        SAY("does not start, because its CO %d %s", (int) f->co_id, words[a->reason]);
}

static void say_ahead(const WhyFacts *f, WhyAnswer *a) {
        if (f->ahead > AHEAD_MAX)
                SAY("; more than %d jobs of its CO wait before it", AHEAD_MAX);
        else if (f->ahead)
                SAY("; %d job%s of its CO wait%s before it", (int) f->ahead,
                    f->ahead == 1 ? "" : "s", f->ahead == 1 ? "s" : "");
}

static void say_behind(const WhyFacts *f, WhyAnswer *a) {
        SAY("waits behind job %d of its CO, which ", (int) f->running);
        SAY("%s", a->reason == WHY_BEHIND_STOPPING
                          ? "was canceled, but whose plugin has not stopped yet, and runs"
                          : "runs");
        say_runner(f, a, f->holder_host, f->holder_pid, f->running_since);
        say_ahead(f, a);
        a->behind = f->running;
}

static void say_queue(const WhyFacts *f, WhyAnswer *a) {
        char when[WHEN_SIZE];

        switch (a->reason) {
        case WHY_NOT_DUE:
                when_clock(f->start_after, f->now, when);
                SAY("is not due until %s", when);
                when_span(f->start_after - f->now, when);
                SAY(" (in %s)", when);
                a->since = f->start_after;
                break;
        case WHY_NO_DAEMON:
                SAY("does not start, because no daemon is running");
                say_ahead(f, a);
                break;
        case WHY_NOT_IN_QUEUE:
                SAY("does not start, because it is not in jobd.queue%s: see registry-job doctor",
                    f->has_triggers ? "" : " and triggers of ours on jobs are missing or disabled");
                break;
        case WHY_LANE_LAPSED:
                SAY("waits for its CO's lane, which is held");
                say_runner(f, a, f->holder_host, f->holder_pid, f->holder_since);
                say_lapsed(f, a, &f->holder);
                break;
        case WHY_POOL_FULL:
                SAY("waits for a worker: all workers (%d, of %d daemon%s) are busy with other COs",
                    (int) f->workers, (int) f->daemons, f->daemons == 1 ? "" : "s");
                say_ahead(f, a);
                break;
        case WHY_BEHIND_WAITING:
                SAY("waits for its turn, first comes job %d", (int) f->head);
                say_ahead(f, a);
                a->behind = f->head;
                break;
        case WHY_LANE_HELD:
                SAY("starts within moments: its CO's lane is held by a worker between two jobs");
                say_runner(f, a, f->holder_host, f->holder_pid, f->holder_since);
                break;
        default:
                SAY("is ready and starts within moments");
        }
}

static void say_no_job(const WhyFacts *f, WhyAnswer *a) {
        switch (a->reason) {
        case WHY_NO_JOB:
                (void) snprintf(a->sentence, sizeof(a->sentence), "there is no job %d",
                                (int) f->id);
                break;
        case WHY_ARCHIVE:
                SAY("is no job, but an archive copy of job %d", (int) f->archive_of);
                a->behind = f->archive_of;
                break;
        case WHY_DELETED:
                SAY("was deleted");
                break;
        default:
                SAY("has a status that the Registry does not have; nobody runs it");
        }
}

void why_decide(const WhyFacts *f, WhyAnswer *a) {
        *a = (WhyAnswer){.reason = reason_of(f), .since = WHEN_NEVER};
        SAY("job %d ", (int) f->id);
        switch (a->reason) {
        case WHY_NO_JOB:
        case WHY_ARCHIVE:
        case WHY_DELETED:
        case WHY_NO_STATUS:
                say_no_job(f, a);
                break;
        case WHY_COMPLETE:
        case WHY_FAILED:
        case WHY_CANCELED:
        case WHY_STOPPING:
                say_final(f, a);
                break;
        case WHY_RUNNING:
        case WHY_STARTING:
        case WHY_STALLED:
        case WHY_RUNNER_LAPSED:
        case WHY_FOREIGN:
                say_running(f, a);
                break;
        case WHY_CO_GONE:
        case WHY_CO_SUSPENDED:
        case WHY_CO_TEMPLATE:
        case WHY_CO_INACTIVE:
                say_co(f, a);
                break;
        case WHY_BEHIND_STOPPING:
        case WHY_BEHIND_RUNNING:
                say_behind(f, a);
                break;
        default:
                say_queue(f, a);
        }
}
