/*
 * A worker on the scripted libpq: a Runner with a status page and a connection, and stand-ins for
 * what needs time, chance or a plugin. The linker puts them in the place of the real functions
 * (rj_worker_test() in core.cmake).
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/orders.h"
#include "scripted-libpq.h"
#include "worker/turn.h"

/* As the parameters of statements say it. */
#define STAGE_HOST "host.example"
#define STAGE_PID 4242
#define STAGE_HOLDER "host.example|4242"

typedef struct Stage {
        Runner runner;
        Orders *orders;  /* the supervisor's half of what is shared */
        usec_t now_usec; /* what clock_now_usec() gives, and one more each time; sleep moves it */
        int64_t token;   /* what identity_token() gave last; they count from 501 */
        unsigned waits;  /* calls of runner_wait(), */
        unsigned waits_most;  /* of which this one says that there were too many */
        unsigned runs;        /* jobs that were run */
        int is_down;          /* programs that have to run first do not run, */
        int is_dead;          /* and do not start; */
        unsigned starts;      /* how often they were started, */
        unsigned starts_lost; /* so often in vain: they are gone when a job is to be claimed */
        uint32_t meanwhile;   /* ORDERS_WISH_* that come while they do */
        /* What run_job() gives; NULL: Complete, "done". */
        int (*on_run)(Runner *runner, const Job *job, RunResult *ret);
} Stage;

extern Stage stage;

/* For cmocka_unit_test_setup_teardown(): a worker that is connected, and its end. */
int stage_open(void **state);
int stage_close(void **state);
#define stage_test(f) cmocka_unit_test_setup_teardown(f, stage_open, stage_close)

/* The job begins, as far as the page and the recorder are concerned. */
void stage_begin_job(int32_t job_id);

/* A result as run_job() gives it. */
RunResult stage_result(JobEvent event, const char *summary);

/* Hands a history record over, as a plugin does. */
void stage_record(int32_t job_id, const char *comment);

/* What the worker shows in its page of what it has counted. */
uint64_t stage_counted(WorkCount count);
