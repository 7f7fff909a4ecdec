/* One table of bounds. Walking it costs less than reading the clock did. */
#include "core/histogram.h"

#include "util/macro.h"

static const struct {
        usec_t usec;
        const char *label;
} bounds[] = {
        {1 * USEC_PER_MSEC, "0.001"},    {5 * USEC_PER_MSEC, "0.005"},
        {10 * USEC_PER_MSEC, "0.01"},    {50 * USEC_PER_MSEC, "0.05"},
        {100 * USEC_PER_MSEC, "0.1"},    {500 * USEC_PER_MSEC, "0.5"},
        {1 * USEC_PER_SEC, "1"},         {5 * USEC_PER_SEC, "5"},
        {10 * USEC_PER_SEC, "10"},       {30 * USEC_PER_SEC, "30"},
        {60 * USEC_PER_SEC, "60"},       {300 * USEC_PER_SEC, "300"},
        {900 * USEC_PER_SEC, "900"},     {3600 * USEC_PER_SEC, "3600"},
        {14400 * USEC_PER_SEC, "14400"}, {43200 * USEC_PER_SEC, "43200"},
        {86400 * USEC_PER_SEC, "86400"},
};
_Static_assert(ARRAY_SIZE(bounds) == HISTOGRAM_BOUNDS, "HISTOGRAM_BOUNDS differs");

usec_t histogram_bound(unsigned i) {
        return bounds[i].usec;
}

const char *histogram_label(unsigned i) {
        return bounds[i].label;
}

unsigned histogram_bucket(usec_t usec) {
        unsigned i = 0;
        while (i < HISTOGRAM_BOUNDS && usec > bounds[i].usec)
                i++;
        return i;
}
