/*
 * What happens: workers and the database speak, the row of this supervisor comes and goes; how
 * children end is in deaths.c. Each event is passed on to the plan, or noted for decide.c, which
 * runs before the loop waits again. Nothing here waits, and nothing changes a job.
 */
#include <stdio.h>
#include <stdlib.h>

#include "supervisor/supervisor_private.h"
#include "util/crash.h"
#include "util/ids.h"
#include "util/log.h"
#include "util/memory.h"
#include "util/text.h"
#include "worker/heir.h"

#define MESSAGES_AT_ONCE 64 /* of one worker */
#define SECOND_ASK_USEC (1500 * USEC_PER_MSEC)
#define RECORDS_MAX (STATUS_RING_SIZE / 8) /* in a ring: what an heir may say it has lost */

int supervisor_serves(const Supervisor *s, int32_t co_id) {
        const Drain *drain = s->args->drain;
        return !drain || !drain->co_id || drain->co_id == co_id;
}

int supervisor_note_waiting(Supervisor *s, int32_t co_id) {
        return supervisor_serves(s, co_id) ? plan_co_ready(s->plan, co_id) : 0;
}

/* What an heir says it has done is bounded by what can be true. */
static void count_inherited(Supervisor *s, unsigned slot, const ChannelMessage *message) {
        uint64_t *own = s->tally.total.own;

        own[COUNT_RECORDS_LOST] += MIN_OF(message->lost, RECORDS_MAX);
        if (!message->left) /* no record of an earlier worker is in the ring any more */
                s->departed[slot].will.n_pids = 0;
        if (plan_slot_state(s->plan, slot) != SLOT_HEIR)
                return;
        own[COUNT_SETTLED_WORKER] += MIN_OF(message->settled, HEIR_JOBS_MAX);
        own[COUNT_CANCELED_WORKER] += MIN_OF(message->canceled, HEIR_JOBS_MAX);
}

/*
 * The server may come to a dead worker's last batch only after its death was settled; the lane that
 * it takes then is found by a look a moment later.
 */
static void note_settled(Supervisor *s, unsigned slot) {
        usec_t now = clock_now_usec();

        if (plan_slot_state(s->plan, slot) == SLOT_HEIR && !s->stray_usec)
                s->stray_usec = usec_add(now, STRAY_USEC);
        plan_settled(s->plan, slot, now);
}

/* Of what one worker cannot write another one's success says nothing, while that one lives. */
static void end_trouble_of(Supervisor *s, unsigned slot) {
        if (s->troubled_slot == slot || s->troubled_slot == SLOT_ANY)
                supervisor_end_trouble(s, TROUBLE_TURN);
}

static void note_turn_over(Supervisor *s, unsigned slot, const ChannelMessage *message) {
        static const PlanTurn turns[_TURN_END_MAX] = {
                [TURN_EMPTY] = PLAN_TURN_EMPTY,   [TURN_SHARE] = PLAN_TURN_MORE,
                [TURN_STOPPED] = PLAN_TURN_EMPTY, [TURN_REFUSED] = PLAN_TURN_EMPTY,
                [TURN_DOWN] = PLAN_TURN_EMPTY,
        };

        s->jobs += message->jobs;
        end_trouble_of(s, slot);
        plan_turn_over(s->plan, slot, turns[message->end], message->jobs, clock_now_usec());
        if (message->is_last)
                plan_replace(s->plan, slot);
        if (message->end == TURN_REFUSED)
                lookout_look(s); /* it says when the CO is tried again */
        if (message->end == TURN_DOWN)
                provision_note_down(s, message->residue);
}

/* What an unkind plugin leaves is said once per plugin and hour, with a count. */
static void note_residue(Supervisor *s, unsigned slot, const ChannelMessage *message) {
        char plugin[CHANNEL_PLUGIN_SIZE], words[CHANNEL_RESIDUE_SIZE], more[64] = "";
        uint64_t unsaid;

        /* A plugin can write to the channel. */
        (void) text_copy_utf8(plugin, sizeof(plugin), 0, message->plugin);
        (void) text_copy_utf8(words, sizeof(words), 0, message->residue);
        text_hide_controls(plugin);
        text_hide_controls(words);
        if (!complaints_may_say(&s->complaints, plugin, clock_now_usec(), &unsaid))
                return;
        if (unsaid)
                (void) snprintf(more, sizeof(more), "; it left something %llu times more, not said",
                                (unsigned long long) unsaid);
        LogFields fields = {
                .job_id = message->job_id, .co_id = plan_slot_co(s->plan, slot), .plugin = plugin};
        log_write(LOG_NOTICE, &fields, "job %d: its plugin %s left %s%s%s", message->job_id, plugin,
                  words, message->is_last ? ": its worker is replaced" : "", more);
}

/* Of one that is not ready yet, or of one at work. */
static void note_trouble(Supervisor *s, unsigned slot, const ChannelMessage *message) {
        SlotState state = plan_slot_state(s->plan, slot);
        TroubleKind kind =
                state == SLOT_STARTING || state == SLOT_HEIR ? TROUBLE_START : TROUBLE_TURN;
        char words[CHANNEL_RESIDUE_SIZE];

        (void) text_copy_utf8(words, sizeof(words), 0, message->residue);
        text_make_line(words);
        if (*words) {
                if (kind == TROUBLE_TURN)
                        s->troubled_slot = slot;
                supervisor_note_trouble(s, kind, words);
        } else {
                end_trouble_of(s, slot);
        }
}

static void note_message(Supervisor *s, unsigned slot, const ChannelMessage *message) {
        if (message->type != CHANNEL_OVERRUN && message->type != CHANNEL_RESIDUE &&
            message->type != CHANNEL_TROUBLE && message->type != CHANNEL_FAILED)
                count_inherited(s, slot, message);
        switch (message->type) {
        case CHANNEL_SETTLED:
                hooks_note_failed(s, 0, message->untold);
                note_settled(s, slot);
                break;
        case CHANNEL_READY:
                supervisor_end_trouble(s, TROUBLE_START);
                plan_ready(s->plan, slot, clock_now_usec());
                break;
        case CHANNEL_TURN_OVER:
                note_turn_over(s, slot, message);
                break;
        case CHANNEL_OVERRUN:
                pool_pass_overrun(s->pool, slot);
                break;
        case CHANNEL_RESIDUE:
                note_residue(s, slot, message);
                break;
        case CHANNEL_TROUBLE:
                note_trouble(s, slot, message);
                break;
        case CHANNEL_FAILED:
                hooks_note_failed(s, message->job_id, message->untold);
                break;
        default:
                break;
        }
}

void supervisor_hear_worker(Supervisor *s, unsigned slot) {
        ChannelMessage message;

        for (unsigned i = 0; i < MESSAGES_AT_ONCE && pool_receive(s->pool, slot, &message); i++)
                note_message(s, slot, &message);
}

/*
 * After a failover the new server may not know the last commits of the old one: a lane that was
 * taken or given back, a job that was finished. Workers that look idle are replaced, and what they
 * hold is looked at; those at work must hold a lane, or others run the same job.
 */
static void doubt_workers(Supervisor *s) {
        plan_replace_all(s->plan);
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                s->is_doubtful[slot] = plan_slot_state(s->plan, slot) != SLOT_EMPTY;
        s->doubt_usec = clock_now_usec();
}

/* Ends those whose plugin ran before the new connection, and that hold nothing there. */
void supervisor_check_holders(Supervisor *s, const int32_t *pids, size_t n) {
        if (!s->doubt_usec || s->membership.looked_usec < s->doubt_usec)
                return;
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++) {
                const StatusPage *page = pool_page(s->pool, slot);
                usec_t began = page ? atomic_load(&page->began_usec) : 0;
                if (plan_slot_state(s->plan, slot) == SLOT_BUSY && s->is_doubtful[slot] && began &&
                    began < s->doubt_usec && !ids_have(pids, n, (int32_t) pool_pid(s->pool, slot)))
                        pool_kill(s->pool, slot, POOL_REASON_LANE);
        }
        s->doubt_usec = 0;
}

static void note_connected(Supervisor *s) {
        if (s->was_up)
                tally_count(&s->tally, COUNT_RECONNECTS);
        s->was_up = 1;
        doubt_workers(s);
        membership_connect(s);
}

static void note_disconnected(Supervisor *s) {
        s->is_member = 0;
        s->membership.is_asking = s->membership.is_looking = s->membership.is_telling = 0;
        lookout_disconnect(s);
        catch_up_disconnect(s);
        s->totals.jobs = -1;
        supervisor_be_ready(s);
}

/* A drain does not wait for it to come back. */
static void note_down(Supervisor *s) {
        note_disconnected(s);
        if (s->args->drain) {
                s->exit_code = EXIT_FAILURE;
                supervisor_begin_stop(s, 0);
        }
}

static void on_resynced(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        (void) number;
        if (reply->error.class && reply->error.class != DB_E_UNAVAILABLE)
                log_error("could not repair the queue: %s", reply->error.message);
        else if (db_rows(reply, 0) && db_int(reply->results[0], 0, 0))
                log_notice("repaired %lld rows of the queue",
                           (long long) db_int(reply->results[0], 0, 0));
        s->has_repaired = 1;
        lookout_look(s);
        if (!s->args->drain)
                catch_up_begin(s, db_rows(reply, 0) ? db_int(reply->results[0], 0, 1) : 0);
}

void supervisor_show_tally(Supervisor *s) {
        usec_t now = clock_now_usec();

        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                tally_read(&s->tally, slot, pool_page(s->pool, slot), now);
        free(s->membership.counters);
        s->membership.counters = tally_to_json(&s->tally);
}

void supervisor_begin_membership(Supervisor *s) {
        Batch batch = {0};

        CRASH_POINT(SUPERVISOR_REGISTERED);
        s->is_member = 1;
        s->is_refusal_told = 0;
        link_confirm(s->link);
        membership_tell_models(s);
        membership_find_dead(s);
        lookout_look(s);
        batch_add(&batch, SQL_QUEUE_RESYNC);
        (void) link_submit(s->link, &batch, on_resynced, s, 0);
        if (!s->is_ready_logged && !s->args->drain)
                log_info("ready: at most %d at work, %zu external program%s",
                         (int) s->config->workers, s->config->n_exec,
                         s->config->n_exec == 1 ? "" : "s");
        if (!s->is_ready_logged)
                memory_release_startup(); /* workers are forked from what is left */
        s->is_ready_logged = 1;
        supervisor_be_ready(s);
        supervisor_count_queue(s);
}

/*
 * Registering goes on to be tried at every heartbeat. A drain has nobody who waits for that; in a
 * copy of the database only a person can say what is right.
 */
void supervisor_note_refusal(Supervisor *s, const DbError *error) {
        if (!s->is_refusal_told) {
                LogFields fields = {.hint = sqlstate_hint(error->class)};
                log_write(LOG_ERR, &fields, "could not register with the database: %s",
                          error->message);
        }
        s->is_refusal_told = 1;
        if (error->class == DB_E_RETRY)
                service_starting(3 * s->config->heartbeat_usec); /* a lock: it ends */
        else
                supervisor_be_ready(s);
        if (s->args->drain || error->class == DB_E_COPY) {
                s->exit_code = s->args->drain ? EXIT_FAILURE : WORKER_EXIT_CONFIG;
                supervisor_begin_stop(s, 0);
        }
}

/* Others have settled our jobs: whatever still runs must not. */
void supervisor_lose_membership(Supervisor *s) {
        s->is_member = 0;
        tally_count(&s->tally, COUNT_LEASE_LOST);
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                pool_kill(s->pool, slot, POOL_REASON_LEASE);
        membership_connect(s);
}

void supervisor_cancel_job(Supervisor *s, int32_t job_id) {
        if (pool_cancel(s->pool, job_id, clock_now_usec()) == POOL_CANCEL_NEW)
                tally_count(&s->tally, COUNT_CANCELS);
}

void supervisor_ask_again(Supervisor *s) {
        const double soon = (double) SECOND_ASK_USEC / (double) USEC_PER_SEC;

        if (ev_timer_remaining(s->loop, &s->cancel_poll) < soon)
                return;
        ev_timer_stop(s->loop, &s->cancel_poll);
        ev_timer_set(&s->cancel_poll, soon, s->cancel_poll.repeat);
        ev_timer_start(s->loop, &s->cancel_poll);
}

void supervisor_hear_link(Supervisor *s) {
        LinkNews news;

        while ((news = link_next_news(s->link)) != LINK_NO_NEWS)
                if (news == LINK_UP)
                        note_connected(s);
                else if (news == LINK_DOWN)
                        note_down(s);
                else
                        note_disconnected(s);
}
