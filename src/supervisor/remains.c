/*
 * What a dead worker of ours leaves, slot by slot: first its last history records, so that they are
 * there when its job is final; then its job and its lane, whether the records could be written or
 * not; then the records that could not. The CO goes on as soon as the lane is free, the slot when
 * nothing is left in its page.
 */
#include "plugin/recorder.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"

#define ORPHANS_WAIT_USEC (5 * USEC_PER_SEC) /* one that does not even die of SIGKILL */
#define RETRY_USEC USEC_PER_SEC
#define GROUP_USEC (10 * USEC_PER_MSEC) /* nobody tells when a control group is empty */
#define STRAY_USEC USEC_PER_SEC
#define RECORD_WAIT_USEC (60 * USEC_PER_SEC) /* for records that the server does not take */

static void step(Supervisor *s, unsigned slot);

static void try_again_at(Supervisor *s, usec_t usec) {
        s->settle_usec = s->settle_usec ? MIN_OF(s->settle_usec, usec) : usec;
}

/* Over a new connection, or a second from now; one after another, until one gets through. */
static void try_again(Supervisor *s) {
        s->is_remains_refused = 1;
        try_again_at(s, usec_add(clock_now_usec(), RETRY_USEC));
}

/* What stood in the way is gone: the others need not wait for their second. */
static void note_success(Supervisor *s) {
        if (s->is_remains_refused)
                try_again_at(s, clock_now_usec());
        s->is_remains_refused = 0;
}

/* The connection serves one after another: many that wait for a lock would keep everything else. */
static int is_held_back(const Supervisor *s) {
        for (unsigned slot = 0; s->is_remains_refused && slot < PLAN_SLOTS_MAX; slot++)
                if (s->remains[slot].is_busy)
                        return 1;
        return 0;
}

/* What a dead worker started may live a moment longer, and must not meet the next job of the CO. */
static int may_be_settled(Supervisor *s, unsigned slot) {
        usec_t until = usec_add(s->remains[slot].gone_usec, ORPHANS_WAIT_USEC);
        usec_t now = clock_now_usec();
        int is_left = pool_end_left(s->pool, slot);

        if ((!is_left && !reaper_has_orphans(&s->reaper)) || now >= until)
                return 1;
        try_again_at(s, is_left ? MIN_OF(until, usec_add(now, GROUP_USEC)) : until);
        return 0;
}

static void release(Supervisor *s, unsigned slot) {
        pool_release(s->pool, slot);
        plan_settled(s->plan, slot);
        s->stray_usec = usec_add(clock_now_usec(), STRAY_USEC); /* nobody else could have looked */
}

/* The server had its chances; the slot is needed. */
static void give_up_records(Supervisor *s, unsigned slot) {
        Remains *r = &s->remains[slot];
        size_t n = recorder_count(pool_page(s->pool, slot));
        log_error("the last %zu history records of worker %d could not be written within %.0f s: "
                  "they are lost",
                  n, r->dead.pid, (double) RECORD_WAIT_USEC / (double) USEC_PER_SEC);
        s->tally.total.own[COUNT_RECORDS_LOST] += n;
        r->has_records = 0;
}

/* 1 when they were refused for too long. */
static int note_refusal(Remains *r) {
        usec_t now = clock_now_usec();
        if (r->record_tries++)
                return now >= usec_add(r->gone_usec, RECORD_WAIT_USEC);
        log_warning("the last history records of worker %d have to wait", r->dead.pid);
        return 0;
}

static void on_salvaged(void *userdata, int64_t slot, SalvageEnd end) {
        Supervisor *s = userdata;
        Remains *r = &s->remains[slot];

        r->is_busy = 0;
        if (end == SALVAGE_AWAY) {
                try_again(s);
                return;
        }
        if (end == SALVAGE_DONE) {
                note_success(s);
                r->has_records = 0;
        } else if (note_refusal(r))
                give_up_records(s, (unsigned) slot);
        if (r->has_records && r->is_settled)
                try_again(s);
        else
                step(s, (unsigned) slot);
}

static void on_settled(void *userdata, int64_t slot, int has_failed) {
        Supervisor *s = userdata;
        Remains *r = &s->remains[slot];

        r->is_busy = 0;
        if (has_failed) {
                try_again(s);
                return;
        }
        note_success(s);
        r->is_settled = 1;
        plan_co_released(s->plan, (unsigned) slot);
        /*
         * The server may come to a dead worker's last batch only after its death was settled; the
         * lane that it takes then is found by a second look.
         */
        s->stray_usec = usec_add(clock_now_usec(), STRAY_USEC);
        step(s, (unsigned) slot);
}

static void step(Supervisor *s, unsigned slot) {
        Remains *r = &s->remains[slot];

        if (r->is_busy)
                return;
        if (!r->has_records && r->is_settled) {
                release(s, slot);
                return;
        }
        if (!link_is_up(s->link) || is_held_back(s) || (!r->is_settled && !may_be_settled(s, slot)))
                return;
        r->is_busy = 1;
        if (r->has_records && (!r->record_tries || r->is_settled))
                salvage(s->link, pool_page(s->pool, slot), &s->tally, on_salvaged, s, slot);
        else
                settle(s->link, &s->membership.identity, &r->dead, on_settled, s, slot);
}

void supervisor_take_remains(Supervisor *s, unsigned slot, const Deceased *dead, int is_clean) {
        int has_records = salvage_is_needed(pool_page(s->pool, slot));

        s->remains[slot] = (Remains){.dead = *dead,
                                     .gone_usec = clock_now_usec(),
                                     .has_records = has_records,
                                     .is_settled = is_clean && !has_records};
        step(s, slot);
}

void supervisor_settle_all(Supervisor *s) {
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                if (plan_slot_is_dead(s->plan, slot))
                        step(s, slot);
}
