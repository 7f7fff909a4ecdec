/* What the files that make up the supervisor share: its state, and each other's entry points. */
#pragma once

#include "supervisor/groups.h"
#include "supervisor/lookout.h"
#include "supervisor/membership.h"
#include "supervisor/pool.h"
#include "supervisor/reaper.h"
#include "supervisor/salvage.h"
#include "supervisor/service.h"
#include "supervisor/settle.h"
#include "supervisor/stalls.h"
#include "supervisor/supervisor.h"

#define PEERS_MAX 32 /* dead supervisors settled at once */

/* A dead worker of ours, and how far what it left is settled: remains.c. */
typedef struct Remains {
        Deceased dead;
        usec_t gone_usec; /* when it died */
        unsigned record_tries;
        int has_records; /* in the ring of its page */
        int is_settled;  /* its job and its lane */
        int is_busy;     /* something is on its way */
} Remains;

typedef struct Supervisor {
        struct ev_loop *loop;
        const SupervisorArgs *args;
        Config *config;
        DbSettings db;
        WorkerSettings worker_settings;
        Plan *plan;
        Groups groups;
        Pool *pool;
        Reaper reaper;
        Link *link;
        Membership membership;
        Lookout lookout;
        Stalls stalls;
        Service service;
        QueueTotals totals; /* when last counted */
        Tally tally;
        ev_timer sweep, heartbeat, cancel_poll, wake;
        ev_prepare before_wait;
        ev_signal on_term, on_int, on_hup;

        Remains remains[PLAN_SLOTS_MAX]; /* for slots in SLOT_DEAD */
        /* What it holds is looked at also when it ends as it should. */
        unsigned char is_doubtful[PLAN_SLOTS_MAX];
        int32_t dying_peers[PEERS_MAX]; /* 0: a free place */

        uint64_t oom_kills; /* of this machine, when last looked at */

        int was_up;          /* connected, at any time */
        int is_member;       /* registered over the present connection */
        int was_held;        /* the lease, when last looked at */
        int is_refusal_told; /* that registering is refused */
        int is_ready;        /* may be told to systemd; see supervisor_be_ready() */
        int is_ready_told;
        int is_ready_logged;
        int is_settling_refused; /* by the server, the last time */
        unsigned n_settling;     /* settlements on their way */
        unsigned last_settling;  /* the slot that was tried last */
        int is_salvaging;        /* records of a dead worker are on their way */
        unsigned last_salvaged;  /* the slot that was tried last */
        usec_t salvage_usec;     /* records that were refused are not tried before; 0: at once */
        usec_t hasty_usec;       /* until then jobs are settled before their records */
        usec_t settle_usec;      /* when what could not be settled is tried again; 0: nothing */
        usec_t doubt_usec; /* of a new connection, until it is known who holds lanes there; or 0 */
        usec_t stray_usec; /* when lanes of dead workers are looked for; 0: with the sweep */
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

/* Reads what the workers show, and puts all counts where the next renewal finds them. */
void supervisor_show_tally(Supervisor *s);

extern const PoolEvents supervisor_pool_events;
extern const ReaperEvents supervisor_reaper_events;
extern const LinkEvents supervisor_link_events;
extern const MembershipEvents supervisor_membership_events;
extern const LookoutEvents supervisor_lookout_events;

/* remains.c */

/* A worker of ours has ended; `is_clean`: with nothing in its hands, as far as is known. */
void supervisor_take_remains(Supervisor *s, unsigned slot, const Deceased *dead, int is_clean);

/* Goes on with every dead worker of which nothing is on its way. */
void supervisor_settle_all(Supervisor *s);

/* status.c */

/* It serves, or it has found that the database is away: systemd is told, and how things are. */
void supervisor_be_ready(Supervisor *s);

/* Tells systemd how things are, if that has changed. */
void supervisor_tell_status(Supervisor *s);

/* Counts the queue for the status, if somebody listens. */
void supervisor_count_queue(Supervisor *s);
