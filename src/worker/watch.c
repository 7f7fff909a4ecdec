#include "worker/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/overrun.h"
#include "registry-job/plugin.h"
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
        usec_t lease_usec;
        usec_t wake_usec; /* the thread sleeps until then */
        OverrunFacts facts;
        int32_t job_id;
        Memory memory_before;
        usec_t cpu_before_usec;
        int status_fd;
        Fence fence;
};

static void measure(Watch *watch) {
        Memory memory;

        if (watch->facts.limits.memory_bytes && !usage_memory(&watch->status_fd, &memory))
                watch->facts.usage.memory_bytes =
                        usec_sub(memory.used_bytes, watch->memory_before.used_bytes);
        watch->facts.usage.cpu_usec = usec_sub(clock_cpu_usec(), watch->cpu_before_usec);
}

/* Nothing is logged here: a log that nobody reads would keep the worker alive. */
static void act(Watch *watch, Overrun overrun, usec_t now_usec) {
        if (overrun.step == CANCEL_NONE)
                return;
        atomic_store(&watch->page->ended_by, overrun.ended_by);
        watch->facts.stop = (Cancel){.step = overrun.step, .since_usec = now_usec};
        if (overrun.step == CANCEL_WORD) {
                (void) status_page_control(watch->page, watch->job_id, RJ_CONTROL_CANCEL);
                return;
        }
        (void) kill(0, overrun.step == CANCEL_TERM ? SIGTERM : SIGKILL);
        if (overrun.step == CANCEL_KILL) /* a plugin may have left the group */
                (void) kill(getpid(), SIGKILL);
}

static void look(Watch *watch) {
        OverrunFacts *facts = &watch->facts;
        usec_t now = clock_now_usec();

        if (status_page_is_sound(watch->page)) /* or what is known stays */
                facts->lease_end_usec = overrun_lease_end(facts->lease_end_usec,
                                                          atomic_load(&watch->page->lease_end_usec),
                                                          watch->lease_usec, now);
        if (overrun_needs_usage(facts))
                measure(watch);
        act(watch, overrun_decide(facts, now), now);
        watch->wake_usec = overrun_wake(facts, now);
}

/* Until when to sleep, in the clock of the condition variable, which a suspend stops. */
static struct timespec sleep_end(const Watch *watch) {
        usec_t left_usec = usec_sub(watch->wake_usec, clock_now_usec());
        usec_t until_usec = usec_add(clock_monotonic_usec(), MIN_OF(left_usec, SLEEP_MAX_USEC));

        return (struct timespec){.tv_sec = (time_t) (until_usec / USEC_PER_SEC),
                                 .tv_nsec = (long) (until_usec % USEC_PER_SEC * 1000)};
}

static void *run(void *arg) {
        Watch *watch = arg;

        (void) pthread_mutex_lock(&watch->lock);
        for (;;) {
                look(watch);
                struct timespec until = sleep_end(watch);
                (void) pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
        }
        return NULL;
}

/* Wakes the thread only when it would sleep too long. */
static void unlock(Watch *watch) {
        if (overrun_wake(&watch->facts, clock_now_usec()) < watch->wake_usec)
                (void) pthread_cond_signal(&watch->changed);
        (void) pthread_mutex_unlock(&watch->lock);
}

static void set_step_end(Watch *watch, usec_t end_usec) {
        (void) pthread_mutex_lock(&watch->lock);
        watch->facts.step_end_usec = end_usec;
        unlock(watch);
}

void watch_step(Watch *watch) {
        set_step_end(watch, usec_add(clock_now_usec(), STEP_USEC));
}

void watch_rest(Watch *watch) {
        set_step_end(watch, USEC_INFINITY);
}

void watch_job_begin(Watch *watch, int32_t job_id, const Limits *limits) {
        (void) pthread_mutex_lock(&watch->lock);
        OverrunFacts *facts = &watch->facts;
        facts->limits = *limits;
        facts->usage = (Usage){0};
        facts->stop = (Cancel){0};
        watch->job_id = job_id;
        watch->cpu_before_usec = limits->cpu_usec ? clock_cpu_usec() : 0;
        watch->memory_before = (Memory){0};
        if (limits->memory_bytes && usage_memory(&watch->status_fd, &watch->memory_before))
                facts->limits.memory_bytes = 0; /* no /proc: cannot be measured */
        fence_up(&watch->fence, &facts->limits, watch->memory_before.data_bytes,
                 watch->cpu_before_usec);
        facts->step_end_usec = USEC_INFINITY;
        facts->began_usec = clock_now_usec();
        facts->is_running = 1;
        unlock(watch);
}

EndedBy watch_job_end(Watch *watch) {
        (void) pthread_mutex_lock(&watch->lock);
        EndedBy ended_by =
                watch->facts.stop.step == CANCEL_NONE ? ENDED_BY_NOBODY : ENDED_BY_RUN_TIME;
        watch->facts.is_running = 0;
        watch->facts.step_end_usec = usec_add(clock_now_usec(), STEP_USEC);
        fence_down(&watch->fence);
        atomic_store(&watch->page->ended_by, ENDED_BY_NOBODY);
        unlock(watch);
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
        int r = pthread_create(&thread, &attributes, run, watch);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);
        return r ? error_origin(-r) : 0;
}

int watch_start(StatusPage *page, usec_t lease_usec, Watch **ret) {
        pthread_condattr_t attributes;
        Watch *watch = mmap(NULL, sizeof(*watch), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (watch == MAP_FAILED)
                return error_origin(-errno);
        watch->page = page;
        watch->lease_usec = lease_usec;
        watch->status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        watch->facts.step_end_usec = USEC_INFINITY;
        watch->facts.lease_end_usec =
                MIN_OF(atomic_load(&page->lease_end_usec), usec_add(clock_now_usec(), lease_usec));
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
