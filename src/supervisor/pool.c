/*
 * A worker for each slot at most, its end of the channel, and the two halves of the memory that is
 * shared with it, which are made at the first fork into the slot and kept. The plan says when to
 * fork, to assign and to end; signals are sent here, steps of a cancel among them. A worker that
 * cannot be spoken to is killed: it is as good as dead. Nothing that it says or shows is believed:
 * messages have a known form, and numbers in its page are checked where they are used.
 */
#include "supervisor/pool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "ipc/orders.h"
#include "ipc/ring.h"
#include "ipc/shared.h"
#include "process/escalation.h"
#include "process/spawn.h"
#include "util/error.h"
#include "util/log.h"
#include "worker/account.h"

#define NONSENSE_MAX 1000 /* messages of one worker */

typedef struct Worker {
        unsigned slot;
        pid_t pid; /* kept until what it left is settled; 0: none */
        int64_t start_ticks;
        int is_alive;
        int channel;
        Orders *orders; /* made at the first fork into this slot, kept, with its descriptor */
        StatusPage *page;
        int orders_fd, page_fd;
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
        Cgroups *cgroups;
        PoolReadable on_readable;
        void *userdata;
        usec_t lease_end_usec;
        uint32_t wishes;
        Share share;
        Worker workers[PLAN_SLOTS_MAX];
};

int pool_new(struct ev_loop *loop, const WorkerSettings *settings, Cgroups *cgroups,
             PoolReadable on_readable, void *userdata, Pool **ret) {
        Pool *pool = calloc(1, sizeof(*pool));
        if (!pool)
                return error_origin(-ENOMEM);
        pool->loop = loop;
        pool->settings = settings;
        pool->cgroups = cgroups;
        pool->on_readable = on_readable;
        pool->userdata = userdata;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Worker *worker = &pool->workers[i];
                worker->slot = i;
                worker->channel = worker->orders_fd = worker->page_fd = -1;
        }
        *ret = pool;
        return 0;
}

static void close_channel(Pool *pool, Worker *worker) {
        if (worker->channel < 0)
                return;
        ev_io_stop(pool->loop, &worker->io);
        (void) close(worker->channel);
        worker->channel = -1;
}

Pool *pool_free(Pool *pool) {
        if (pool)
                for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                        Worker *worker = &pool->workers[i];
                        close_channel(pool, worker);
                        (void) orders_free(worker->orders);
                        (void) status_page_free(worker->page);
                        closep(&worker->orders_fd);
                        closep(&worker->page_fd);
                }
        free(pool);
        return NULL;
}

unsigned pool_slot_of(const ev_io *io) {
        const char *worker = (const char *) io - offsetof(Worker, io);
        return ((const Worker *) (const void *) worker)->slot;
}

/*
 * The first one counts: it was sent before there was a plugin to send another. /proc may hide the
 * worker from us: see process/dumpable.h.
 */
static int note_birth(Worker *worker, const ChannelMessage *message) {
        if (worker->start_ticks || message->start_ticks <= 0)
                return CHANNEL_E_INVALID;
        worker->start_ticks = message->start_ticks;
        return 0;
}

/* As rearm() in link.c. Only a watcher that was set anew is told to the kernel anew. */
static void watch_again(Pool *pool, Worker *worker) {
        if (worker->channel < 0 || ev_is_active(&worker->io))
                return;
        ev_io_set(&worker->io, worker->channel, EV_READ);
        ev_io_start(pool->loop, &worker->io);
}

int pool_receive(Pool *pool, unsigned slot, ChannelMessage *ret) {
        Worker *worker = &pool->workers[slot];

        watch_again(pool, worker);
        while (worker->channel >= 0) {
                int r = channel_receive(worker->channel, ret);
                if (!r && ret->type != CHANNEL_BORN)
                        return 1;
                if (r == CHANNEL_E_AGAIN)
                        return 0;
                if (!r)
                        r = note_birth(worker, ret);
                if (r && (r != CHANNEL_E_INVALID || ++worker->nonsense > NONSENSE_MAX))
                        close_channel(pool, worker);
        }
        return 0;
}

int pool_find(const Pool *pool, pid_t pid) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].is_alive && pool->workers[i].pid == pid)
                        return (int) i;
        return -1;
}

int pool_bury(Pool *pool, const Death *death, PoolEnd *ret) {
        int slot = pool_find(pool, death->pid);
        if (slot < 0)
                return 0;
        Worker *worker = &pool->workers[slot];

        close_channel(pool, worker);
        worker->is_alive = 0;
        *ret = (PoolEnd){.slot = worker->slot,
                         .pid = (int32_t) worker->pid,
                         .start_ticks = worker->start_ticks,
                         .outcome = spawn_outcome(death->wait_status),
                         .usage = account_usage(worker->page, &death->usage),
                         .reason = worker->reason,
                         .ended_by = (EndedBy) atomic_load(&worker->page->ended_by),
                         .killed = cgroups_kill_of(pool->cgroups, worker->slot)};
        if (ret->killed == CGROUP_KILL_LIMIT && ret->ended_by == ENDED_BY_NOBODY)
                ret->ended_by = ENDED_BY_MEMORY;
        (void) pool_end_left(pool, worker->slot);
        return 1;
}

int pool_end_left(const Pool *pool, unsigned slot) {
        return cgroups_end(pool->cgroups, slot);
}

/* What the supervisor tells a worker. */
static void write_orders(const Pool *pool, Orders *orders) {
        atomic_store(&orders->lease_end_usec, pool->lease_end_usec);
        atomic_store(&orders->wishes, pool->wishes);
        atomic_store(&orders->share_jobs, pool->share.max_jobs);
        atomic_store(&orders->share_usec, pool->share.max_usec);
}

static int make_memory(Worker *worker) {
        int r = worker->orders ? 0 : orders_new(&worker->orders, &worker->orders_fd);
        if (!r && !worker->page)
                r = status_page_new(&worker->page, &worker->page_fd);
        return r;
}

/* Nothing of the worker before lives. Only a will makes what lies in its ring anybody's. */
static void reset_memory(const Pool *pool, const Worker *worker, const Will *will) {
        orders_reset(worker->orders);
        write_orders(pool, worker->orders);
        status_page_reset(worker->page);
        if (!will)
                ring_clear(worker->page);
}

static int fork_worker(Pool *pool, Worker *worker, WorkerArgs *args) {
        int ends[2];

        int r = channel_new(ends);
        if (r)
                return r;
        args->channel = ends[1];
        const int keep[] = {ends[1], pool->settings->log_fd, args->cgroup.fd, args->orders_fd,
                            args->status_fd};
        r = spawn_child(worker_main, args, keep, ARRAY_SIZE(keep), &worker->pid);
        (void) close(ends[1]);
        if (r) {
                (void) close(ends[0]);
                return r;
        }
        worker->channel = ends[0];
        return 0;
}

int pool_fork(Pool *pool, unsigned slot, const Will *will) {
        Worker *worker = &pool->workers[slot];

        int r = make_memory(worker);
        if (r)
                return r;
        reset_memory(pool, worker, will);
        _cleanup_(closep) int orders_fd = shared_open_read_only(worker->orders_fd);
        if (orders_fd < 0)
                return orders_fd;
        WorkerArgs args = {.settings = pool->settings,
                           .orders_fd = orders_fd,
                           .status_fd = worker->page_fd,
                           .cgroup = cgroups_worker(pool->cgroups, slot),
                           .will = will};
        r = fork_worker(pool, worker, &args);
        if (r)
                return r;
        worker->start_ticks = 0; /* it has no lane before it has told them */
        worker->is_alive = 1;
        worker->cancel = (Cancel){0};
        worker->reason = POOL_REASON_NONE;
        worker->nonsense = 0;
        worker->told_job = 0;
        ev_io_init(&worker->io, pool->on_readable, worker->channel, EV_READ);
        worker->io.data = pool->userdata;
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
        close_channel(pool, &pool->workers[slot]);
}

void pool_kill(Pool *pool, unsigned slot, PoolReason reason) {
        if (!pool->workers[slot].is_alive)
                return;
        pool->workers[slot].reason = reason;
        spawn_signal(pool->workers[slot].pid, SIGKILL);
}

void pool_release(Pool *pool, unsigned slot) {
        pool->workers[slot].pid = 0;
}

static void write_all_orders(const Pool *pool) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].orders)
                        write_orders(pool, pool->workers[i].orders);
}

void pool_set_lease_end(Pool *pool, usec_t end_usec) {
        pool->lease_end_usec = end_usec;
        write_all_orders(pool);
}

void pool_set_share(Pool *pool, const Share *share) {
        pool->share = *share;
        write_all_orders(pool);
}

void pool_set_wishes(Pool *pool, uint32_t wishes) {
        if (wishes == pool->wishes)
                return;
        pool->wishes = wishes;
        write_all_orders(pool);
}

/* All of them: a plugin may have published a job that is not its worker's. */
PoolCancel pool_cancel(Pool *pool, int32_t job_id, usec_t now_usec) {
        PoolCancel result = POOL_CANCEL_NOBODY;

        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Worker *worker = &pool->workers[i];
                if (!worker->is_alive ||
                    !orders_control_job(worker->orders, worker->page, job_id, RJ_CONTROL_CANCEL))
                        continue;
                forget_ended(worker);
                begin_steps(worker, POOL_REASON_CANCEL, job_id, now_usec);
                PoolCancel one = worker->told_job == job_id ? POOL_CANCEL_KNOWN : POOL_CANCEL_NEW;
                result = MAX_OF(result, one);
                worker->told_job = job_id;
        }
        return result;
}

void pool_pass_overrun(Pool *pool, unsigned slot) {
        const Worker *worker = &pool->workers[slot];

        if (worker->is_alive)
                (void) orders_control_job(worker->orders, worker->page,
                                          atomic_load(&worker->page->overrun_job),
                                          RJ_CONTROL_CANCEL);
}

void pool_cancel_all(Pool *pool, PoolReason reason, usec_t now_usec) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Worker *worker = &pool->workers[i];
                int32_t job = worker->is_alive ? status_page_job(worker->page) : 0;
                if (job)
                        (void) orders_control_job(worker->orders, worker->page, job,
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
                usec_t next = escalate(&worker->cancel, policy, worker->pid, now_usec);
                wake = MIN_OF(wake, next);
        }
        return wake;
}

int pool_runs(const Pool *pool, int32_t job_id) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].is_alive && status_page_job(pool->workers[i].page) == job_id)
                        return 1;
        return 0;
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

size_t pool_pids(const Pool *pool, pid_t *pids, size_t max) {
        size_t n = 0;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX && n < max; i++)
                if (pool->workers[i].is_alive)
                        pids[n++] = pool->workers[i].pid;
        return n;
}

int pool_has(const Pool *pool, int32_t pid, int64_t start_ticks) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (pool->workers[i].pid == pid && pool->workers[i].start_ticks == start_ticks)
                        return 1;
        return 0;
}

pid_t pool_pid(const Pool *pool, unsigned slot) {
        return pool->workers[slot].pid;
}

const StatusPage *pool_page(const Pool *pool, unsigned slot) {
        return pool->workers[slot].page;
}

int pool_has_records(const Pool *pool, unsigned slot) {
        const StatusPage *page = pool->workers[slot].page;
        return page && ring_oldest(page) != ring_end(page);
}
