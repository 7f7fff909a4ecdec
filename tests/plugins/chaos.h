/* What the acts of ChaosJob have in common. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "registry-job/plugin.h"

typedef struct Chaos {
        struct rj_context *ctx;
        int64_t value;    /* what it means is up to the act; 0 unless given */
        const char *path; /* NULL unless given */
} Chaos;

/* The job's summary. */
__attribute__((format(printf, 2, 3))) void chaos_say(const Chaos *chaos, const char *format, ...);

/* A history record. */
__attribute__((format(printf, 3, 4))) void chaos_note(const Chaos *chaos, const char *key,
                                                      const char *format, ...);

/* Adds a line with this PID to the file `path`. Uses neither stdio nor malloc: children call it. */
void chaos_mark(const Chaos *chaos, pid_t pid);

/* Sleeps on, whatever signals come. */
void chaos_sleep_ms(int64_t ms);
_Noreturn void chaos_sleep(void);
