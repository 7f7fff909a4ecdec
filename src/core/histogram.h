/*
 * A histogram of durations, from a millisecond to a day. All hosts have the same bounds, so that
 * their buckets can be added up.
 */
#pragma once

#include "util/clock.h"

#define HISTOGRAM_BOUNDS 17u
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1) /* the last one has no bound */
#define HISTOGRAM_SECOND 6u                      /* the bound that is one second */

/* Bound number `i`. A bucket holds durations above the bound before it, up to its own bound. */
usec_t histogram_bound(unsigned i);

/* Bound number `i` in seconds, as a label of Prometheus. */
const char *histogram_label(unsigned i);

/* The number of the bucket that holds the duration. */
unsigned histogram_bucket(usec_t usec);
