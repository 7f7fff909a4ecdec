/* Lets a number of events pass in each interval, and counts those that it holds back. */
#pragma once

#include <stdint.h>

#include "util/clock.h"

/* All zero: no event yet. */
typedef struct Throttle {
        usec_t since_usec; /* when the current interval began */
        unsigned passed;   /* events that passed in the current interval */
        uint64_t held;     /* events held back since throttle_take_held() */
} Throttle;

/* 1 when the event may pass. Otherwise counts it as held back, and returns 0. */
int throttle_pass(Throttle *throttle, unsigned limit, usec_t interval_usec, usec_t now_usec);

/* The number of events held back; sets it to 0. */
uint64_t throttle_take_held(Throttle *throttle);
