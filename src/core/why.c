/*
 * Finds the reason: a row of questions, the most fundamental one first. The sentence for it is
 * written in why_words.c. `registry-job why` collects the facts (cli/evidence.c).
 */
#include "core/why.h"

#include <string.h>

#include "core/why_words.h"

/* A ready job with a free lane and a free worker starts within moments. */
#define READY_SECONDS 30

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

/* The reason that the CO is; WHY_READY when it is active. */
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
        if (f->hold.is_there)
                return f->ahead && *f->hold.model ? WHY_BEHIND_HELD : WHY_HELD;
        if (!f->daemons && !(is_held && f->holder.is_alive))
                return WHY_NO_DAEMON;
        if (!f->is_in_queue)
                return WHY_NOT_IN_QUEUE;
        if (is_held && !f->holder.is_alive)
                return WHY_LANE_LAPSED;
        if (f->silent)
                return WHY_DATABASE;
        if (is_held && f->running)
                return f->running_state == JOB_CANCELED ? WHY_BEHIND_STOPPING : WHY_BEHIND_RUNNING;
        if (f->refused)
                return f->refused == f->id ? WHY_REFUSED : WHY_BEHIND_REFUSED;
        if (f->missing_model)
                return f->ahead ? WHY_BEHIND_NO_MODEL : WHY_NO_MODEL;
        if (!is_held && f->busy >= f->workers)
                return WHY_POOL_FULL;
        if (f->is_stuck)
                return f->ahead ? WHY_BEHIND_STUCK : WHY_STUCK;
        if (f->ahead)
                return WHY_BEHIND_WAITING;
        return is_held ? WHY_LANE_HELD : WHY_READY;
}

int why_is_suspicious(const WhyFacts *f, const WhyAnswer *a) {
        return (a->reason == WHY_READY || a->reason == WHY_LANE_HELD ||
                a->reason == WHY_BEHIND_WAITING) &&
               f->ready_since != WHEN_NEVER && f->now - f->ready_since > READY_SECONDS;
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

void why_decide(const WhyFacts *f, WhyAnswer *a) {
        *a = (WhyAnswer){.reason = reason_of(f), .since = WHEN_NEVER};
        why_say(f, a);
}
