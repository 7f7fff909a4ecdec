/*
 * This supervisor's row among the others: registered, renewed every heartbeat, and the lease that
 * follows from it. Others that are dead are found here, and handed to be settled.
 */
#pragma once

#include "db/lane_store.h"
#include "supervisor/link.h"

typedef struct MembershipEvents {
        void (*on_registered)(void *userdata); /* the row is there: work may begin */
        void (*on_refused)(const DbError *error, void *userdata); /* it could not be made */
        void (*on_renewed)(void *userdata); /* membership_lease_end() has moved */
        void (*on_lost)(void *userdata);    /* others gave us up: nothing that runs is ours */
        void (*on_dead_peer)(const Peer *peer, void *userdata);
        void (*on_own_worker)(int32_t pid, void *userdata); /* it holds a lane of ours */
        /* All of those, and when that was asked. */
        void (*on_holders)(const int32_t *pids, size_t n, usec_t asked_usec, void *userdata);
        void *userdata;
} MembershipEvents;

typedef struct Membership {
        Link *link;
        MembershipEvents events;
        Identity identity;
        const char *kind; /* "daemon" or "command" */
        usec_t lease_usec;
        usec_t lease_end_usec; /* monotonic; 0 before the first registration */
        usec_t asked_usec;     /* when the renewal on its way was sent */
        usec_t looked_usec;    /* when the look on its way was sent */
        int is_asking;
        unsigned workers, busy; /* shown to others */
        char *counters;         /* the same, as JSON; NULL: what was shown before stays */
} Membership;

/* Registers, or renews what was registered before the connection was lost. */
void membership_up(Membership *membership);

/* Heartbeat. */
void membership_renew(Membership *membership);

/* Looks for supervisors that are dead, and at who holds lanes in our own name. */
void membership_look(Membership *membership);

/* Takes the row away: the last thing that a supervisor does. */
void membership_leave(Membership *membership, AsyncDone done, void *userdata);

/* Whether a peer is dead: its lease has lapsed, or its process is gone from this host and boot. */
int membership_is_dead(const Identity *self, const Peer *peer);
