/*
 * What a dead worker of ours leaves, slot by slot: first its last history records, so that they are
 * there when its job is final; then its job and its lane, whether the records could be written or
 * not; then the records that could not. When the records of one were refused, the jobs of those who
 * died with it do not wait for theirs. The CO goes on as soon as the lane is free, the slot when
 * nothing is left in its page.
 */
#include "plugin/recorder.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"

#define ORPHANS_WAIT_USEC (5 * USEC_PER_SEC) /* one that does not even die of SIGKILL */
#define RETRY_USEC USEC_PER_SEC
#define HASTE_USEC (10 * USEC_PER_SEC)  /* after a refusal */
#define GROUP_USEC (10 * USEC_PER_MSEC) /* nobody tells when a control group is empty */
#define STRAY_USEC USEC_PER_SEC
#define RECORD_WAIT_USEC (60 * USEC_PER_SEC) /* for records that the server does not take */

static void step(Supervisor *s, unsigned slot);

static void try_again_at(Supervisor *s, usec_t usec) {
        s->settle_usec = s->settle_usec ? MIN_OF(s->settle_usec, usec) : usec;
}

/* In this turn of the loop: others may have waited for what has ended. */
static void go_on(Supervisor *s) {
        try_again_at(s, clock_now_usec());
}

/* Over a new connection, or a second from now; one after another, until one gets through. */
static void try_settling_again(Supervisor *s) {
        s->is_settling_refused = 1;
        try_again_at(s, usec_add(clock_now_usec(), RETRY_USEC));
}

/*
 * The connection serves one after another: many that wait for a lock would keep everything else.
 * One that is refused goes behind those that were not tried since.
 */
static int may_settle(const Supervisor *s) {
        return !s->is_settling_refused || !s->n_settling;
}

/* Of one worker at a time, so that one refusal speaks for all who wait. */
static int may_salvage(Supervisor *s, const Remains *r) {
        if (s->is_salvaging)
                return 0;
        if (!r->is_settled || clock_now_usec() >= s->salvage_usec)
                return 1;
        try_again_at(s, s->salvage_usec);
        return 0;
}

/* First of all, or behind the settlement when those of another worker were just refused. */
static int are_records_next(const Supervisor *s, const Remains *r) {
        return r->has_records &&
               (r->is_settled || (!r->record_tries && clock_now_usec() >= s->hasty_usec));
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
        usec_t now = clock_now_usec();

        r->is_busy = s->is_salvaging = 0;
        s->salvage_usec = end == SALVAGE_DONE ? 0 : usec_add(now, RETRY_USEC);
        if (end == SALVAGE_AWAY) {
                try_again_at(s, s->salvage_usec);
                return;
        }
        if (end == SALVAGE_DONE) {
                s->hasty_usec = 0;
                r->has_records = 0;
        } else {
                if (!r->is_settled)
                        s->hasty_usec = usec_add(now, HASTE_USEC);
                if (note_refusal(r))
                        give_up_records(s, (unsigned) slot);
        }
        step(s, (unsigned) slot);
        go_on(s);
}

static void on_settled(void *userdata, int64_t slot, int has_failed) {
        Supervisor *s = userdata;
        Remains *r = &s->remains[slot];

        r->is_busy = 0;
        s->n_settling--;
        if (has_failed) {
                try_settling_again(s);
                return;
        }
        if (s->is_settling_refused)
                go_on(s);
        s->is_settling_refused = 0;
        r->is_settled = 1;
        plan_co_released(s->plan, (unsigned) slot);
        /*
         * The server may come to a dead worker's last batch only after its death was settled; the
         * lane that it takes then is found by a second look.
         */
        s->stray_usec = usec_add(clock_now_usec(), STRAY_USEC);
        step(s, (unsigned) slot);
}

static void begin_salvage(Supervisor *s, unsigned slot) {
        s->remains[slot].is_busy = s->is_salvaging = 1;
        s->last_salvaged = slot;
        salvage(s->link, pool_page(s->pool, slot), &s->tally, on_salvaged, s, slot);
}

static void begin_settling(Supervisor *s, unsigned slot) {
        s->remains[slot].is_busy = 1;
        s->n_settling++;
        s->last_settling = slot;
        settle(s->link, &s->membership.identity, &s->remains[slot].dead, on_settled, s, slot);
}

static void step(Supervisor *s, unsigned slot) {
        Remains *r = &s->remains[slot];

        if (r->is_busy)
                return;
        if (!r->has_records && r->is_settled) {
                release(s, slot);
                return;
        }
        if (!link_is_up(s->link) || (!r->is_settled && !may_be_settled(s, slot)))
                return;
        if (!are_records_next(s, r)) {
                if (may_settle(s))
                        begin_settling(s, slot);
        } else if (may_salvage(s, r)) {
                begin_salvage(s, slot);
        }
}

void supervisor_take_remains(Supervisor *s, unsigned slot, const Deceased *dead, int is_clean) {
        int has_records = salvage_is_needed(pool_page(s->pool, slot));

        s->remains[slot] = (Remains){.dead = *dead,
                                     .gone_usec = clock_now_usec(),
                                     .has_records = has_records,
                                     .is_settled = is_clean && !has_records};
        step(s, slot);
}

/* The one that was tried last comes last: what refuses it must not keep the others. */
static void step_all(Supervisor *s, unsigned last, int is_settled) {
        for (unsigned i = 1; i <= PLAN_SLOTS_MAX; i++) {
                unsigned slot = (last + i) % PLAN_SLOTS_MAX;
                if (plan_slot_is_dead(s->plan, slot) && s->remains[slot].is_settled == is_settled)
                        step(s, slot);
        }
}

void supervisor_settle_all(Supervisor *s) {
        step_all(s, s->last_settling, 0);
        step_all(s, s->last_salvaged, 1);
}
