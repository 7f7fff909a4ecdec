/*
 * The longest pause is what a CO waits for at most after somebody has mended the cause; a job that
 * is canceled ends the pause at once (lane_refused.sql).
 */
#include "core/refusal.h"

RefusalPolicy refusal_policy(int is_lasting) {
        if (!is_lasting)
                return (RefusalPolicy){0};
        return (RefusalPolicy){.first_usec = USEC_PER_SEC, .max_usec = 30 * USEC_PER_SEC};
}

int refusal_is_said(int32_t n) {
        return n > 0 && !(n & (n - 1));
}
