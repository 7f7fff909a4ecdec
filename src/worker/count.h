/*
 * What this worker has done, counted in its own memory and shown in its status page, where the
 * supervisor finds it also when the worker has died. Costs a job a few stores.
 */
#pragma once

#include "core/counters.h"
#include "core/job.h"
#include "ipc/status_page.h"

typedef struct Counted {
        uint64_t work[_WORK_MAX];
} Counted;

/* A plugin was called, and has come back after so long. */
void count_run(Counted *counted, StatusPage *page, usec_t usec);

/* A job was claimed so many seconds after it was due. */
void count_wait(Counted *counted, StatusPage *page, uint64_t seconds);

/* A job has ended: Complete, Failed or Canceled. */
void count_end(Counted *counted, StatusPage *page, JobState status);
