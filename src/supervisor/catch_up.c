/*
 * One look is two statements in one round trip, each of a bounded number of rows. When there is
 * more above the highest id than one look takes, the next look comes after a second. A look that
 * fails is said once, and tried again with the next.
 */
#include "supervisor/catch_up.h"

#include "core/patrol.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"

/* Ids below the highest that may still be committed by then: of a sequence, not in order. */
#define OVERLAP 1000
#define MORE_USEC USEC_PER_SEC

enum { LOOK_NEW, LOOK_WALK };                       /* statements of a look */
enum { COLUMN_WRONG, COLUMN_LAST, COLUMN_IS_MORE }; /* of queue_catch_up.sql */

static void arm_timer(Supervisor *s, usec_t usec) {
        ev_timer_stop(s->loop, &s->catch_up.timer);
        ev_timer_set(&s->catch_up.timer, (double) usec / (double) USEC_PER_SEC, 0);
        ev_timer_start(s->loop, &s->catch_up.timer);
}

static PatrolStep next_step(const Supervisor *s) {
        return patrol_step(s->catch_up.seen, s->config->sweep_usec);
}

static int32_t clamp_id(int64_t id) {
        return (int32_t) MAX_OF(MIN_OF(id, INT32_MAX - 1), 0);
}

/* The last id that statement `i` looked at; 0 when there was no row. */
static int32_t last_id(const DbReply *reply, size_t i) {
        return clamp_id(db_int(reply->results[i], 0, COLUMN_LAST));
}

/* Lost connections are not ours to tell; a timeout or a lock may be over by the next look. */
static void note_failure(CatchUp *c, const DbError *error) {
        if (error->class == DB_E_UNAVAILABLE || error->class == DB_E_RETRY)
                return;
        if (!c->has_failed)
                log_error("could not look for jobs that came without triggers, trying again: %s",
                          error->message);
        c->has_failed = 1;
}

static void on_looked(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        CatchUp *c = &s->catch_up;
        (void) number;

        c->is_asking = 0;
        if (reply->error.class || !db_rows(reply, LOOK_NEW) || !db_rows(reply, LOOK_WALK)) {
                note_failure(c, &reply->error);
                return;
        }
        c->has_failed = 0;
        int64_t wrong = db_int(reply->results[LOOK_NEW], 0, COLUMN_WRONG) +
                        db_int(reply->results[LOOK_WALK], 0, COLUMN_WRONG);
        if (wrong) {
                log_notice("repaired %lld rows of the queue", (long long) wrong);
                lookout_look(s);
        }
        c->seen = MAX_OF(c->seen, last_id(reply, LOOK_NEW));
        int is_more = db_bool(reply->results[LOOK_WALK], 0, COLUMN_IS_MORE);
        c->next = is_more ? last_id(reply, LOOK_WALK) + 1 : 0;
        if (db_bool(reply->results[LOOK_NEW], 0, COLUMN_IS_MORE))
                arm_timer(s, MORE_USEC);
}

static void look(Supervisor *s, int32_t rows) {
        CatchUp *c = &s->catch_up;
        Batch batch = {0};

        batch_add(&batch, SQL_QUEUE_CATCH_UP);
        batch_int(&batch, MAX_OF(c->seen - OVERLAP, 0));
        batch_int(&batch, PATROL_ROWS_MAX);
        batch_add(&batch, SQL_QUEUE_CATCH_UP);
        batch_int(&batch, c->next);
        batch_int(&batch, rows);
        c->is_asking = !link_submit(s->link, &batch, on_looked, s, 0);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        PatrolStep step = next_step(s);
        (void) loop;
        (void) events;

        arm_timer(s, step.next_usec);
        if (!s->catch_up.is_asking && s->is_member && link_is_up(s->link))
                look(s, step.rows);
}

void catch_up_init(Supervisor *s) {
        ev_timer_init(&s->catch_up.timer, on_timer, 0, 0);
        s->catch_up.timer.data = s;
}

void catch_up_done(Supervisor *s) {
        ev_timer_stop(s->loop, &s->catch_up.timer);
}

void catch_up_begin(Supervisor *s, int64_t highest) {
        s->catch_up.seen = clamp_id(highest);
        arm_timer(s, next_step(s).next_usec);
}

void catch_up_disconnect(Supervisor *s) {
        s->catch_up.is_asking = 0;
        ev_timer_stop(s->loop, &s->catch_up.timer);
}
