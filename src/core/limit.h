/*
 * The limits of a plugin while it runs one job, and what its failures lead to. What is general
 * holds for every model. A section for a plugin, or for one model of it, replaces single values;
 * the section for the model wins.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"

/* 0 means no limit. */
typedef struct Limits {
        uint64_t memory_bytes; /* memory that the job may add to its process or control group */
        usec_t cpu_usec;
        usec_t run_usec;
        uint64_t open_files;
        uint64_t tasks; /* processes and threads that the job may add; needs a control group */
} Limits;

/* What failures of a model lead to in the CO of the job. */
typedef struct Quarantine {
        int64_t failures;     /* after so many in a row the model is held; 0: never */
        int holds_on_failure; /* after each the CO is held */
} Quarantine;

/* Bits of LimitOverride.given. */
#define LIMIT_MEMORY 1u
#define LIMIT_CPU_TIME 2u
#define LIMIT_RUN_TIME 4u
#define LIMIT_OPEN_FILES 8u
#define LIMIT_TASKS 16u
#define LIMIT_FAILURES 32u
#define LIMIT_ON_FAILURE 64u
#define LIMIT_QUARANTINE (LIMIT_FAILURES | LIMIT_ON_FAILURE)

#define LIMIT_NAME_SIZE 128u

/* The limits that replace general ones, for one plugin or one model. */
typedef struct LimitOverride {
        char name[LIMIT_NAME_SIZE]; /* "Plugin" or "Plugin.Model" */
        unsigned given;             /* LIMIT_*: the values that are set */
        Limits limits;
        Quarantine quarantine;
} LimitOverride;

typedef struct LimitTable {
        Limits general;
        Quarantine quarantine;
        LimitOverride *overrides; /* no name occurs twice */
        size_t n;
} LimitTable;

/* The row for this name, a new one where there is none yet; NULL without memory. */
LimitOverride *limit_override(LimitTable *table, const char *name);

/* The limits of a job of "Plugin.Model". Each is that of the model, of its plugin, or the general
 * one. */
Limits limit_resolve(const LimitTable *table, const char *model);

/* As limit_resolve(). */
Quarantine limit_quarantine(const LimitTable *table, const char *model);

/* 1 when the section is for this "Plugin.Model", or for its plugin. */
int limit_is_for(const LimitOverride *override, const char *model);

/* 1 when `name` is "Plugin" or "Plugin.Model", as the name of a section has to be. */
int limit_is_name(const char *name);
