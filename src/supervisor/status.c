/* What systemd is told about how the daemon is; the queue is counted only while somebody listens.
 */
#include "supervisor/supervisor_private.h"

static DatabaseCondition database_of(const Supervisor *s) {
        if (!link_is_up(s->link))
                return DATABASE_AWAY;
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
