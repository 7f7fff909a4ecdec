/*
 * What is said to systemd: ready, reloading, stopping, the status, and the watchdog. Without
 * systemd every function does nothing.
 */
#pragma once

#include <ev.h>

#include "core/condition.h"
#include "util/clock.h"

typedef struct Service {
        ev_timer beat;
        char told[CONDITION_SIZE]; /* the last status */
        int is_stopping;
} Service;

/*
 * Before anything that may take `usec`: systemd waits for that much longer for the daemon to be
 * ready.
 */
void service_starting(usec_t usec);

/* Pets the watchdog from the event loop, twice as often as WATCHDOG_USEC asks for. */
void service_start(Service *service, struct ev_loop *loop);
void service_done(Service *service, struct ev_loop *loop);

void service_ready(Service *service, const char *status);
void service_reloading(void);

/*
 * From here on systemd is told again and again that the end takes longer, so that only a loop that
 * stands still runs into its time-out.
 */
void service_stopping(Service *service, struct ev_loop *loop);

/* The same as the last one is not sent again. */
void service_status(Service *service, const char *status);

/* 1 when somebody listens. */
int service_is_watched(void);
