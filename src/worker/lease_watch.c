#include "worker/lease_watch.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

#define STACK_SIZE (64 * 1024)

static void *watch(void *arg) {
        const StatusPage *page = arg;

        for (;;) {
                usec_t end = atomic_load(&page->lease_end_usec), now = clock_now_usec();
                if (now >= end) {
                        log_error("the supervisor's lease has lapsed: ending this worker");
                        (void) kill(0, SIGKILL);
                }
                struct timespec until = {.tv_sec = (time_t) (end / USEC_PER_SEC),
                                         .tv_nsec = (long) (end % USEC_PER_SEC * 1000)};
                (void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        }
        return NULL;
}

int lease_watch_start(const StatusPage *page) {
        pthread_attr_t attributes;
        pthread_t thread;
        sigset_t all, before;

        (void) pthread_attr_init(&attributes);
        (void) pthread_attr_setstacksize(&attributes, STACK_SIZE);
        (void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        /* Signals are the plugin's business, on its own thread. */
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&thread, &attributes, watch, (void *) (uintptr_t) page);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attributes);
        return r ? error_origin(-r) : 0;
}
