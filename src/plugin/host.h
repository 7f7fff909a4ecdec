/* What a plugin is given while it runs: its context, and the functions of struct rj_host. */
#pragma once

#include <stdatomic.h>

#include "core/params.h"
#include "db/job_store.h"
#include "plugin/catalog.h"
#include "plugin/recorder.h"

typedef struct HostRun {
        struct rj_context context; /* the plugin sees this; it must come first */
        const char *plugin;        /* "Plugin.Model", for the log */
        const Params *params;
        Recorder *recorder;
        Session *session;
        DbSettings settings; /* for the plugin's own connection */
        PGconn *own;
        DescriptorIdentity own_socket;
        atomic_int is_over; /* what a thread that it has left calls does nothing */
        Holder holder;
        StatusPage *page;
        int percent_written;
        usec_t percent_usec;
        char summary[SUMMARY_SIZE]; /* "" until the plugin gives one */
        DbError error;              /* of the host function that failed last */
} HostRun;

/* Prepares a run: `job` and `entry` and the rest of `run` are set by the caller. */
void host_begin(HostRun *run, const Job *job, const CatalogEntry *entry, const uint32_t *control);

/* Calls the plugin and returns what it returned. */
int host_call(HostRun *run);

/* Closes what the plugin was given. What it handed over is in the ring, for the finish to write. */
void host_end(HostRun *run);
