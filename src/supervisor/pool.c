#include "supervisor/pool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "util/error.h"
#include "util/log.h"
#include "worker/account.h"
#include "worker/spawn.h"

#define MESSAGES_AT_ONCE 64
#define NONSENSE_MAX 1000 /* messages of one worker */

typedef struct Worker {
        Pool *pool;
        unsigned slot;
        pid_t pid; /* kept until what it left is settled; 0: none */
        int is_alive;
        int channel;
        StatusPage *page;  /* made at the first fork into this slot, kept */
        unsigned nonsense; /* messages that made no sense */
        ev_io io;
        Cancel cancel;
        int32_t canceled_job; /* 0: whatever runs */
        int32_t told_job;     /* the last one that was told of its cancel, or 0 */
        PoolReason reason;
} Worker;

struct Pool {
        struct ev_loop *loop;
        const WorkerSettings *settings;
        Groups *groups;
        PoolEvents events;
        usec_t lease_end_usec;
        uint32_t wishes;
        TurnLimits share;
        Worker workers[PLAN_SLOTS_MAX];
};

/* What a child is forked with. */
typedef struct Birth {
        Pool *pool;
        WorkerArgs args;
} Birth;

int pool_new(struct ev_loop *loop, const WorkerSettings *settings, Groups *groups,
             const PoolEvents *events, Pool **ret) {
        Pool *pool = calloc(1, sizeof(*pool));
        if (!pool)
                return error_origin(-ENOMEM);
        pool->loop = loop;
        pool->settings = settings;
        pool->groups = groups;
        pool->events = *events;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                pool->workers[i].pool = pool;
                pool->workers[i].slot = i;
                pool->workers[i].channel = -1;
        }
        *ret = pool;
        return 0;
}

static void close_channel(Worker *worker) {
        if (worker->channel < 0)
                return;
        ev_io_stop(worker->pool->loop, &worker->io);
        (void) close(worker->channel);
        worker->channel = -1;
}

Pool *pool_free(Pool *pool) {
        if (pool)
                for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                        close_channel(&pool->workers[i]);
                        (void) status_page_free(pool->workers[i].page);
                }
        free(pool);
        return NULL;
}

static void take_message(Worker *worker, const ChannelMessage *message) {
        const PoolEvents *events = &worker->pool->events;

        if (message->type == CHANNEL_READY)
                events->on_ready(worker->slot, events->userdata);
        else if (message->type == CHANNEL_TURN_OVER)
                events->on_turn_over(worker->slot, message, events->userdata);
}

/*
 * Takes what the worker has said so far, a bounded number of messages at a time. A plugin can write
 * to its worker's end: one that goes on with nonsense is not listened to any more.
 */
static void hear(Worker *worker) {
        ChannelMessage message;

        for (unsigned i = 0; i < MESSAGES_AT_ONCE && worker->channel >= 0; i++) {
                int r = channel_receive(worker->channel, &message);
                if (r == CHANNEL_E_AGAIN)
                        return;
                if (!r)
                        take_message(worker, &message);
                else if (r != CHANNEL_E_INVALID || ++worker->nonsense > NONSENSE_MAX)
                        close_channel(worker);
        }
}

static void on_channel(struct ev_loop *loop, ev_io *io, int events) {
        (void) loop;
        (void) events;
        hear(io->data);
}

static Worker *find_alive(const Pool *pool, pid_t pid) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].is_alive && pool->workers[i].pid == pid)
                        return (Worker *) &pool->workers[i];
        return NULL;
}

int pool_is_alive(const Pool *pool, pid_t pid) {
        return find_alive(pool, pid) != NULL;
}

void pool_reaped(Pool *pool, pid_t pid, int wait_status, const struct rusage *usage) {
        Worker *worker = find_alive(pool, pid);
        if (!worker)
                return;
        hear(worker); /* what it said before it died */
        close_channel(worker);
        worker->is_alive = 0;
        PoolEnd end = {.outcome = spawn_outcome(wait_status),
                       .usage = account_usage(worker->page, usage),
                       .reason = worker->reason,
                       .ended_by = (EndedBy) atomic_load(&worker->page->ended_by),
                       .killed = groups_kill_of(pool->groups, worker->slot)};
        if (end.killed == GROUP_KILL_LIMIT && end.ended_by == ENDED_BY_NOBODY)
                end.ended_by = ENDED_BY_MEMORY;
        (void) pool_end_left(pool, worker->slot);
        pool->events.on_gone(worker->slot, &end, pool->events.userdata);
}

/* What the supervisor tells a worker through its page. */
static void write_page(const Pool *pool, StatusPage *page) {
        atomic_store(&page->lease_end_usec, pool->lease_end_usec);
        atomic_store(&page->wishes, pool->wishes);
        atomic_store(&page->share_jobs, pool->share.max_jobs);
        atomic_store(&page->share_usec, pool->share.max_usec);
}

/* In the child: only its own page stays mapped. */
static int born(void *arg) {
        Birth *birth = arg;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (birth->pool->workers[i].page != birth->args.page)
                        (void) status_page_free(birth->pool->workers[i].page);
        return worker_main(&birth->args);
}

int pool_end_left(const Pool *pool, unsigned slot) {
        return groups_end(pool->groups, slot);
}

int pool_spawn(Pool *pool, unsigned slot) {
        Worker *worker = &pool->workers[slot];
        int ends[2];

        int r = worker->page ? 0 : status_page_new(&worker->page);
        if (!r)
                r = channel_new(ends);
        if (r)
                return r;
        status_page_reset(worker->page);
        write_page(pool, worker->page);

        Birth birth = {.pool = pool,
                       .args = {.settings = pool->settings,
                                .page = worker->page,
                                .channel = ends[1],
                                .group = groups_worker(pool->groups, slot)}};
        const int keep[] = {ends[1], pool->settings->log_fd, birth.args.group.fd};
        r = spawn_child(born, &birth, keep, ARRAY_SIZE(keep), &worker->pid);
        (void) close(ends[1]);
        if (r) {
                (void) close(ends[0]);
                return r;
        }
        worker->is_alive = 1;
        worker->channel = ends[0];
        worker->cancel = (Cancel){0};
        worker->reason = POOL_REASON_NONE;
        worker->nonsense = 0;
        worker->told_job = 0;
        ev_io_init(&worker->io, on_channel, worker->channel, EV_READ);
        worker->io.data = worker;
        ev_io_start(pool->loop, &worker->io);
        return 0;
}

static CancelCause cause_of(PoolReason reason) {
        switch (reason) {
        case POOL_REASON_NONE:
                return CANCEL_CAUSE_NONE;
        case POOL_REASON_CANCEL:
                return CANCEL_CAUSE_JOB;
        default:
                return CANCEL_CAUSE_END;
        }
}

/* Begins the steps for this reason, unless there is one that counts as much. */
static void begin_steps(Worker *worker, PoolReason reason, int32_t job_id, usec_t now_usec) {
        if (!cancel_begins(cause_of(worker->reason), cause_of(reason)))
                return;
        worker->cancel = (Cancel){.step = CANCEL_WORD, .since_usec = now_usec};
        worker->canceled_job = job_id;
        worker->reason = reason;
}

static void call_off(Worker *worker) {
        worker->cancel = (Cancel){0};
        worker->canceled_job = 0;
        worker->reason = POOL_REASON_NONE;
}

/* The canceled job has ended by itself: what runs now is another one. */
static void forget_ended(Worker *worker) {
        if (worker->canceled_job && status_page_job(worker->page) != worker->canceled_job)
                call_off(worker);
}

void pool_assign(Pool *pool, unsigned slot, int32_t co_id) {
        Worker *worker = &pool->workers[slot];
        ChannelMessage message = {.type = CHANNEL_ASSIGN, .co_id = co_id};

        call_off(worker); /* what was meant for an earlier job */
        if (worker->channel < 0 || channel_send(worker->channel, &message))
                pool_kill(pool, slot,
                          POOL_REASON_NONE); /* it does not listen: it is as good as dead */
}

void pool_retire(Pool *pool, unsigned slot) {
        close_channel(&pool->workers[slot]);
}

void pool_kill(Pool *pool, unsigned slot, PoolReason reason) {
        if (!pool->workers[slot].is_alive)
                return;
        pool->workers[slot].reason = reason;
        spawn_signal(pool->workers[slot].pid, SIGKILL);
}

void pool_kill_broken(Pool *pool) {
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                if (pool->workers[slot].is_alive && !status_page_is_sound(pool->workers[slot].page))
                        pool_kill(pool, slot, POOL_REASON_PAGE);
}

void pool_release(Pool *pool, unsigned slot) {
        pool->workers[slot].pid = 0;
}

static void write_pages(const Pool *pool) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].page)
                        write_page(pool, pool->workers[i].page);
}

void pool_set_lease_end(Pool *pool, usec_t end_usec) {
        pool->lease_end_usec = end_usec;
        write_pages(pool);
}

void pool_set_share(Pool *pool, const TurnLimits *share) {
        pool->share = *share;
        write_pages(pool);
}

void pool_set_wishes(Pool *pool, uint32_t wishes) {
        if (wishes == pool->wishes)
                return;
        pool->wishes = wishes;
        write_pages(pool);
}

int pool_cancel(Pool *pool, int32_t job_id, usec_t now_usec) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Worker *worker = &pool->workers[i];
                if (!worker->is_alive ||
                    !status_page_control(worker->page, job_id, RJ_CONTROL_CANCEL))
                        continue;
                forget_ended(worker);
                begin_steps(worker, POOL_REASON_CANCEL, job_id, now_usec);
                int is_new = worker->told_job != job_id;
                worker->told_job = job_id;
                return is_new;
        }
        return 0;
}

void pool_cancel_all(Pool *pool, PoolReason reason, usec_t now_usec) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Worker *worker = &pool->workers[i];
                int32_t job = worker->is_alive ? status_page_job(worker->page) : 0;
                if (job)
                        (void) status_page_control(worker->page, job,
                                                   RJ_CONTROL_CANCEL | RJ_CONTROL_SHUTDOWN);
                if (worker->is_alive)
                        begin_steps(worker, reason, 0, now_usec);
        }
}

void pool_call_off(Pool *pool, PoolReason reason) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].is_alive && pool->workers[i].reason == reason)
                        call_off(&pool->workers[i]);
}

static const CancelPolicy *policy_of(const Worker *worker, const CancelPolicy *of_cancel,
                                     const CancelPolicy *of_end) {
        return worker->reason == POOL_REASON_CANCEL ? of_cancel : of_end;
}

usec_t pool_escalate(Pool *pool, const CancelPolicy *of_cancel, const CancelPolicy *of_end,
                     usec_t now_usec) {
        usec_t wake = USEC_INFINITY;

        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Worker *worker = &pool->workers[i];
                if (!worker->is_alive || worker->cancel.step == CANCEL_NONE)
                        continue;
                forget_ended(worker);
                const CancelPolicy *policy = policy_of(worker, of_cancel, of_end);
                CancelStep due = cancel_due(&worker->cancel, policy, now_usec);
                if (due != worker->cancel.step) {
                        worker->cancel = (Cancel){.step = due, .since_usec = now_usec};
                        spawn_signal(worker->pid, due == CANCEL_TERM ? SIGTERM : SIGKILL);
                }
                wake = MIN_OF(wake, cancel_wake(&worker->cancel, policy));
        }
        return wake;
}

size_t pool_jobs(const Pool *pool, int32_t *ids, size_t max) {
        size_t n = 0;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX && n < max; i++) {
                int32_t job =
                        pool->workers[i].is_alive ? status_page_job(pool->workers[i].page) : 0;
                if (job > 0)
                        ids[n++] = job;
        }
        return n;
}

int pool_has(const Pool *pool, pid_t pid) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].pid == pid)
                        return 1;
        return 0;
}

pid_t pool_pid(const Pool *pool, unsigned slot) {
        return pool->workers[slot].pid;
}

StatusPage *pool_page(const Pool *pool, unsigned slot) {
        return pool->workers[slot].page;
}
