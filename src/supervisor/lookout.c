#include "supervisor/lookout.h"

#include "db/lane_store.h"
#include "util/log.h"

#define MIN_INTERVAL_USEC (100 * USEC_PER_MSEC)
/* A timer that fires early would find nothing due, and look again at once. */
#define DUE_MARGIN_USEC (2 * USEC_PER_MSEC)
#define RETRY_USEC USEC_PER_SEC /* after an error that may be over by then */

static void look(Lookout *lookout, Count why);

static void arm(Lookout *lookout, usec_t delay_usec, Count why) {
        lookout->due_why = why;
        ev_timer_stop(lookout->loop, &lookout->due);
        ev_timer_set(&lookout->due, (double) delay_usec / (double) USEC_PER_SEC, 0);
        ev_timer_start(lookout->loop, &lookout->due);
}

/* Said once; a lost connection is not ours to tell, and is looked at when it is back. */
static void note_failure(Lookout *lookout, const DbError *error) {
        if (error->class == DB_E_UNAVAILABLE)
                return;
        if (!lookout->has_failed && error->class != DB_E_RETRY)
                log_error("could not look at the queue, trying again: %s", error->message);
        lookout->has_failed = error->class != DB_E_RETRY;
        arm(lookout, RETRY_USEC, COUNT_LOOKS_OTHER);
}

static void on_looked(const DbReply *reply, void *userdata, int64_t number) {
        Lookout *lookout = userdata;
        (void) number;

        lookout->is_asking = 0;
        if (reply->error.class) {
                note_failure(lookout, &reply->error);
                return;
        }
        lookout->has_failed = 0;
        for (int row = 0; row < queue_look_rows(reply); row++)
                lookout->events.on_waiting(queue_look_co(reply, row), lookout->events.userdata);
        lookout->events.on_looked(lookout->events.userdata);

        usec_t next = queue_look_next(reply);
        if (lookout->is_again || queue_look_is_full(reply))
                look(lookout, lookout->is_again ? lookout->again_why : COUNT_LOOKS_TIMER);
        else if (next < lookout->sweep_usec)
                arm(lookout, MAX_OF(next + DUE_MARGIN_USEC, MIN_INTERVAL_USEC), COUNT_LOOKS_TIMER);
}

static void ask(Lookout *lookout, Count why) {
        Batch batch = {0};

        lookout->is_again = 0;
        lookout->asked_usec = clock_now_usec();
        queue_look_add(&batch);
        lookout->is_asking = !link_submit(lookout->link, &batch, on_looked, lookout, 0);
        if (lookout->is_asking)
                tally_count(lookout->tally, why);
}

static void look(Lookout *lookout, Count why) {
        usec_t now = clock_now_usec();
        usec_t not_before = usec_add(lookout->asked_usec, MIN_INTERVAL_USEC);

        if (!link_is_up(lookout->link))
                return;
        if (lookout->is_asking) {
                lookout->is_again = 1;
                lookout->again_why = why;
        } else if (lookout->asked_usec && now < not_before) {
                arm(lookout, not_before - now, why);
        } else {
                ask(lookout, why);
        }
}

void lookout_look(Lookout *lookout) {
        look(lookout, COUNT_LOOKS_OTHER);
}

void lookout_sweep(Lookout *lookout) {
        look(lookout, COUNT_LOOKS_SWEEP);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events) {
        Lookout *lookout = timer->data;
        (void) loop;
        (void) events;
        look(lookout, lookout->due_why);
}

void lookout_init(Lookout *lookout, struct ev_loop *loop, Link *link, Tally *tally,
                  const LookoutEvents *events) {
        *lookout = (Lookout){.loop = loop, .link = link, .tally = tally, .events = *events};
        ev_timer_init(&lookout->due, on_due, 0, 0);
        lookout->due.data = lookout;
}

void lookout_done(Lookout *lookout) {
        ev_timer_stop(lookout->loop, &lookout->due);
}

void lookout_down(Lookout *lookout) {
        lookout->is_asking = lookout->is_again = lookout->is_polling = 0;
        lookout->asked_usec = 0;
        ev_timer_stop(lookout->loop, &lookout->due);
}

static void on_canceled(const DbReply *reply, void *userdata, int64_t number) {
        Lookout *lookout = userdata;
        (void) number;

        lookout->is_polling = 0;
        for (int row = 0; row < db_rows(reply, 0); row++)
                lookout->events.on_canceled((int32_t) db_int(reply->results[0], row, 0),
                                            lookout->events.userdata);
}

void lookout_poll_cancels(Lookout *lookout, const int32_t *ids, size_t n) {
        Batch batch = {0};

        if (!n || lookout->is_polling || !link_is_up(lookout->link))
                return;
        batch_add(&batch, SQL_JOB_CANCELED);
        batch_int_array(&batch, ids, n);
        lookout->is_polling = !link_submit(lookout->link, &batch, on_canceled, lookout, 0);
}
