/*
 * What a supervisor and one worker share: a mapping made before the fork. Every field has one
 * writer and is read on its own, so there is no lock: a worker killed at any instruction leaves
 * nothing behind that could stop the supervisor. A plugin can scribble over its own worker's page
 * only; the supervisor believes nothing in it without a check.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"
#include "util/macro.h"

#define STATUS_CONTROL_WORDS 64u
#define STATUS_RING_SIZE (256u * 1024u)
#define STATUS_COUNTS 48u

/* Bits that the supervisor wishes a worker to follow between two jobs. */
#define STATUS_WISH_STOP 1u   /* claim nothing more */
#define STATUS_WISH_OTHERS 2u /* other COs wait: give the lane back after your share */

/*
 * Stands at the edges of what each side writes: a plugin that writes over its page by accident hits
 * one of them.
 */
#define STATUS_SEAL 0x5ea1ed0fb0a2dULL

typedef struct StatusPage {
        /* The worker writes. Number of the job in this worker << 32 | id of the job; id 0: none. */
        _Alignas(64) _Atomic uint64_t job;
        _Atomic uint32_t percent;
        _Atomic uint32_t ended_by;       /* EndedBy: why the worker's own watch ended it */
        _Atomic uint64_t began_usec;     /* monotonic: when the plugin was called; 0: it was not */
        _Atomic uint64_t began_cpu_usec; /* CPU time that the process had used then */
        _Atomic uint64_t active_usec;    /* monotonic: the plugin's last sign of life */
        _Atomic uint64_t ring_head;      /* bytes ever put into the ring */
        _Atomic uint64_t ring_tail; /* bytes ever taken out; by the supervisor after the death */

        /* What it has counted since its start, see status_page_count(). */
        _Atomic uint64_t counts[STATUS_COUNTS];

        _Atomic uint64_t worker_seal;

        /* The supervisor writes. */
        _Alignas(64) _Atomic uint32_t wishes;
        _Atomic uint32_t share_jobs;     /* of a turn, while other COs wait */
        _Atomic uint64_t share_usec;     /* the same as a time */
        _Atomic uint64_t lease_end_usec; /* monotonic: past it the worker must not live */
        _Atomic uint64_t supervisor_seal;

        /*
         * One word for each of the last jobs, so that a cancel that comes too late meets the word
         * of the job that it was for. Plain words: plugins read them through rj_canceled().
         */
        _Alignas(64) uint32_t control[STATUS_CONTROL_WORDS];
        _Atomic uint64_t control_seal;

        _Alignas(64) unsigned char ring[STATUS_RING_SIZE];
} StatusPage;

int status_page_new(StatusPage **ret);
StatusPage *status_page_free(StatusPage *page);
DEFINE_CLEANUP(StatusPage, status_page_free)

/* Makes a page fit for the next worker. */
void status_page_reset(StatusPage *page);

/* 0 when somebody wrote over the page: nothing in it can be relied on. */
int status_page_is_sound(const StatusPage *page);

/*
 * Shows a count. Of two that go together the one with the lower number is written last, and is read
 * first: what it stands for is in the other one then.
 */
void status_page_count(StatusPage *page, unsigned i, uint64_t value);

/* The first `n` counts, in order. */
void status_page_counts(const StatusPage *page, uint64_t *to, unsigned n);

/* The worker begins a job, and gets the word that its plugin looks at. Id 0: between jobs. */
const uint32_t *status_page_begin(StatusPage *page, int32_t job_id);

/* The job that the worker says it is running, or 0. */
int32_t status_page_job(const StatusPage *page);

/* Sets control bits for that job; returns 0 when the worker is not, or no longer, running it. */
int status_page_control(StatusPage *page, int32_t job_id, uint32_t bits);

/* The plugin of the job is called now; the process has used so much CPU time. */
void status_page_called(StatusPage *page, usec_t now_usec, usec_t cpu_usec);

/* The plugin has called its host: it is alive. */
void status_page_active(StatusPage *page, usec_t now_usec);
