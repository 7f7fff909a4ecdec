/*
 * The end of a frozen supervisor's workers. While a supervisor is stopped or cut off, others take
 * its lanes when the lease has lapsed; by then none of its workers may live. This thread of the
 * worker kills the worker's process group when the time that the supervisor last wrote has passed.
 */
#pragma once

#include "ipc/status_page.h"

/* Starts the thread; returns 0 or -errno. The page must live as long as the process. */
int lease_watch_start(const StatusPage *page);
