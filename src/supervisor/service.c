/*
 * One datagram for each thing that systemd is told. The watchdog is petted from the event loop
 * only: a loop that stands still is what it is for, a database that is away is not.
 */
#include "supervisor/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define BEAT_USEC (5 * USEC_PER_SEC) /* when there is no watchdog */

/* Beats that may get lost or come late before systemd gives a stopping daemon up. */
#define BEATS 3

static void extend(usec_t usec) {
        (void) sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, usec);
}

static usec_t period_of(const Service *service) {
        return (usec_t) (service->beat.repeat * (double) USEC_PER_SEC);
}

static void on_beat(struct ev_loop *loop, ev_timer *timer, int events) {
        const Service *service = timer->data;
        (void) loop;
        (void) events;
        (void) sd_notify(0, "WATCHDOG=1");
        if (service->is_stopping)
                extend(BEATS * period_of(service));
}

int service_is_watched(void) {
        return getenv("NOTIFY_SOCKET") != NULL;
}

void service_starting(usec_t usec) {
        extend(usec);
}

static void set_period(Service *service, usec_t usec) {
        ev_timer_set(&service->beat, 0, (double) usec / (double) USEC_PER_SEC);
}

void service_start(Service *service, struct ev_loop *loop) {
        uint64_t usec = 0;

        ev_timer_init(&service->beat, on_beat, 0, 0);
        service->beat.data = service;
        if (sd_watchdog_enabled(0, &usec) <= 0 || !usec)
                return;
        set_period(service, usec / 2);
        ev_timer_start(loop, &service->beat);
}

void service_done(Service *service, struct ev_loop *loop) {
        ev_timer_stop(loop, &service->beat);
}

static void keep_status(Service *service, const char *status) {
        (void) snprintf(service->told, sizeof(service->told), "%s", status);
}

void service_ready(Service *service, const char *status) {
        keep_status(service, status);
        (void) sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void service_reloading(void) {
        (void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reloading",
                          clock_monotonic_usec());
}

void service_stopping(Service *service, struct ev_loop *loop) {
        service->is_stopping = 1;
        (void) sd_notify(0, "STOPPING=1");
        if (!ev_is_active(&service->beat)) {
                set_period(service, BEAT_USEC);
                ev_timer_start(loop, &service->beat);
        }
        extend(BEATS * period_of(service));
}

void service_status(Service *service, const char *status) {
        if (!strcmp(service->told, status))
                return;
        keep_status(service, status);
        (void) sd_notifyf(0, "STATUS=%s", status);
}
