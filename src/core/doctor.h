/*
 * What registry-job doctor thinks of what it was told: pure functions that turn facts into
 * findings, each with a level, a line and, where something is wrong, what to do about it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/job.h"
#include "util/macro.h"

typedef enum DoctorLevel {
        DOCTOR_OK,
        DOCTOR_NOTICE,  /* good to know */
        DOCTOR_WARNING, /* something is not as it should be, work goes on */
        DOCTOR_ERROR,   /* jobs do not run as long as it is so */
        _DOCTOR_LEVEL_MAX,
} DoctorLevel;

/* "ok", "notice", "warning", "error" */
const char *doctor_level_name(DoctorLevel level);

#define DOCTOR_FINDINGS_MAX 200

typedef struct Finding {
        DoctorLevel level;
        const char *check; /* a word for what was looked at; lives for ever */
        char text[768];
        char remedy[512]; /* "" when there is nothing to do */
} Finding;

/* All zero is an empty report. */
typedef struct DoctorReport {
        size_t n;
        Finding findings[DOCTOR_FINDINGS_MAX];
} DoctorReport;

/* Adds one line. The last place of a full report is kept for saying that there were more. */
void doctor_add(DoctorReport *report, DoctorLevel level, const char *check, const char *remedy,
                const char *format, ...) _printf_(5, 6);

/* The worst level of all findings. */
DoctorLevel doctor_worst(const DoctorReport *report);

/* 1 when no finding of that check is there yet. */
int doctor_has_none(const DoctorReport *report, const char *check);

typedef struct DoctorServer {
        const char *version, *role, *database;
        int is_standby;
        int is_read_only; /* default_transaction_read_only */
        const char *synchronous_commit;
        int has_autovacuum;
        int64_t connections, connections_max;
        int64_t notifications; /* per cent of the queue that is in use */
        int64_t queue_live, queue_dead;
} DoctorServer;

/* Several checks: connection, settings, connections, notifications, dead rows. */
void doctor_server(DoctorReport *report, const DoctorServer *server);

/* Whether a pooler is in between, and whether sessions share servers there. */
void doctor_pooler(DoctorReport *report, int is_between, int is_shared);

void doctor_schema(DoctorReport *report, int version, int needed);

/* A trigger that is missing, or does not fire. */
void doctor_trigger(DoctorReport *report, const char *name, int is_there);

/* A right that is missing; `is_extra`: only a plugin needs it. */
void doctor_right(DoctorReport *report, const char *role, const char *right, int is_extra);

/* Rows of jobd.queue that are missing, that should not be there, and that nobody made ready. */
void doctor_queue(DoctorReport *report, int64_t missing, int64_t superfluous, int64_t late,
                  int has_daemon);

typedef struct DoctorSupervisor {
        int is_daemon;
        const char *host;
        int32_t pid;
        int is_alive, has_lapsed; /* dead without a lapse: its process is gone */
        int64_t seen_ago, lease;  /* seconds */
        int32_t lanes;
} DoctorSupervisor;

void doctor_supervisor(DoctorReport *report, const DoctorSupervisor *supervisor, int has_daemon);

void doctor_daemons(DoctorReport *report, int n, int workers);

typedef struct DoctorHolder {
        int32_t id, co_id;
        JobState state;
        const char *host; /* or NULL */
        int32_t pid;
        int64_t since, now;
        int64_t daemons;     /* of ours that are known on that host */
        int is_here;         /* the host is this one */
        const char *process; /* which has that PID here, or NULL */
} DoctorHolder;

/* A job that nobody of ours runs. */
void doctor_holder(DoctorReport *report, const DoctorHolder *holder);

typedef struct DoctorLane {
        int32_t co_id;
        const char *host;
        int32_t pid;
        int64_t idle_s;
        int32_t stalled_job; /* or 0 */
        int64_t stalled_s;
} DoctorLane;

void doctor_lane(DoctorReport *report, const DoctorLane *lane);

/* How far the database's clock is before this host's, and how exactly that is known. */
void doctor_clock(DoctorReport *report, int64_t ahead_usec, int64_t uncertainty_usec);

/* The oldest transaction, `what` NULL when there is none, and sessions that do not show theirs. */
void doctor_transactions(DoctorReport *report, int64_t age_s, const char *what, int64_t hidden);
