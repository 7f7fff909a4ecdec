/* The last time of a schedule is found by asking for next ones, and by few of these questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/calendar.h"
#include "core/when.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400

/* Each `period`, from `first` to `last`. */
typedef struct Times {
        int64_t period, first, last;
        int asked;
        int error;
} Times;

static int next(int64_t after, void *userdata, int64_t *ret) {
        Times *times = userdata;
        int64_t n = after < times->first ? 0 : (after - times->first) / times->period + 1;
        int64_t found = times->first + n * times->period;

        times->asked++;
        *ret = found > times->last ? WHEN_NEVER : found;
        return times->error;
}

static int64_t last_of(Times *times, int64_t now) {
        int64_t found = 42;

        times->asked = 0;
        int r = calendar_find_last(next, times, now, &found);
        assert_true(r == 0 || (r == CALENDAR_E_NONE && found == 42));
        return r ? WHEN_NEVER : found;
}

static void test_periods(void **state) {
        static const int64_t periods[] = {1,        7,   MINUTE,  5 * MINUTE, HOUR,
                                          6 * HOUR, DAY, 7 * DAY, 365 * DAY,  1461 * DAY};
        static const int64_t late[] = {0, 1, 29, 59, 60, 61, 3599, 3600, 40000, 90000, 3000000};
        const int64_t at = 20000 * (int64_t) DAY;

        (void) state;
        for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++)
                for (size_t j = 0; j < sizeof(late) / sizeof(late[0]); j++) {
                        Times times = {.period = periods[i],
                                       .first = at % periods[i],
                                       .last = INT64_MAX / 2};
                        int64_t now = at + late[j];
                        int64_t expected = now - (now - times.first) % periods[i];
                        assert_int_equal(last_of(&times, now), expected);
                        assert_true(times.asked < 64);
                }
}

/* What systemd has just started is found at once. */
static void test_few_questions(void **state) {
        Times times = {.period = DAY, .first = 0, .last = INT64_MAX / 2};

        (void) state;
        assert_int_equal(last_of(&times, 1000 * DAY), 1000 * DAY);
        assert_int_equal(times.asked, 4);
        assert_int_equal(last_of(&times, 1000 * DAY + 59), 1000 * DAY);
        assert_int_equal(times.asked, 4);
        assert_int_equal(last_of(&times, 1001 * DAY - 1), 1000 * DAY);
        assert_true(times.asked <= 12);
}

/* One second before a time it is the one before. */
static void test_boundary(void **state) {
        Times times = {.period = HOUR, .first = 0, .last = INT64_MAX / 2};

        (void) state;
        assert_int_equal(last_of(&times, 500 * HOUR - 1), 499 * HOUR);
        assert_int_equal(last_of(&times, 500 * HOUR), 500 * HOUR);
        assert_int_equal(last_of(&times, 500 * HOUR + 1), 500 * HOUR);
}

/* 02:30 of each day; asked from inside the hour that comes twice on day 1000, systemd has it again.
 */
static int next_with_change(int64_t after, void *userdata, int64_t *ret) {
        const int64_t at = 1000 * DAY + 1800;

        (void) userdata;
        if (after < at)
                *ret = after < at - DAY ? at - DAY : at;
        else if (after >= at + 1800 && after < at + HOUR)
                *ret = at + HOUR;
        else
                *ret = at + HOUR + (after < at + DAY + HOUR ? DAY : 2 * DAY);
        return 0;
}

static void test_repeated_hour(void **state) {
        static const int64_t late[] = {0, 1, 59, 1799, 1800, 3599, 3600, 3601, 5000, 9000, 80000};
        int64_t found;

        (void) state;
        for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
                int64_t now = 1000 * DAY + 1800 + late[i];
                assert_int_equal(calendar_find_last(next_with_change, NULL, now, &found), 0);
                assert_int_equal(found, 1000 * DAY + 1800);
        }
}

/* Many times that lie close together, and long ago. */
static void test_ended(void **state) {
        Times times = {.period = 1, .first = 1000, .last = 5000};

        (void) state;
        assert_int_equal(last_of(&times, 300 * (int64_t) DAY), 5000);
        assert_true(times.asked < 80);
}

static void test_none(void **state) {
        Times never = {.period = DAY, .first = INT64_MAX / 4, .last = INT64_MAX / 2};
        Times broken = {.period = DAY, .first = 0, .last = INT64_MAX / 2, .error = -5};
        int64_t found;

        (void) state;
        assert_int_equal(last_of(&never, 20000 * (int64_t) DAY), WHEN_NEVER);
        assert_int_equal(calendar_find_last(next, &broken, DAY, &found), -5);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_periods),  cmocka_unit_test(test_few_questions),
                cmocka_unit_test(test_boundary), cmocka_unit_test(test_repeated_hour),
                cmocka_unit_test(test_ended),    cmocka_unit_test(test_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
