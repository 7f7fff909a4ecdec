/*
 * A server hands all notifications on before it reads what a session asks. While they come faster
 * than it can, no statement is answered, the lease is not renewed, and the connection counts as
 * dead. So many of them end the listening: the connection is made anew without it, as an UNLISTEN
 * would wait behind them too, and the queue is looked at twenty times a second until it is tried
 * again.
 */
#include "supervisor/hearing.h"

#include <stdlib.h>

#include "core/notice.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"

#define NOTICES_AT_ONCE 2000 /* what is left comes in the next turn of the loop */
#define NOTICES_MAX 10000    /* a second; no Registry queues so many jobs */
#define DEAF_USEC (30 * USEC_PER_SEC)
#define DEAF_LOOK_USEC (50 * USEC_PER_MSEC)
#define SAID_USEC (60 * USEC_PER_SEC)

/*
 * Anybody can say so: the row of the job is asked. A job that nobody says he runs may be another
 * daemon's, or its plugin has just written over its status page, which its watch puts right within
 * a second: it is asked for a moment later.
 */
static void hear_cancel(Supervisor *s, int32_t job_id) {
        if (pool_runs(s->pool, job_id))
                lookout_poll_cancels(s);
        else if (plan_count(s->plan, SLOT_BUSY))
                supervisor_ask_again(s);
}

/* Anybody can say so: with too many COs at once, the queue itself is asked. */
static void hear_queued(Supervisor *s, int32_t co_id) {
        if (!supervisor_serves(s, co_id) || !plan_co_heard(s->plan, co_id))
                return;
        if (throttle_pass(&s->hearing.hints, 1, SAID_USEC, clock_now_usec()))
                log_notice("notifications name more than %d COs at once, looking at the queue "
                           "instead (%llu not followed since that was said); if there are not so "
                           "many COs with new jobs, a role of this database sends them",
                           PLAN_HINTS_MAX,
                           (unsigned long long) throttle_take_held(&s->hearing.hints));
        if (s->is_member)
                lookout_look(s);
}

static void note_notification(Supervisor *s, const char *payload) {
        Notice notice = notice_parse(payload);

        switch (notice.type) {
        case NOTICE_QUEUED:
                tally_count(&s->tally, COUNT_HEARD_QUEUED);
                hear_queued(s, notice.id);
                break;
        case NOTICE_DELAYED:
                tally_count(&s->tally, COUNT_HEARD_DELAYED);
                if (s->is_member)
                        lookout_look(s);
                break;
        case NOTICE_CANCEL:
                tally_count(&s->tally, COUNT_HEARD_CANCEL);
                hear_cancel(s, notice.id);
                break;
        case NOTICE_UNKNOWN: /* not even a line for whoever sends many */
                break;
        }
}

/* The link reads these settings while it connects only: now it is up. */
static void be_deaf(Supervisor *s, usec_t now) {
        s->hearing.deaf_until_usec = usec_add(now, DEAF_USEC);
        s->db.listen = NULL;
}

static void stop_listening(Supervisor *s, usec_t now) {
        be_deaf(s, now);
        link_reopen(s->link);
        if (throttle_pass(&s->hearing.floods, 1, SAID_USEC, now))
                log_warning("more than %d notifications a second, more than a Registry sends: not "
                            "listening for %.0f s, looking at the queue instead; find the role of "
                            "this database that sends them",
                            NOTICES_MAX, (double) DEAF_USEC / (double) USEC_PER_SEC);
}

int hearing_take(Supervisor *s) {
        usec_t now = clock_now_usec();
        int is_flood = 0;
        char *payload;
        unsigned n = 0;

        for (; n < NOTICES_AT_ONCE && (payload = link_next_notice(s->link)); n++) {
                note_notification(s, payload);
                free(payload);
                is_flood |= !throttle_pass(&s->hearing.notices, NOTICES_MAX, USEC_PER_SEC, now);
        }
        if (!is_flood)
                return n == NOTICES_AT_ONCE;
        stop_listening(s, now);
        return 0;
}

/* What was queued and canceled meanwhile was looked at, but for the last moment. */
static void on_listening(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        (void) number;

        if (reply->error.class == DB_E_UNAVAILABLE)
                return; /* the next connection listens from its beginning */
        if (reply->error.class) {
                log_error("could not listen again, trying again: %s", reply->error.message);
                be_deaf(s, clock_now_usec());
                return;
        }
        lookout_look(s);
        lookout_poll_cancels(s);
}

usec_t hearing_check(Supervisor *s, usec_t now_usec) {
        Hearing *hearing = &s->hearing;
        Batch batch = {0};

        if (!hearing->deaf_until_usec || !link_is_up(s->link))
                return USEC_INFINITY;
        if (now_usec < hearing->deaf_until_usec)
                return hearing->deaf_until_usec;
        hearing->deaf_until_usec = 0;
        s->db.listen = NOTICE_CHANNEL;
        batch_add(&batch, SQL_LISTEN);
        if (link_submit(s->link, &batch, on_listening, s, 0))
                be_deaf(s, now_usec);
        return hearing->deaf_until_usec ? hearing->deaf_until_usec : USEC_INFINITY;
}

usec_t hearing_look_usec(const Supervisor *s) {
        return s->hearing.deaf_until_usec ? DEAF_LOOK_USEC : USEC_INFINITY;
}
