/*
 * What one worker shows: the half of the shared memory that the worker writes. Every field has one
 * writer and is read on its own, so there is no lock: a worker killed at any instruction leaves
 * nothing behind that could stop the supervisor. A plugin can write over its worker's half, so the
 * supervisor believes nothing in it without a check. What the supervisor tells is in ipc/orders.h,
 * where no plugin can write.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"
#include "util/macro.h"

#define STATUS_RING_SIZE (256u * 1024u)
#define STATUS_COUNTS 48u

typedef struct StatusPage {
        /* Index of the job's control word << 32 | id of the job; id 0: no job runs. */
        _Alignas(64) _Atomic uint64_t job;
        _Atomic int32_t last_job; /* begun by this worker, whether it still runs or not; 0: none */
        _Atomic int32_t overrun_job; /* whose cancel the worker's watch asks for, or 0 */
        _Atomic uint32_t percent;
        _Atomic uint32_t ended_by;       /* EndedBy: why the worker's own watch ended it */
        _Atomic uint64_t began_usec;     /* monotonic: when the plugin was called; 0: it was not */
        _Atomic uint64_t began_cpu_usec; /* CPU time that the process had used then */
        _Atomic uint64_t active_usec;    /* monotonic: the plugin's last sign of life */

        /* See status_page_count(). */
        _Atomic uint64_t counts[STATUS_COUNTS];

        /* See ipc/ring.h. The ring outlives its worker: the heir goes on with it. */
        _Alignas(64) _Atomic uint64_t ring_head; /* bytes ever put in */
        _Atomic uint64_t ring_tail;              /* bytes ever taken out */
        _Atomic uint64_t frames_put;             /* frames ever put in */
        _Atomic uint64_t frames_taken;           /* frames ever taken out */
        _Alignas(64) unsigned char ring[STATUS_RING_SIZE];
} StatusPage;

/* In memory of its own, for the supervisor; `ret_fd` is how the worker gets at it. */
int status_page_new(StatusPage **ret, int *ret_fd);
StatusPage *status_page_free(StatusPage *page);
DEFINE_CLEANUP(StatusPage, status_page_free)

/* The worker's own mapping; closes `fd`. Returns 0 or -errno. */
int status_page_map(int fd, StatusPage **ret);

/*
 * Makes the page fit for the next worker, which must not live yet. What lies in the ring stays.
 */
void status_page_reset(StatusPage *page);

/*
 * Shows a count. Two counts that belong together, a sum and its bucket: write the bucket before its
 * sum, and give the sum the lower number; status_page_counts() reads the sum first, so that the sum
 * never exceeds the buckets.
 */
void status_page_count(StatusPage *page, unsigned i, uint64_t value);

/* The first `n` counts, in order. */
void status_page_counts(const StatusPage *page, uint64_t *to, unsigned n);

/* No job runs any more. */
void status_page_clear_job(StatusPage *page);

/* The job that the worker says it is running, or 0. */
int32_t status_page_job(const StatusPage *page);

/* The plugin of the job is called now; the process has used so much CPU time. */
void status_page_note_call(StatusPage *page, usec_t now_usec, usec_t cpu_usec);

/* The plugin has called its host: it is alive. */
void status_page_note_active(StatusPage *page, usec_t now_usec);
