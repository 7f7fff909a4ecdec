/*
 * This supervisor's row among the others: registered, renewed every heartbeat, and the lease that
 * follows from it. Dead supervisors, and lanes that nobody living holds, are found here and handed
 * to the settler.
 */
#pragma once

#include "core/peers.h"
#include "db/async.h"
#include "db/lane_store.h"

typedef struct Supervisor Supervisor;

typedef struct Membership {
        Identity identity;
        const char *kind; /* "daemon" or "command" */
        usec_t lease_usec;
        usec_t lease_end_usec; /* monotonic; 0 before the first registration */
        usec_t asked_usec;     /* when the renewal on its way was sent */
        usec_t looked_usec;    /* when the look on its way was sent */
        int is_asking;
        int is_looking;
        int has_looked;         /* since it was registered */
        Peers peers;            /* the other supervisors */
        unsigned workers, busy; /* shown to others */
        char *counters;         /* shown to others, as JSON; NULL: what was shown before stays */
        char *models;           /* listing_text(), which membership_provide() sets */
        char *problem;          /* why models are missing; NULL: none is */
        int32_t generation;     /* of the models */
        int32_t told;           /* the generation that the row has; 0: none */
        int is_telling;
} Membership;

/*
 * From here on these are the models (listing_text()), and `problem` is why others are missing, or
 * NULL: the row gets both, which are taken.
 */
void membership_provide(Supervisor *s, char *models, char *problem);

/* Puts the models into the database, if they are not there yet. */
void membership_tell_models(Supervisor *s);
int membership_has_told(const Supervisor *s);

/* Registers, or renews what was registered before the connection was lost. */
void membership_connect(Supervisor *s);

/* Heartbeat: renews the row, and looks at the others. */
void membership_renew(Supervisor *s);

/* Looks for supervisors that are dead, and at who holds lanes in our own name. */
void membership_find_dead(Supervisor *s);

/* Says which lanes a drain left alone, and takes the row away: the last thing that a supervisor
 * does. `done` is called once. */
void membership_leave(Supervisor *s, AsyncDone done);
