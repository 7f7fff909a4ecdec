#include "supervisor/service.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "util/clock.h"

void service_ready(const char *status) {
        (void) sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void service_reloading(void) {
        (void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_usec());
}

void service_stopping(void) {
        (void) sd_notify(0, "STOPPING=1");
}

void service_status(const char *status) {
        (void) sd_notifyf(0, "STATUS=%s", status);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events) {
        (void) loop;
        (void) timer;
        (void) events;
        (void) sd_notify(0, "WATCHDOG=1");
}

void service_watchdog_start(ServiceWatchdog *watchdog, struct ev_loop *loop) {
        uint64_t usec = 0;

        ev_timer_init(&watchdog->timer, on_timer, 0, 0);
        if (sd_watchdog_enabled(0, &usec) <= 0 || !usec)
                return;
        ev_timer_set(&watchdog->timer, 0, (double) usec / 2 / (double) USEC_PER_SEC);
        ev_timer_start(loop, &watchdog->timer);
}

void service_watchdog_stop(ServiceWatchdog *watchdog, struct ev_loop *loop) {
        ev_timer_stop(loop, &watchdog->timer);
}
