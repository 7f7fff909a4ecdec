/*
 * The end of a worker that must not go on, whatever its plugin does: because the supervisor's lease
 * has lapsed (it is frozen or cut off, and others take its lanes), because a limit was exceeded, or
 * because the worker itself hangs. A small thread of the worker, which waits for the nearest of
 * those moments. It writes the reason into the status page, and then ends the process group.
 *
 * It allocates nothing, and blocks all signals: a plugin may have corrupted the heap, and what it
 * does with signals is its own business.
 */
#pragma once

#include "core/limit.h"
#include "core/outcome.h"
#include "ipc/orders.h"

typedef struct Watch Watch;

/*
 * Starts the thread. A job that overruns its time is canceled first: the watch asks for that in the
 * page, and tells the supervisor through `channel` (-1: somebody looks at the page). The watch,
 * page and orders live as long as the process. Returns 0 or -errno.
 */
int watch_start(StatusPage *page, const Orders *orders, int channel, Watch **ret);

/* The worker begins, or goes on with, a step of its own that must not take long. */
void watch_step(Watch *watch);

/* The worker waits for something that may take as long as it likes. */
void watch_rest(Watch *watch);

/* A plugin is about to be called, with these limits; also sets up those of the kernel. */
void watch_job_begin(Watch *watch, int32_t job_id, const Limits *limits);

/* open() or close() of a plugin is about to be called; `job_id` is the job that waits, or 0. */
void watch_open_begin(Watch *watch, int32_t job_id, const Limits *limits);

/*
 * The plugin has returned, and a step of the worker begins. Returns ENDED_BY_RUN_TIME when it was
 * asked to stop for that.
 */
EndedBy watch_job_end(Watch *watch);
