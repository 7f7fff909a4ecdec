/*
 * What this daemon has done since its start: what it counts itself, and what its workers show in
 * their status pages. A page is read at every heartbeat and at its worker's end; what cannot be
 * true is not taken, and a page that has lied once is not read again: the last that was believed
 * stays.
 */
#pragma once

#include "core/counters.h"
#include "core/outcome.h"
#include "core/plan.h"
#include "ipc/status_page.h"

typedef struct TallyWorker {
        usec_t born_usec; /* 0: there is none */
        usec_t read_usec; /* when what it shows was believed last */
        int is_doubted;
        uint64_t known[_WORK_MAX];
} TallyWorker;

typedef struct Tally {
        Counters total; /* without the workers that live */
        TallyWorker workers[PLAN_SLOTS_MAX];
} Tally;

static inline void tally_count(Tally *tally, Count count) {
        tally->total.own[count]++;
}

/* A worker was forked into that slot. */
void tally_born(Tally *tally, unsigned slot, usec_t now_usec);

/* Reads the page of a worker that lives; nothing without one. */
void tally_read(Tally *tally, unsigned slot, const StatusPage *page, usec_t now_usec);

/*
 * The worker is gone, and its page is read for the last time. What it was running when it died is
 * counted as a run: it could not do that itself.
 */
void tally_gone(Tally *tally, unsigned slot, const StatusPage *page, const JobUsage *usage,
                usec_t now_usec);

/* A new string, or NULL without memory. */
char *tally_to_json(const Tally *tally);
