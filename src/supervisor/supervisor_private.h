/*
 * The supervisor as one object, in the files that include this header: supervisor.c (setting up,
 * timers, signals), events.c and deaths.c (what happens), decide.c (what is done about it),
 * membership.c, lookout.c and catch_up.c (what is asked of the database), provision.c (which models
 * there are), hearing.c (what it says unasked), hooks.c (who is told of failed jobs), reload.c,
 * status.c. Nothing else knows its state. The modules below it (plan, pool,
 * reaper, link, settler, cgroups, stalls, tally, service) know nothing of it.
 */
#pragma once

#include "core/complaints.h"
#include "core/trouble.h"
#include "supervisor/catch_up.h"
#include "supervisor/cgroups.h"
#include "supervisor/hearing.h"
#include "supervisor/hooks.h"
#include "supervisor/link.h"
#include "supervisor/lookout.h"
#include "supervisor/membership.h"
#include "supervisor/pool.h"
#include "supervisor/provision.h"
#include "supervisor/service.h"
#include "supervisor/settler.h"
#include "supervisor/stalls.h"
#include "supervisor/supervisor.h"
#include "supervisor/tally.h"
#include "supervisor/trial.h"

/* A new configuration that is being tried: a child opens its plugins. */
typedef struct Reload {
        Config *next; /* NULL: none */
        Trial trial;
        usec_t deadline_usec;
        int is_again; /* asked for meanwhile */
} Reload;

#define SLOT_ANY PLAN_SLOTS_MAX

/* The server may come to a dead worker's last batch so long after its death was settled. */
#define STRAY_USEC USEC_PER_SEC

/* A worker that died: its heir is forked when nothing of it lives, or by then. */
typedef struct Departed {
        Will will;
        usec_t clear_by_usec;
} Departed;

struct Supervisor {
        struct ev_loop *loop;
        const SupervisorArgs *args;
        Config *config;
        DbSettings db;
        WorkerSettings worker_settings;
        Plan *plan;
        Cgroups cgroups;
        Pool *pool;
        Reaper reaper;
        Link *link;
        Membership membership;
        Lookout lookout;
        CatchUp catch_up;
        Settler settler;
        Hooks hooks;
        Stalls stalls;
        Service service;
        Reload reload;
        Provision provision;
        QueueTotals totals; /* when last counted */
        Tally tally;
        Complaints complaints;
        Troubles troubles;
        unsigned troubled_slot; /* whose worker has noted TROUBLE_TURN last; SLOT_ANY: it died */
        Hearing hearing;
        ev_timer sweep, heartbeat, cancel_poll, wake;
        ev_prepare before_wait;
        ev_async echo; /* see on_echo() */
        ev_signal on_term, on_int, on_hup, on_child;

        Departed departed[PLAN_SLOTS_MAX]; /* of slots whose dead worker is not settled */
        /* The worker is looked at by an heir also when it ends as it should. */
        unsigned char is_doubtful[PLAN_SLOTS_MAX];
        uint64_t oom_kills; /* of this machine, when last looked at */

        int was_up;          /* connected, at any time */
        int is_member;       /* registered over the present connection */
        int was_held;        /* the lease, when last looked at */
        int is_refusal_told; /* that registering is refused */
        int is_ready;        /* may be told to systemd; see supervisor_be_ready() */
        int is_ready_told;
        int is_ready_logged;
        usec_t doubt_usec;  /* of a new connection, until it is known who holds lanes there; or 0 */
        usec_t stray_usec;  /* when lanes of dead workers are looked for; 0: with the sweep */
        int is_will_missed; /* by the settler that is at work */
        unsigned settler_failures; /* in a row */
        unsigned stop_signals;
        usec_t stop_usec; /* when what runs is asked to stop; 0: not stopping */
        int is_leaving;
        int has_repaired; /* the queue */
        int has_looked;   /* at the queue since then: for a drain */
        int exit_code;
        uint64_t jobs;
};

/* decide.c */

/* Carries out what the plan wants, and arms the timer for what comes by itself. */
void supervisor_decide(Supervisor *s);

/* From here on nothing new is claimed; what runs is asked to end after `patience_usec`. */
void supervisor_begin_stop(Supervisor *s, usec_t patience_usec);

/* Forks the settler, if there is something for it. */
void supervisor_fork_settler(Supervisor *s);

/* deaths.c */

/* All children that have ended. */
void supervisor_reap(Supervisor *s);

/* 1 when an heir is to settle what that worker left, or is at it. */
int supervisor_has_will(const Supervisor *s, int32_t pid, int64_t start_ticks);

/* events.c */

/* What the worker in `slot` has said; a bounded number of messages. */
void supervisor_hear_worker(Supervisor *s, unsigned slot);

/* What has become of the connection. */
void supervisor_hear_link(Supervisor *s);

/* 1 when jobs of the CO are to be run: a drain may be for one CO alone. */
int supervisor_serves(const Supervisor *s, int32_t co_id);

/* This supervisor has its row, over a new connection: work may begin. */
void supervisor_begin_membership(Supervisor *s);

/* Others gave this supervisor up: nothing that runs is ours. */
void supervisor_lose_membership(Supervisor *s);

/* The row could not be made; that goes on to be tried. */
void supervisor_note_refusal(Supervisor *s, const DbError *error);

/* After a failover, ends the workers that are at work and hold no lane there. */
void supervisor_check_holders(Supervisor *s, const int32_t *pids, size_t n);

/* A look has found jobs of the CO; 0, -ENOMEM or -ENOBUFS. */
int supervisor_note_waiting(Supervisor *s, int32_t co_id);

/* The job was canceled, as its row says: whoever runs it is told. */
void supervisor_cancel_job(Supervisor *s, int32_t job_id);

/* The next question about cancels comes soon. */
void supervisor_ask_again(Supervisor *s);

/* What is in the way of the workers; supervisor_tell_trouble() returns when to look again. */
void supervisor_note_trouble(Supervisor *s, TroubleKind kind, const char *words);
void supervisor_end_trouble(Supervisor *s, TroubleKind kind);
usec_t supervisor_tell_trouble(Supervisor *s, usec_t now_usec);

/* Reads what the workers show, and puts all counts where the next renewal finds them. */
void supervisor_show_tally(Supervisor *s);

/* reload.c */

/* Reads the configuration again; it is applied when its plugins have been opened. */
void supervisor_begin_reload(Supervisor *s);

/* Logs why plugins could not be opened. */
void supervisor_log_untried(const char *why);

/* The child that opened the plugins has ended. */
void supervisor_end_reload(Supervisor *s, int wait_status);

/* Kills the child when it takes too long; returns when to look again. */
usec_t supervisor_check_reload(Supervisor *s, usec_t now_usec);

/* supervisor.c */

/* Gives the configuration to everything that can follow a change. */
void supervisor_configure(Supervisor *s);

WorkerSettings supervisor_worker_settings(const Config *config);

/* status.c */

/* It serves, or it has found that the database is away: systemd is told, and how things are. */
void supervisor_be_ready(Supervisor *s);

/* Tells systemd how things are, if that has changed. */
void supervisor_tell_status(Supervisor *s);

/* Counts the queue for the status, if somebody listens. */
void supervisor_count_queue(Supervisor *s);
