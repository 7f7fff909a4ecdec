/*
 * What is told of how the daemon is: systemd, for which the queue is counted only while somebody
 * listens; and everybody, when something is in the way of its workers (the log at once, the row
 * with the next renewal).
 */
#include "supervisor/supervisor_private.h"
#include "util/log.h"

static DatabaseCondition database_of(const Supervisor *s) {
        if (!link_is_up(s->link))
                return link_is_refused(s->link) ? DATABASE_REFUSES : DATABASE_AWAY;
        return !s->is_member && s->is_refusal_told ? DATABASE_REFUSES : DATABASE_UP;
}

void supervisor_tell_status(Supervisor *s) {
        char text[CONDITION_SIZE];
        Condition condition = {.busy = plan_count(s->plan, SLOT_BUSY),
                               .workers = (unsigned) s->config->workers,
                               .queued = s->totals.jobs,
                               .cos = s->totals.cos,
                               .is_more = s->totals.is_more,
                               .is_stopping = s->stop_usec != 0,
                               .database = database_of(s)};

        if (!s->is_ready)
                return;
        condition_describe(&condition, text);
        if (s->is_ready_told)
                service_status(&s->service, text);
        else
                service_ready(&s->service, text);
        s->is_ready_told = 1;
}

void supervisor_note_trouble(Supervisor *s, TroubleKind kind, const char *words) {
        trouble_note(&s->troubles, kind, words, clock_now_usec());
}

void supervisor_end_trouble(Supervisor *s, TroubleKind kind) {
        usec_t lasted = trouble_over(&s->troubles, kind, clock_now_usec());

        if (lasted)
                log_notice("%s, after %.0f s", trouble_end_words(kind),
                           (double) lasted / (double) USEC_PER_SEC);
}

usec_t supervisor_tell_trouble(Supervisor *s, usec_t now) {
        char sentence[TROUBLE_SENTENCE_SIZE];
        const Trouble *trouble;

        while ((trouble = trouble_say(&s->troubles, now))) {
                trouble_describe(trouble, sentence);
                log_warning("for %.0f s %s",
                            (double) usec_sub(now, trouble->since_usec) / (double) USEC_PER_SEC,
                            sentence);
        }
        return trouble_wake(&s->troubles);
}

void supervisor_be_ready(Supervisor *s) {
        s->is_ready = 1;
        supervisor_tell_status(s);
}

static void on_totals(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        (void) number;
        queue_totals_read(reply, &s->totals);
        supervisor_tell_status(s);
}

void supervisor_count_queue(Supervisor *s) {
        Batch batch = {0};

        if (!service_is_watched() || !s->is_member)
                return;
        queue_totals_add(&batch);
        (void) link_submit(s->link, &batch, on_totals, s, 0);
}
