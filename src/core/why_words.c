/* The sentence has room for the longest texts that a row can hold. */
#include "core/why_words.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define AHEAD_MAX 1000 /* why_job.sql counts no further */

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
        if (a->reason != WHY_FAILED)
                return;
        SAY("; registry-job log %d shows all that is known", (int) f->id);
        if (!f->successor)
                SAY(", registry-job retry %d queues it again", (int) f->id);
}

static void say_running(const WhyFacts *f, WhyAnswer *a) {
        char when[WHEN_SIZE];

        if (a->reason == WHY_STARTING)
                SAY("is assigned and about to start");
        else if (a->reason == WHY_FOREIGN)
                SAY("is %s under a runner of another system", job_state_name(f->state));
        else
                SAY("is %s", a->reason == WHY_RUNNER_LAPSED ? job_state_name(f->state) : "running");
        say_own_runner(f, a);
        if (a->reason == WHY_RUNNER_LAPSED) {
                say_lapsed(f, a, f->has_lane ? &f->holder : &f->command);
                return;
        }
        if (a->reason == WHY_FOREIGN) {
                SAY("; no daemon changes it: see registry-job doctor and registry-job settle %d",
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
                [WHY_CO_GONE] = "does not exist, or was deleted",
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

static void say_pool(const WhyFacts *f, WhyAnswer *a) {
        int n = f->daemons - f->others;

        SAY("waits for a worker: all workers (%d, of %d daemon%s", (int) f->workers, n,
            n == 1 ? "" : "s");
        if (f->others)
                SAY(" that provide%s %s model", n == 1 ? "s" : "",
                    f->ahead ? "the first job's" : "its");
        SAY(") are busy with other COs");
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

/* What the database says about the first job of the CO, and what to do about it. */
static void say_refusal(const WhyFacts *f, WhyAnswer *a) {
        char since[WHEN_SIZE], next[WHEN_SIZE];

        when_since(f->refused_since, f->now, since);
        when_clock(f->retry_at, f->now, next);
        SAY("%s%s, tried %d time%s, next at %s: %s", *since ? " " : "", since, (int) f->refusals,
            f->refusals == 1 ? "" : "s", next, f->refused_words ? f->refused_words : "");
        SAY("; put that right, or registry-job cancel %d", (int) f->refused);
        a->since = f->refused_since;
}

static void say_refused(const WhyFacts *f, WhyAnswer *a) {
        if (a->reason == WHY_REFUSED) {
                SAY("does not start, because the database refuses to assign it");
        } else {
                SAY("waits for its turn: job %d comes first, which the database refuses to assign",
                    (int) f->refused);
                a->behind = f->refused;
        }
        say_refusal(f, a);
}

static void say_hold(const WhyFacts *f, WhyAnswer *a) {
        const WhyHold *h = &f->hold;
        char when[WHEN_SIZE];

        if (a->reason == WHY_BEHIND_HELD) {
                SAY("waits for its turn: job %d comes first, and ", (int) f->head);
                a->behind = f->head;
        } else {
                SAY("does not start, because ");
        }
        if (*h->model)
                SAY("model %s", h->model);
        else if (h->co_id)
                SAY("CO %d", (int) h->co_id);
        else
                SAY("everything");
        SAY(" is held");
        if (*h->model && h->co_id)
                SAY(" in CO %d", (int) h->co_id);
        when_since(h->since, f->now, when);
        SAY(" %s by %s", when, h->by);
        if (h->until != WHEN_NEVER) {
                when_clock(h->until, f->now, when);
                SAY(", until %s", when);
        }
        if (*h->reason)
                SAY(": %s", h->reason);
        SAY("; registry-job release");
        if (h->co_id)
                SAY(" -c %d", (int) h->co_id);
        else
                SAY(" -c all");
        if (*h->model)
                SAY(" --model %s", h->model);
        SAY(" ends that hold");
        a->since = h->since;
}

/* What is known where nothing else is. */
static void say_stuck(const WhyFacts *f, WhyAnswer *a) {
        char when[WHEN_SIZE];

        if (a->reason == WHY_BEHIND_STUCK) {
                SAY("waits for its turn: job %d comes first, which ", (int) f->head);
                a->behind = f->head;
        }
        when_since(f->ready_since, f->now, when);
        SAY("has been ready %s: its CO's lane is free and so are workers, and none takes it", when);
        a->since = f->ready_since;
}

static void say_trouble(const WhyFacts *f, WhyAnswer *a) {
        char when[WHEN_SIZE];

        if (!f->trouble)
                return;
        when_since(f->trouble_since, f->now, when);
        SAY("; the daemon on %s says %s: %s", f->trouble_host, when, f->trouble);
}

static void say_database(const WhyFacts *f, WhyAnswer *a) {
        char span[WHEN_SIZE];

        when_span(f->silent, span);
        SAY("waits for the database: no daemon could renew its lease for %s; the log of the daemon "
            "says why",
            span);
}

static void say_missing_model(const WhyFacts *f, WhyAnswer *a) {
        if (a->reason == WHY_NO_MODEL) {
                SAY("does not start, because no daemon provides %s", f->missing_model);
        } else {
                SAY("waits for its turn: job %d comes first, and no daemon provides its model %s",
                    (int) f->head, f->missing_model);
                a->behind = f->head;
        }
        if (f->problem)
                SAY(": %s; it waits until that is mended", f->problem);
        else
                SAY("; it waits until its plugin is loaded ([plugins] load), its program "
                    "configured ([exec]) or its Registry ([registry]), and the daemon reloaded");
        SAY(", or until registry-job cancel %d", a->behind ? (int) a->behind : (int) f->id);
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
                SAY("does not start, because it is missing in jobd.queue%s: see registry-job "
                    "doctor",
                    f->has_triggers ? ""
                                    : ", and triggers jobd_* on public.jobs are missing or "
                                      "disabled");
                break;
        case WHY_LANE_LAPSED:
                SAY("waits for its CO's lane, which is held");
                say_runner(f, a, f->holder_host, f->holder_pid, f->holder_since);
                say_lapsed(f, a, &f->holder);
                break;
        case WHY_POOL_FULL:
                say_pool(f, a);
                say_ahead(f, a);
                break;
        case WHY_BEHIND_WAITING:
                SAY("waits for its turn: job %d comes first", (int) f->head);
                say_ahead(f, a);
                a->behind = f->head;
                break;
        case WHY_LANE_HELD:
                SAY("starts within moments: its CO's lane is held by a worker between two jobs");
                say_runner(f, a, f->holder_host, f->holder_pid, f->holder_since);
                break;
        case WHY_DATABASE:
                say_database(f, a);
                say_trouble(f, a);
                break;
        case WHY_STUCK:
        case WHY_BEHIND_STUCK:
                say_stuck(f, a);
                say_trouble(f, a);
                SAY("; registry-job doctor and journalctl -t registry-jobd -p warning say more");
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
                SAY("is not a job, but an archive copy of job %d", (int) f->archive_of);
                a->behind = f->archive_of;
                break;
        case WHY_DELETED:
                SAY("was deleted");
                break;
        default:
                SAY("has a status that the Registry does not know; nobody runs it");
        }
}

void why_say(const WhyFacts *f, WhyAnswer *a) {
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
        case WHY_HELD:
        case WHY_BEHIND_HELD:
                say_hold(f, a);
                break;
        case WHY_NO_MODEL:
        case WHY_BEHIND_NO_MODEL:
                say_missing_model(f, a);
                break;
        case WHY_REFUSED:
        case WHY_BEHIND_REFUSED:
                say_refused(f, a);
                break;
        default:
                say_queue(f, a);
        }
}
