/*
 * Children end: workers, the settler, that of the hook, and those that try a configuration or the
 * Registry. Of a dead worker a will is written, unless it has surely left nothing: who it was, how
 * it ended, what it used. Nothing here changes a job; the worker's heir carries the will out.
 */
#include <signal.h>
#include <stdlib.h>

#include "process/spawn.h"
#include "supervisor/supervisor_private.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "util/memory.h"

#define CLEAR_USEC (5 * USEC_PER_SEC) /* for processes that do not even die of SIGKILL */

static const char *reason_words(PoolReason reason) {
        static const char *const words[] = {
                [POOL_REASON_CANCEL] = "the cancel",
                [POOL_REASON_SHUTDOWN] = "shutdown",
                [POOL_REASON_LEASE] = "the end of its supervisor's lease",
                [POOL_REASON_START] = "its supervisor: it was not ready within start_timeout",
                [POOL_REASON_RETIRE] =
                        ("its supervisor: it did not exit within start_timeout after "
                         "it was asked to"),
                [POOL_REASON_LANE] = "its supervisor, because it does not hold its lane any more",
        };
        return words[reason];
}

/* ended_by names the reason that the worker's own watch had; a plugin may have written over it. */
static const char *why_ended(const PoolEnd *end) {
        const char *words = ended_by_words(end->ended_by);
        return words ? words : reason_words(end->reason);
}

/*
 * A SIGKILL that nobody here sent, while the kernel's count of its own went up: that of the
 * worker's control group where it has one, or that of the machine.
 */
static int is_oom_kill(Supervisor *s, const PoolEnd *end) {
        uint64_t before = s->oom_kills;

        if (end->outcome.kind != OUTCOME_SIGNALED || end->outcome.value != SIGKILL ||
            why_ended(end))
                return 0;
        if (end->killed != CGROUP_KILL_UNKNOWN)
                return end->killed == CGROUP_KILL_MACHINE;
        return !memory_oom_kills(&s->oom_kills) && s->oom_kills > before;
}

/* Its own codes: a plugin that calls exit() may hit them too, at the price of a pause. */
static int has_given_up(Outcome outcome) {
        return outcome.kind == OUTCOME_EXITED &&
               (outcome.value == WORKER_EXIT_UNAVAILABLE || outcome.value == WORKER_EXIT_FAILED);
}

/* A worker that gave up, or whose connection was lost, has said why. */
static int log_level_of(Outcome outcome) {
        int is_lost = outcome.kind == OUTCOME_EXITED && outcome.value == WORKER_EXIT_LOST;
        return has_given_up(outcome) || is_lost ? LOG_INFO : LOG_WARNING;
}

/* One that ended before it was ready, and could not say why: by a signal, or by us. */
static int is_silent_start(const Supervisor *s, const PoolEnd *end) {
        return plan_slot_state(s->plan, end->slot) == SLOT_STARTING &&
               end->outcome.kind != OUTCOME_EXITED;
}

static void log_death(Supervisor *s, const PoolEnd *end) {
        char how[160];
        outcome_describe(end->outcome, why_ended(end), how, sizeof(how));
        if (is_silent_start(s, end))
                supervisor_note_trouble(s, TROUBLE_START, how);
        LogFields fields = {.message_id = LOG_ID_WORKER_DIED,
                            .co_id = plan_slot_co(s->plan, end->slot),
                            .job_id = status_page_job(pool_page(s->pool, end->slot))};
        log_write(log_level_of(end->outcome), &fields, "worker %d %s", end->pid, how);
}

/* Given up by itself, ended by us or by its own watch, or nobody knows why. */
static Count count_of_end(const PoolEnd *end) {
        if (log_level_of(end->outcome) == LOG_INFO)
                return COUNT_WORKERS_GAVE_UP;
        return why_ended(end) ? COUNT_WORKERS_KILLED : COUNT_WORKERS_DIED;
}

static int is_clean_exit(const PoolEnd *end) {
        return end->outcome.kind == OUTCOME_EXITED && !end->outcome.value;
}

/* Whether an heir has to look: a worker that was not ready yet can have left records only. */
static int has_left_something(const Supervisor *s, const PoolEnd *end) {
        if (pool_has_records(s->pool, end->slot))
                return 1;
        return plan_slot_state(s->plan, end->slot) != SLOT_STARTING &&
               (!is_clean_exit(end) || plan_slot_co(s->plan, end->slot) ||
                s->is_doubtful[end->slot]);
}

/* Of an heir that died the will stays as it was: it is the next one's. */
static void write_will(Supervisor *s, const PoolEnd *end, usec_t now) {
        Departed *departed = &s->departed[end->slot];
        Will *will = &departed->will;

        departed->clear_by_usec = usec_add(now, CLEAR_USEC);
        if (plan_slot_state(s->plan, end->slot) == SLOT_HEIR) {
                will->tries++;
                return;
        }
        will->supervisor_id = s->membership.identity.id;
        will->pid = end->pid;
        will->start_ticks = end->start_ticks;
        will->job_id = atomic_load(&pool_page(s->pool, end->slot)->last_job);
        will->tries = 0;
        /* One that ran no job has left none of its own records: those of others wait since then. */
        if (will->job_id || !will->n_pids) {
                will->died_usec = now;
                will_add_pid(will, end->pid);
        }
        will_write(will, end->outcome, why_ended(end), &end->usage);
}

static void note_death(Supervisor *s, PoolEnd *end) {
        unsigned slot = end->slot;
        usec_t now = clock_now_usec();
        int has_left = has_left_something(s, end);
        int has_failed =
                plan_slot_state(s->plan, slot) == SLOT_STARTING || has_given_up(end->outcome);

        CRASH_POINT(SUPERVISOR_REAPED);
        end->outcome.is_oom = is_oom_kill(s, end);
        tally_gone(&s->tally, slot, pool_page(s->pool, slot), &end->usage, now);
        if (!is_clean_exit(end) || plan_slot_co(s->plan, slot)) {
                log_death(s, end);
                tally_count(&s->tally, count_of_end(end));
        }
        if (s->troubled_slot == slot)
                s->troubled_slot = SLOT_ANY;
        write_will(s, end, now);
        plan_gone(s->plan, slot, has_left, has_failed, now, (uint32_t) random());
        if (plan_slot_state(s->plan, slot) == SLOT_EMPTY)
                pool_release(s->pool, slot);
        s->is_doubtful[slot] = 0;
}

/* Of jobs of dead peers, and of lanes that dead workers of ours took too late. */
static void note_settler_end(Supervisor *s, int wait_status) {
        Outcome outcome = spawn_outcome(wait_status);
        ChannelMessage message;
        const Will *will;

        while (settler_receive(&s->settler, &message, &will)) {
                hooks_note_failed(s, message.job_id, message.untold);
                if (!will)
                        continue;
                s->tally.total.own[will->pid ? COUNT_SETTLED_WORKER : COUNT_SETTLED_PEER] +=
                        message.settled;
                s->tally.total.own[will->pid ? COUNT_CANCELED_WORKER : COUNT_CANCELED_PEER] +=
                        message.canceled;
        }
        settler_clear(&s->settler);
        int is_done = outcome.kind == OUTCOME_EXITED && !outcome.value;
        s->settler_failures = is_done ? 0 : s->settler_failures + 1;
        if (!is_done)
                s->stray_usec = usec_add(clock_now_usec(), STRAY_USEC);
        else if (s->is_will_missed)
                s->stray_usec = clock_now_usec();
        s->is_will_missed = 0;
        lookout_look(s);
}

int supervisor_has_will(const Supervisor *s, int32_t pid, int64_t start_ticks) {
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                if (plan_slot_is_unsettled(s->plan, slot) && s->departed[slot].will.pid == pid &&
                    s->departed[slot].will.start_ticks == start_ticks)
                        return 1;
        return 0;
}

static void note_child(Supervisor *s, const Death *death) {
        int slot = pool_find(s->pool, death->pid);
        PoolEnd end;

        if (death->pid == s->settler.pid) {
                note_settler_end(s, death->wait_status);
        } else if (death->pid == s->hooks.pid) {
                hooks_end_child(s, death->wait_status);
        } else if (death->pid == s->reload.trial.pid) {
                supervisor_end_reload(s, death->wait_status);
        } else if (death->pid == s->provision.trial.pid) {
                provision_end_trial(s, death->wait_status);
        } else if (slot >= 0) {
                supervisor_hear_worker(s, (unsigned) slot); /* what it said before it died */
                if (pool_bury(s->pool, death, &end))
                        note_death(s, &end);
        }
}

void supervisor_reap(Supervisor *s) {
        pid_t known[PLAN_SLOTS_MAX + 4];
        Death death;

        for (;;) {
                size_t n = pool_pids(s->pool, known, PLAN_SLOTS_MAX);
                if (s->settler.pid)
                        known[n++] = s->settler.pid;
                if (s->hooks.pid)
                        known[n++] = s->hooks.pid;
                if (s->reload.trial.pid)
                        known[n++] = s->reload.trial.pid;
                if (s->provision.trial.pid)
                        known[n++] = s->provision.trial.pid;
                if (!reaper_next(&s->reaper, known, n, &death))
                        return;
                note_child(s, &death);
        }
}
