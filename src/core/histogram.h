/*
 * How long things took, sorted into buckets: for jobs of a few milliseconds and for those of a day.
 * The bounds are the same everywhere, so that figures of several hosts can be added up.
 */
#pragma once

#include "util/clock.h"

#define HISTOGRAM_BOUNDS 17u
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1) /* the last one has no bound */
#define HISTOGRAM_SECOND 6u                      /* the bound that is one second */

/* Bound `i`: a bucket has what is longer than the bound before and not longer than its own. */
usec_t histogram_bound(unsigned i);

/* The same in seconds, as a label says it. */
const char *histogram_label(unsigned i);

unsigned histogram_bucket(usec_t usec);
