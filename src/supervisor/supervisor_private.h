/* What the files that make up the supervisor share: its state, and each other's entry points. */
#pragma once

#include "supervisor/lookout.h"
#include "supervisor/membership.h"
#include "supervisor/pool.h"
#include "supervisor/reaper.h"
#include "supervisor/service.h"
#include "supervisor/settle.h"
#include "supervisor/stalls.h"
#include "supervisor/supervisor.h"

#define PEERS_MAX 32 /* dead supervisors settled at once */

typedef struct Supervisor {
        struct ev_loop *loop;
        const SupervisorArgs *args;
        Config *config;
        DbSettings db;
        WorkerSettings worker_settings;
        Plan *plan;
        Pool *pool;
        Reaper reaper;
        Link *link;
        Membership membership;
        Lookout lookout;
        Stalls stalls;
        ServiceWatchdog watchdog;
        ev_timer sweep, heartbeat, cancel_poll, wake;
        ev_prepare before_wait;
        ev_signal on_term, on_int, on_hup;

        Deceased dead[PLAN_SLOTS_MAX]; /* for slots in SLOT_DEAD */
        unsigned char is_settling[PLAN_SLOTS_MAX];
        usec_t gone_usec[PLAN_SLOTS_MAX]; /* when it died */
        /* What it holds is looked at also when it ends as it should. */
        unsigned char is_doubtful[PLAN_SLOTS_MAX];
        int32_t dying_peers[PEERS_MAX]; /* 0: a free place */

        uint64_t oom_kills; /* of this machine, when last looked at */

        int is_member;       /* registered over the present connection */
        int was_held;        /* the lease, when last looked at */
        int is_refusal_told; /* that registering is refused */
        int is_ready_told;   /* to systemd */
        int is_ready_logged;
        usec_t settle_usec; /* when what could not be settled is tried again; 0: nothing */
        usec_t stray_usec;  /* when lanes of dead workers are looked for; 0: with the sweep */
        unsigned stop_signals;
        usec_t stop_usec; /* when what runs is asked to stop; 0: not stopping */
        int is_leaving;
        int has_repaired; /* the queue */
        int has_looked;   /* since then: for a drain */
        int exit_code;
        uint64_t jobs;
} Supervisor;

/* decide.c */

/* Carries out what the plan wants, and arms the timer for what comes by itself. */
void supervisor_decide(Supervisor *s);

/* From here on nothing new is claimed; what runs is asked to end after `patience_usec`. */
void supervisor_begin_stop(Supervisor *s, usec_t patience_usec);

/* events.c */
extern const PoolEvents supervisor_pool_events;
extern const ReaperEvents supervisor_reaper_events;
extern const LinkEvents supervisor_link_events;
extern const MembershipEvents supervisor_membership_events;
extern const LookoutEvents supervisor_lookout_events;

/* Settles every dead worker that is not on its way to be settled. */
void supervisor_settle_all(Supervisor *s);

/* Tells systemd how things are; the first time, that the daemon is ready. */
void supervisor_tell_status(Supervisor *s);
