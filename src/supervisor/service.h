/* What is said to systemd, and its watchdog. Without systemd every function does nothing. */
#pragma once

#include <ev.h>

void service_ready(const char *status);
void service_reloading(void);
void service_stopping(void);
void service_status(const char *status);

/* Pets the watchdog from the event loop, twice as often as WATCHDOG_USEC asks for. */
typedef struct ServiceWatchdog {
        ev_timer timer;
} ServiceWatchdog;

void service_watchdog_start(ServiceWatchdog *watchdog, struct ev_loop *loop);
void service_watchdog_stop(ServiceWatchdog *watchdog, struct ev_loop *loop);
