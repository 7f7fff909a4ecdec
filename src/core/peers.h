/*
 * For how long the other supervisors have shown no sign of life, by this host's clock alone. A sign
 * of life is that the count of renewals in a supervisor's row has changed: nobody compares clocks
 * of two hosts, or the times that a database writes.
 *
 * What is known begins with the first look of this observer, so that a fresh one waits a whole
 * lease. After each new connection it begins again: the database may be another one then, where
 * counts that were seen before come a second time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"

#define PEERS_MAX 1024

typedef struct Standing {
        int32_t id;
        int64_t renewals;  /* when last looked at */
        usec_t since_usec; /* when this count was first heard of */
        int is_listed;     /* in the present look */
} Standing;

/* Without a destructor: it owns nothing. */
typedef struct Peers {
        Standing list[PEERS_MAX];
        size_t n;
} Peers;

/* Forgets everything. */
void peers_clear(Peers *peers);

/* Begins a look at all rows; peers_note() follows for each of them, and then peers_end_look(). */
void peers_begin_look(Peers *peers);

/*
 * One row of a look that was asked for and heard of at these times. Returns for how long the count
 * has surely not changed: from when it was first heard of to when this look was asked for. A row
 * that finds no room is seen for the first time again with the next look.
 */
usec_t peers_note(Peers *peers, int32_t id, int64_t renewals, usec_t asked_usec, usec_t heard_usec);

/* Forgets those that had no row in this look. */
void peers_end_look(Peers *peers);
