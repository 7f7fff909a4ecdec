/*
 * What the notifications say. Whoever may connect can send them, and as many as he likes: each is
 * a hint, and what it says is asked of the tables. Too many COs at once are not followed one by
 * one; and while far too many notifications come, the supervisor does not listen at all.
 */
#pragma once

#include "core/throttle.h"

typedef struct Supervisor Supervisor;

/* All zero: nothing was heard. */
typedef struct Hearing {
        Throttle hints;         /* that were not followed */
        Throttle notices;       /* all that came */
        Throttle floods;        /* that ended the listening */
        usec_t deaf_until_usec; /* 0: listening, if the configuration says so */
} Hearing;

/* Takes the notifications that have come. 1: more have come than one turn of the loop takes. */
int hearing_take(Supervisor *s);

/* Listens again when it is time. Returns when to look again. */
usec_t hearing_check(Supervisor *s, usec_t now_usec);

/* The longest time between two looks at the queue: none is set while the supervisor listens. */
usec_t hearing_look_usec(const Supervisor *s);
