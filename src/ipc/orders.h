/*
 * What the supervisor tells one worker: the half of the shared memory that the supervisor writes.
 * The worker maps it read-only (ipc/shared.h), so that nothing that runs in the worker, a plugin
 * least of all, can take a cancel back or move the end of the lease.
 *
 * Each running job has a control word, the one that rj_canceled() reads. The worker picks a word
 * that reads 0 and publishes its index with the job in its own half; only the supervisor writes
 * words, and it clears those of jobs that are not published any more. A cancel that comes too late
 * therefore meets no other job: orders.c says how.
 */
#pragma once

#include "ipc/status_page.h"

#define ORDERS_WORDS 64u

/* Bits that the supervisor wishes a worker to follow. */
#define ORDERS_WISH_STOP 1u   /* claim nothing more */
#define ORDERS_WISH_OTHERS 2u /* other COs wait: give the lane back after your share */
#define ORDERS_WISH_FAILED 4u /* a hook waits: tell of each failed job, CHANNEL_FAILED */

typedef struct Orders {
        _Alignas(64) _Atomic uint32_t wishes;
        _Atomic uint32_t share_jobs;     /* of a turn, while other COs wait */
        _Atomic uint64_t share_usec;     /* the same as a time */
        _Atomic uint64_t lease_end_usec; /* monotonic: past it the worker must not live */
        _Atomic uint32_t writing;        /* 1 + index of the word that is being written; 0: none */

        /* Plain words, because plugins read them through rj_canceled(). */
        _Alignas(64) uint32_t words[ORDERS_WORDS];
} Orders;

/* In memory of its own, for the supervisor; `ret_fd` is how it can be mapped. */
int orders_new(Orders **ret, int *ret_fd);
Orders *orders_free(Orders *orders);
DEFINE_CLEANUP(Orders, orders_free)

/* The worker's own mapping, of a descriptor from shared_open_read_only(); closes `fd`. */
int orders_map(int fd, const Orders **ret);

/* Makes the orders fit for the next worker, which must not live yet. */
void orders_reset(Orders *orders);

/*
 * For the worker: begins a job, publishes it, and returns the word that its plugin looks at. NULL
 * when no word reads 0, which the supervisor's writing rules out.
 */
const uint32_t *orders_begin_job(const Orders *orders, StatusPage *page, int32_t job_id);

/*
 * For the supervisor: sets control bits for that job. Returns 0 when the worker is not, or no
 * longer, running it.
 */
int orders_control_job(Orders *orders, const StatusPage *page, int32_t job_id, uint32_t bits);

/* For the supervisor: clears the words of jobs that are not published any more. */
void orders_clear_words(Orders *orders, const StatusPage *page);
