/* What a plugin is given while it runs: its context, and the functions of struct rj_host. */
#pragma once

#include <stdatomic.h>

#include "core/params.h"
#include "db/job_store.h"
#include "plugin/catalog.h"
#include "worker/recorder.h"

/*
 * Lives as long as a thread may call that the plugin has left, or that another one of this worker
 * has: the memory is never another job's before.
 */
typedef struct HostRun {
        struct rj_context context; /* the plugin sees this; it must come first */
        const char *plugin;        /* "Plugin.Model", for the log */
        const Params *params;      /* NULL: of open() and close(), which are no job's */
        Recorder *recorder;
        Session *session;
        DbSettings settings;    /* for the plugin's own connection */
        char settings_name[48]; /* how the server knows it */
        PGconn *own;
        DescriptorIdentity own_socket;
        atomic_int is_over; /* what a thread that the plugin has left calls does nothing */
        Holder holder;
        StatusPage *page;
        int percent_written;
        usec_t percent_usec;
        char summary[SUMMARY_SIZE]; /* "" until the plugin gives one */
        DbError error;              /* of the host function that failed last */
} HostRun;

/*
 * Prepares a run: what is the worker's, and the parameters, is set by the caller. `state` is what
 * the plugin's open() has left.
 */
void host_begin(HostRun *run, const Job *job, const CatalogEntry *entry, const uint32_t *control,
                void *state);

/* Calls the plugin and returns what it returned. */
int host_call(HostRun *run);

/* Calls the plugin's open() in a run of its own, and returns what that returned. */
int host_open(HostRun *run, const Plugin *plugin, const uint32_t *control);

/* Prepares a run that is no job's, of the plugin or model of that name. */
void host_begin_alone(HostRun *run, const char *name, const uint32_t *control);

/* Calls the plugin's close(), if it has one, with the run of its open(), which is over. */
void host_close(HostRun *run, const Plugin *plugin);

/* Closes what the plugin was given. What it handed over is in the ring, for the finish to write. */
void host_end(HostRun *run);
