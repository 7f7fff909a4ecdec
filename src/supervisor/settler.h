/*
 * A child that settles what dead supervisors left, and lanes that dead workers of ours took too
 * late. One at a time, with all the wills that one look has found; what it could not settle is
 * found by the next look.
 */
#pragma once

#include "core/will.h"
#include "ipc/channel.h"
#include "worker/worker.h"

#define SETTLER_WILLS_MAX 32

typedef struct Settler {
        pid_t pid;   /* 0: there is none */
        int channel; /* valid while there is one */
        usec_t deadline_usec;
        Will wills[SETTLER_WILLS_MAX];
        size_t n;
} Settler;

/*
 * One more will for the next fork. Returns 0 when it has to wait for the next look: a settler is at
 * work, or there are too many.
 */
int settler_add(Settler *settler, const Will *will);

/* Forks the child, if there are wills. `tells_failed`: see SettlerArgs. Returns 0 or -errno. */
int settler_fork(Settler *settler, const WorkerSettings *settings, int tells_failed,
                 usec_t now_usec);

/* Kills a child that took too long; returns when to look again. */
usec_t settler_check(const Settler *settler, usec_t now_usec);

/*
 * The next message of the child: SETTLED, with the will that it is about, or FAILED, with NULL.
 * Returns 0 when there is none. For after its end.
 */
int settler_receive(Settler *settler, ChannelMessage *ret, const Will **ret_will);

/* The child has ended, and everything was received. */
void settler_clear(Settler *settler);
