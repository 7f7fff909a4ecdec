/*
 * The thread sleeps until the nearest moment at which something may have to be ended, and wakes
 * once a second for the case that the host was suspended. What is due is decided by core/overrun.c;
 * facts are kept under a mutex that only this worker's threads use. The end of the lease is read
 * where no plugin can write it. An overrun of the run time begins with a cancel, which only the
 * supervisor can give: the watch asks for it, and goes on to SIGTERM and SIGKILL by itself, whether
 * it is given or not.
 */
#include "worker/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/overrun.h"
#include "ipc/channel.h"
#include "util/descriptors.h"
#include "util/error.h"
#include "worker/fence.h"
#include "worker/usage.h"

#define STACK_SIZE (64 * 1024)

/* More than any statement takes that the server does not end itself, with its retries. */
#define STEP_USEC (240 * USEC_PER_SEC)

/* How late the end of the lease may be seen after the host was suspended. */
#define SLEEP_MAX_USEC USEC_PER_SEC

/* Lives in a mapping of its own, out of the way of a plugin that overruns its buffers. */
struct Watch {
        pthread_mutex_t lock; /* for what follows; held while the watch acts */
        pthread_cond_t changed;
        StatusPage *page;
        const Orders *orders;
        DescriptorIdentity channel; /* a plugin may have closed it */
        usec_t wake_usec;           /* the thread sleeps until then */
        OverrunFacts facts;
        int32_t job_id;
        uint64_t published; /* the job, as the page said it at the begin */
        int is_opening;     /* what runs is no job */
        Memory memory_before;
        usec_t cpu_before_usec;
        int status_fd;
        Fence fence;
};

static void measure_usage(Watch *watch) {
        Memory memory;

        if (watch->facts.limits.memory_bytes && !usage_memory(&watch->status_fd, &memory))
                watch->facts.usage.memory_bytes =
                        usec_sub(memory.used_bytes, watch->memory_before.used_bytes);
        watch->facts.usage.cpu_usec = usec_sub(clock_cpu_usec(), watch->cpu_before_usec);
}

/* Only the supervisor writes control words. */
static void ask_for_cancel(const Watch *watch) {
        const ChannelMessage message = {.type = CHANNEL_OVERRUN};

        atomic_store(&watch->page->overrun_job, watch->job_id);
        if (watch->channel.fd >= 0 && descriptor_is_same(&watch->channel))
                (void) channel_try_send(watch->channel.fd, &message);
}

/* Nothing is logged here: a log that nobody reads would keep the worker alive. */
static void carry_out(Watch *watch, Overrun overrun, usec_t now_usec) {
        if (overrun.step == CANCEL_NONE)
                return;
        if (watch->is_opening && overrun.ended_by == ENDED_BY_RUN_TIME)
                overrun.ended_by = ENDED_BY_OPEN;
        atomic_store(&watch->page->ended_by, overrun.ended_by);
        watch->facts.stop = (Cancel){.step = overrun.step, .since_usec = now_usec};
        if (overrun.step == CANCEL_WORD) {
                ask_for_cancel(watch);
                return;
        }
        (void) kill(0, overrun.step == CANCEL_TERM ? SIGTERM : SIGKILL);
        if (overrun.step == CANCEL_KILL) /* a plugin may have left the group */
                (void) kill(getpid(), SIGKILL);
}

static void check_limits(Watch *watch) {
        OverrunFacts *facts = &watch->facts;
        usec_t now = clock_now_usec();

        /* A plugin may have written over it: a cancel would not find the job. */
        if (facts->is_running && atomic_load(&watch->page->job) != watch->published)
                atomic_store(&watch->page->job, watch->published);

        facts->lease_end_usec = atomic_load(&watch->orders->lease_end_usec);
        if (overrun_needs_usage(facts))
                measure_usage(watch);
        carry_out(watch, overrun_decide(facts, now), now);
        watch->wake_usec = overrun_wake(facts, now);
}

/* Until when to sleep, in the clock of the condition variable, which a suspend stops. */
static struct timespec sleep_end(const Watch *watch) {
        usec_t left_usec = usec_sub(watch->wake_usec, clock_now_usec());
        usec_t until_usec = usec_add(clock_monotonic_usec(), MIN_OF(left_usec, SLEEP_MAX_USEC));

        return (struct timespec){.tv_sec = (time_t) (until_usec / USEC_PER_SEC),
                                 .tv_nsec = (long) (until_usec % USEC_PER_SEC * 1000)};
}

static void *watch_main(void *arg) {
        Watch *watch = arg;

        (void) pthread_mutex_lock(&watch->lock);
        for (;;) {
                check_limits(watch);
                struct timespec until = sleep_end(watch);
                (void) pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
        }
        return NULL;
}

/* Wakes the thread only when it would sleep too long. */
static void unlock_watch(Watch *watch) {
        if (overrun_wake(&watch->facts, clock_now_usec()) < watch->wake_usec)
                (void) pthread_cond_signal(&watch->changed);
        (void) pthread_mutex_unlock(&watch->lock);
}

static void set_step_end(Watch *watch, usec_t end_usec) {
        (void) pthread_mutex_lock(&watch->lock);
        watch->facts.step_end_usec = end_usec;
        unlock_watch(watch);
}

void watch_step(Watch *watch) {
        set_step_end(watch, usec_add(clock_now_usec(), STEP_USEC));
}

void watch_rest(Watch *watch) {
        set_step_end(watch, USEC_INFINITY);
}

static void begin(Watch *watch, int32_t job_id, int is_opening, const Limits *limits) {
        (void) pthread_mutex_lock(&watch->lock);
        OverrunFacts *facts = &watch->facts;
        watch->is_opening = is_opening;
        facts->limits = *limits;
        facts->usage = (Usage){0};
        facts->stop = (Cancel){0};
        watch->job_id = job_id;
        watch->published = atomic_load(&watch->page->job);
        watch->cpu_before_usec = limits->cpu_usec ? clock_cpu_usec() : 0;
        watch->memory_before = (Memory){0};
        if (limits->memory_bytes && usage_memory(&watch->status_fd, &watch->memory_before))
                facts->limits.memory_bytes = 0; /* no /proc: cannot be measured */
        fence_up(&watch->fence, &facts->limits, watch->memory_before.data_bytes,
                 watch->cpu_before_usec);
        facts->step_end_usec = USEC_INFINITY;
        facts->began_usec = clock_now_usec();
        facts->is_running = 1;
        unlock_watch(watch);
}

void watch_job_begin(Watch *watch, int32_t job_id, const Limits *limits) {
        begin(watch, job_id, 0, limits);
}

void watch_open_begin(Watch *watch, int32_t job_id, const Limits *limits) {
        begin(watch, job_id, 1, limits);
}

EndedBy watch_job_end(Watch *watch) {
        (void) pthread_mutex_lock(&watch->lock);
        EndedBy ended_by =
                watch->facts.stop.step == CANCEL_NONE ? ENDED_BY_NOBODY : ENDED_BY_RUN_TIME;
        watch->facts.is_running = 0;
        watch->facts.step_end_usec = usec_add(clock_now_usec(), STEP_USEC);
        fence_down(&watch->fence);
        atomic_store(&watch->page->ended_by, ENDED_BY_NOBODY);
        unlock_watch(watch);
        return ended_by;
}

static int start_thread(Watch *watch) {
        pthread_attr_t attributes;
        pthread_t thread;
        sigset_t all, before;

        (void) pthread_attr_init(&attributes);
        (void) pthread_attr_setstacksize(&attributes, STACK_SIZE);
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&thread, &attributes, watch_main, watch);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);
        return r ? error_origin(-r) : 0;
}

int watch_start(StatusPage *page, const Orders *orders, int channel, Watch **ret) {
        pthread_condattr_t attributes;
        Watch *watch = mmap(NULL, sizeof(*watch), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (watch == MAP_FAILED)
                return error_origin(-errno);
        watch->page = page;
        watch->orders = orders;
        watch->channel = descriptor_identify(channel);
        watch->status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        watch->facts.step_end_usec = USEC_INFINITY;
        watch->facts.lease_end_usec = atomic_load(&orders->lease_end_usec);
        watch->wake_usec = 0; /* the thread looks first, and then sleeps */
        (void) pthread_mutex_init(&watch->lock, NULL);
        (void) pthread_condattr_init(&attributes);
        (void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void) pthread_cond_init(&watch->changed, &attributes);
        (void) pthread_condattr_destroy(&attributes);
        int r = start_thread(watch);
        if (r) {
                (void) munmap(watch, sizeof(*watch));
                return r;
        }
        *ret = watch;
        return 0;
}
