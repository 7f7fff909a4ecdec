/*
 * What a plugin may use while it runs one job. The general limits hold for every model; a section
 * for a plugin or for one model replaces single ones of them, and the most specific one counts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"

/* 0 is no limit. */
typedef struct Limits {
        uint64_t memory_bytes; /* that the job may add to its process, or to its control group */
        usec_t cpu_usec;
        usec_t run_usec;
        uint64_t open_files;
        uint64_t tasks; /* processes and threads that the job may add; by control groups only */
} Limits;

/* Bits of LimitOverride.given. */
#define LIMIT_MEMORY 1u
#define LIMIT_CPU_TIME 2u
#define LIMIT_RUN_TIME 4u
#define LIMIT_OPEN_FILES 8u
#define LIMIT_TASKS 16u

#define LIMIT_NAME_SIZE 128u

/* What one plugin, or one model of it, has instead of the general limits. */
typedef struct LimitOverride {
        char name[LIMIT_NAME_SIZE]; /* "Plugin" or "Plugin.Model" */
        unsigned given;             /* which of `limits` count */
        Limits limits;
} LimitOverride;

typedef struct LimitTable {
        Limits general;
        LimitOverride *overrides; /* each name once */
        size_t n;
} LimitTable;

/* The limits of "Plugin.Model": of the model, of its plugin, or the general ones, key by key. */
Limits limit_resolve(const LimitTable *table, const char *model);

/* 1 when `name` may stand in a section: "Plugin" or "Plugin.Model". */
int limit_is_name(const char *name);
