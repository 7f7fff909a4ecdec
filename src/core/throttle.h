/* Lets through so many of a kind in a time, and counts the rest. */
#pragma once

#include <stdint.h>

#include "util/clock.h"

/* All zero: nothing has come yet. */
typedef struct Throttle {
        usec_t since_usec; /* when this time began */
        unsigned passed;   /* in it */
        uint64_t held;     /* since they were last taken */
} Throttle;

/* 1 when one more may pass; otherwise it is counted. */
int throttle_pass(Throttle *throttle, unsigned limit, usec_t interval_usec, usec_t now_usec);

/* How many were held, which begins at 0 again. */
uint64_t throttle_take_held(Throttle *throttle);
