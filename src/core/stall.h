/* Work that shows no sign of life: seen once, and told once when it goes on. */
#pragma once

#include <stdint.h>

#include "util/clock.h"

typedef enum StallStep {
        STALL_NOTHING,
        STALL_BEGINS, /* this job has shown no sign of life for too long */
        STALL_ENDS,   /* the job that was said to be stalled goes on, or is gone */
} StallStep;

/* What a worker says of itself; nothing of it is believed without a check. */
typedef struct StallFacts {
        int32_t job;        /* that it runs; 0: none */
        usec_t began_usec;  /* when its plugin was called; 0: it was not */
        usec_t active_usec; /* its last sign of life */
} StallFacts;

/* `told` is the job that was said to be stalled, or 0; a limit of 0 means that none ever is. */
StallStep stall_step(const StallFacts *facts, int32_t told, usec_t limit_usec, usec_t now_usec);

/* How long there was no sign of life. */
usec_t stall_silence(const StallFacts *facts, usec_t now_usec);
