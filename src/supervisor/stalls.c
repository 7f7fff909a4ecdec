/*
 * The limit is looked at with every heartbeat, so that a stall is seen within a heartbeat of it.
 * What was logged is logged once; what the lane says is written as soon as it can be, and a lane
 * that is just being settled is passed over. A worker that dies, or whose job ends, ends its stall.
 */
#include "supervisor/stalls.h"

#include "core/stall.h"
#include "db/lane_store.h"
#include "util/log.h"
#include "util/log_ids.h"

static StallFacts facts_of(const Pool *pool, unsigned slot) {
        const StatusPage *page = pool_page(pool, slot);
        return (StallFacts){.job = status_page_job(page),
                            .began_usec = atomic_load(&page->began_usec),
                            .active_usec = atomic_load(&page->active_usec)};
}

static void on_noted(const DbReply *reply, void *userdata, int64_t slot) {
        Stalls *stalls = userdata;
        /* Refused, or passed over: the next look tries again. */
        stalls->is_unnoted[slot] = reply->error.class || !db_affected(reply, 0);
}

/* Told is told; what the lane says follows as soon as it can be written. */
static void note_in_lane(Stalls *stalls, unsigned slot, int32_t co_id, Link *link,
                         int32_t supervisor_id, usec_t silence) {
        Batch batch = {0};

        if (!co_id)
                stalls->is_unnoted[slot] = 0; /* its lane is not ours any more */
        if (!stalls->is_unnoted[slot] || !link_is_up(link))
                return;
        stalls->is_unnoted[slot] = 0;
        lane_stalled_add(&batch, co_id, supervisor_id, stalls->told[slot], silence);
        if (link_submit(link, &batch, on_noted, stalls, slot))
                stalls->is_unnoted[slot] = 1;
}

static void log_step(int32_t co_id, int32_t job, int has_begun, usec_t silence) {
        LogFields fields = {.message_id = LOG_ID_STALLED, .co_id = co_id, .job_id = job};

        if (has_begun)
                log_write(LOG_WARNING, &fields, "job %d: no sign of life for %.0f s", job,
                          (double) silence / (double) USEC_PER_SEC);
        else
                log_write(LOG_NOTICE, &fields, "job %d: goes on", job);
}

static void check_slot(Stalls *stalls, const Plan *plan, const Pool *pool, unsigned slot,
                       Link *link, int32_t supervisor_id, usec_t limit, usec_t now) {
        StallFacts facts = {0};
        int32_t co_id = plan_slot_co(plan, slot), *told = &stalls->told[slot];

        if (plan_slot_state(plan, slot) == SLOT_BUSY)
                facts = facts_of(pool, slot);
        StallStep step = stall_step(&facts, *told, limit, now);
        usec_t silence = stall_silence(&facts, now);
        if (step != STALL_NOTHING) {
                if (step == STALL_BEGINS || facts.job == *told)
                        log_step(co_id, facts.job, step == STALL_BEGINS, silence);
                *told = step == STALL_BEGINS ? facts.job : 0;
                stalls->is_unnoted[slot] = 1;
        }
        note_in_lane(stalls, slot, co_id, link, supervisor_id, silence);
}

void stalls_look(Stalls *stalls, const Plan *plan, const Pool *pool, Link *link,
                 int32_t supervisor_id, usec_t limit_usec, usec_t now_usec) {
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                check_slot(stalls, plan, pool, slot, link, supervisor_id, limit_usec, now_usec);
}
