/*
 * One look is three statements in one round trip: what fell due becomes ready, which COs wait, when
 * the next job falls due. A look that fails is said once, and tried again after a second. Where
 * more COs wait than one look takes, the next one goes on behind them.
 *
 * Whether jobs were canceled is one statement about all that run, however many notifications say
 * so.
 */
#include "supervisor/lookout.h"

#include "db/lane_store.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"

#define MIN_INTERVAL_USEC (50 * USEC_PER_MSEC)
/* A timer that fires early would find nothing due, and look again at once. */
#define DUE_MARGIN_USEC (2 * USEC_PER_MSEC)
#define RETRY_USEC USEC_PER_SEC /* after an error that may be over by then */

static void look_soon(Supervisor *s, Count why);

static void arm_due(Supervisor *s, usec_t delay_usec, Count why) {
        s->lookout.due_why = why;
        ev_timer_stop(s->loop, &s->lookout.due);
        ev_timer_set(&s->lookout.due, (double) delay_usec / (double) USEC_PER_SEC, 0);
        ev_timer_start(s->loop, &s->lookout.due);
}

/* Said once; a lost connection is not ours to tell, and is looked at when it is back. */
static void note_failure(Supervisor *s, const DbError *error) {
        Lookout *lookout = &s->lookout;

        if (error->class == DB_E_UNAVAILABLE)
                return;
        if (!lookout->has_failed && error->class != DB_E_RETRY)
                log_error("could not look at the queue, trying again: %s", error->message);
        lookout->has_failed = error->class != DB_E_RETRY;
        arm_due(s, RETRY_USEC, COUNT_LOOKS_OTHER);
}

/* What the plan has no room for is found again when it has. */
static void note_found(Supervisor *s, const DbReply *reply) {
        int r = 0;

        for (int row = 0; row < queue_look_rows(reply) && !r; row++) {
                int32_t co_id = queue_look_co(reply, row);
                r = co_id ? supervisor_note_waiting(s, co_id) : 0;
        }
        if (r)
                log_error_errno(r, "could not note all COs that wait, leaving the rest to the "
                                   "next look");
}

static void on_looked(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        Lookout *lookout = &s->lookout;
        (void) number;

        lookout->is_asking = 0;
        if (reply->error.class) {
                note_failure(s, &reply->error);
                return;
        }
        lookout->has_failed = 0;
        note_found(s, reply);
        lookout->above = queue_look_above(reply);
        if (!lookout->above)
                plan_look_ends(s->plan);
        s->has_looked =
                s->has_repaired && membership_has_told(s) && !lookout->is_again && !lookout->above;

        usec_t next = MIN_OF(queue_look_next(reply), hearing_look_usec(s));
        if (lookout->is_again || queue_look_is_full(reply))
                look_soon(s, lookout->is_again ? lookout->again_why : COUNT_LOOKS_TIMER);
        else if (next < lookout->sweep_usec)
                arm_due(s, MAX_OF(next + DUE_MARGIN_USEC, MIN_INTERVAL_USEC), COUNT_LOOKS_TIMER);
}

static void send_look(Supervisor *s, Count why) {
        Batch batch = {0};

        if (!s->lookout.above) {
                s->lookout.is_again = 0;
                plan_look_begins(s->plan);
        }
        s->lookout.asked_usec = clock_now_usec();
        queue_look_add(&batch, s->lookout.above, s->membership.identity.id);
        s->lookout.is_asking = !link_submit(s->link, &batch, on_looked, s, 0);
        if (s->lookout.is_asking)
                tally_count(&s->tally, why);
}

static void look_soon(Supervisor *s, Count why) {
        Lookout *lookout = &s->lookout;
        usec_t now = clock_now_usec();
        usec_t not_before = usec_add(lookout->asked_usec, MIN_INTERVAL_USEC);

        if (!link_is_up(s->link))
                return;
        if (lookout->is_asking) {
                lookout->is_again = 1;
                lookout->again_why = why;
        } else if (lookout->asked_usec && now < not_before) {
                arm_due(s, not_before - now, why);
        } else {
                send_look(s, why);
        }
}

void lookout_look(Supervisor *s) {
        look_soon(s, COUNT_LOOKS_OTHER);
}

void lookout_sweep(Supervisor *s) {
        look_soon(s, COUNT_LOOKS_SWEEP);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        (void) loop;
        (void) events;
        look_soon(s, s->lookout.due_why);
        if (hearing_look_usec(s) != USEC_INFINITY)
                lookout_poll_cancels(s);
}

void lookout_disconnect(Supervisor *s) {
        Lookout *lookout = &s->lookout;

        lookout->is_asking = lookout->is_again = lookout->is_polling = lookout->is_poll_again = 0;
        lookout->above = 0;
        lookout->asked_usec = 0;
        ev_timer_stop(s->loop, &lookout->due);
        ev_timer_stop(s->loop, &lookout->poll);
}

static void on_canceled(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        (void) number;

        s->lookout.is_polling = 0;
        if (reply->error.class)
                supervisor_ask_again(s);
        for (int row = 0; row < db_rows(reply, 0); row++)
                supervisor_cancel_job(s, (int32_t) db_int(reply->results[0], row, 0));
        if (s->lookout.is_poll_again)
                lookout_poll_cancels(s);
}

static void send_poll(Supervisor *s) {
        int32_t ids[PLAN_SLOTS_MAX];
        size_t n = pool_jobs(s->pool, ids, ARRAY_SIZE(ids));
        Batch batch = {0};

        if (!n)
                return;
        s->lookout.is_poll_again = 0;
        s->lookout.polled_usec = clock_now_usec();
        batch_add(&batch, SQL_JOB_CANCELED);
        batch_int_array(&batch, ids, n);
        s->lookout.is_polling = !link_submit(s->link, &batch, on_canceled, s, 0);
}

void lookout_poll_cancels(Supervisor *s) {
        Lookout *lookout = &s->lookout;
        usec_t now = clock_now_usec();
        usec_t not_before = usec_add(lookout->polled_usec, MIN_INTERVAL_USEC);

        if (!link_is_up(s->link))
                return;
        if (lookout->is_polling) {
                lookout->is_poll_again = 1;
        } else if (lookout->polled_usec && now < not_before) {
                ev_timer_stop(s->loop, &lookout->poll);
                ev_timer_set(&lookout->poll, (double) (not_before - now) / (double) USEC_PER_SEC,
                             0);
                ev_timer_start(s->loop, &lookout->poll);
        } else {
                send_poll(s);
        }
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events) {
        (void) loop;
        (void) events;
        lookout_poll_cancels(timer->data);
}

void lookout_init(Supervisor *s) {
        ev_timer_init(&s->lookout.due, on_due, 0, 0);
        ev_timer_init(&s->lookout.poll, on_poll, 0, 0);
        s->lookout.due.data = s->lookout.poll.data = s;
}

void lookout_done(Supervisor *s) {
        ev_timer_stop(s->loop, &s->lookout.due);
        ev_timer_stop(s->loop, &s->lookout.poll);
}
