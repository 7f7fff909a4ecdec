/*
 * The supervisor: one event loop that wires the modules of this folder together. It runs no plugin
 * code and waits for nothing but events.
 */
#pragma once

#include <jansson.h>

#include "config/config.h"

/* Drains queues once instead of serving them for ever. */
typedef struct Drain {
        int32_t co_id;    /* 0: all COs */
        int64_t max_jobs; /* 0: no limit */
} Drain;

typedef struct SupervisorArgs {
        const char *config_path; /* for a reload; NULL: none */
        Config *config;          /* changed by a reload; the caller's */
        const json_t *models;    /* of the configuration: supervisor_try_plugins() */
        const Drain *drain;      /* NULL: a daemon */
        int log_fd;              /* descriptor of the log, which workers keep; -1: none */
} SupervisorArgs;

/*
 * Runs until told to stop by SIGTERM or SIGINT, or until the queues are drained. Returns an exit
 * code: 0, or 1 when something could not be set up or a drain could not reach the database.
 * `ret_jobs`, if not NULL, gets the number of jobs run. `ret_must_exit` is set to 1 when a thread
 * still connects, and the process has to end by _exit().
 */
int supervisor_run(const SupervisorArgs *args, uint64_t *ret_jobs, int *ret_must_exit);

#define SUPERVISOR_WHY_SIZE 1040u

/*
 * Opens every plugin of the configuration in a child, which an error of theirs ends alone: 0, with
 * the models that it has found (a new reference), or an exit code with the reason in `why`.
 */
int supervisor_list_models(const Config *config, json_t **ret, char why[SUPERVISOR_WHY_SIZE]);

/* As supervisor_list_models(), and logs the reason, and sections [limits "NAME"] of no model. */
int supervisor_try_plugins(const Config *config, json_t **ret_models);

/*
 * Starts the Registry of [registry] in a child: 0, with the models that it tells (a new
 * reference), or an exit code after logging why it does not start.
 */
int supervisor_ask_registry(const Config *config, json_t **ret_told);
