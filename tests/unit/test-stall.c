/* When work counts as stalled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/stall.h"

#define LIMIT (10 * USEC_PER_SEC)
#define NOW (1000 * USEC_PER_SEC)

static void test_steps(void **state) {
        static const struct {
                StallFacts facts;
                int32_t told;
                usec_t limit;
                StallStep step;
        } rows[] = {
                {{0}, 0, LIMIT, STALL_NOTHING},
                {{42, 0, 0}, 0, LIMIT, STALL_NOTHING}, /* its plugin was not called yet */
                {{42, NOW - 1, 0}, 0, LIMIT, STALL_NOTHING},
                {{42, NOW - LIMIT, 0}, 0, LIMIT, STALL_BEGINS},
                {{42, NOW - LIMIT, 0}, 0, 0, STALL_NOTHING},
                {{42, NOW - 2 * LIMIT, NOW - 1}, 0, LIMIT, STALL_NOTHING},
                {{42, NOW - 2 * LIMIT, NOW - LIMIT}, 0, LIMIT, STALL_BEGINS},
                {{42, NOW - 2 * LIMIT, NOW - LIMIT}, 42, LIMIT, STALL_NOTHING},
                {{42, NOW - 2 * LIMIT, NOW - 1}, 42, LIMIT, STALL_ENDS},
                {{43, NOW - 1, 0}, 42, LIMIT, STALL_ENDS},
                {{43, NOW - LIMIT, 0}, 42, LIMIT, STALL_ENDS}, /* and begins at the next look */
                {{0}, 42, LIMIT, STALL_ENDS},
                {{42, NOW - LIMIT, 0}, 42, 0, STALL_ENDS},               /* a reload */
                {{42, UINT64_MAX, UINT64_MAX}, 0, LIMIT, STALL_NOTHING}, /* scribbled over */
                {{-1, 1, 1}, 0, LIMIT, STALL_NOTHING},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(stall_step(&rows[i].facts, rows[i].told, rows[i].limit, NOW),
                                 rows[i].step);
}

static void test_silence(void **state) {
        const StallFacts facts = {42, NOW - 30, NOW - 20}, future = {42, NOW + 5, 0};
        (void) state;
        assert_int_equal(stall_silence(&facts, NOW), 20);
        assert_int_equal(stall_silence(&future, NOW), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_steps),
                cmocka_unit_test(test_silence),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
