/* Text to values: nothing around the value, nothing out of range, nothing written on failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/parse.h"

#define UNTOUCHED 4711

static void test_int64(void **state) {
        static const struct {
                const char *text;
                int64_t min, max;
                int r;
                int64_t value;
        } rows[] = {
                {"0", INT64_MIN, INT64_MAX, 0, 0},
                {"17", 1, 17, 0, 17},
                {"-17", -17, 0, 0, -17},
                {"+17", 1, 17, 0, 17},
                {"007", 1, 17, 0, 7},
                {"18", 1, 17, PARSE_E_RANGE, UNTOUCHED},
                {"0", 1, 17, PARSE_E_RANGE, UNTOUCHED},
                {"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
                {"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
                {"9223372036854775808", INT64_MIN, INT64_MAX, PARSE_E_RANGE, UNTOUCHED},
                {"-9223372036854775809", INT64_MIN, INT64_MAX, PARSE_E_RANGE, UNTOUCHED},
                {"", 0, 9, PARSE_E_INVALID, UNTOUCHED},
                {"-", 0, 9, PARSE_E_INVALID, UNTOUCHED},
                {"--1", -9, 9, PARSE_E_INVALID, UNTOUCHED},
                {"+-1", -9, 9, PARSE_E_INVALID, UNTOUCHED},
                {" 1", 0, 9, PARSE_E_INVALID, UNTOUCHED},
                {"- 1", -9, 9, PARSE_E_INVALID, UNTOUCHED},
                {"1 ", 0, 9, PARSE_E_INVALID, UNTOUCHED},
                {"0x1", 0, 9, PARSE_E_INVALID, UNTOUCHED},
                {"1.0", 0, 9, PARSE_E_INVALID, UNTOUCHED},
                {"1e3", 0, 9, PARSE_E_INVALID, UNTOUCHED},
                {"x", 0, 9, PARSE_E_INVALID, UNTOUCHED},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                int64_t value = UNTOUCHED;
                assert_int_equal(parse_int64(rows[i].text, rows[i].min, rows[i].max, &value),
                                 rows[i].r);
                assert_true(value == rows[i].value);
        }
}

static void test_int32(void **state) {
        int32_t value = UNTOUCHED;

        (void) state;
        assert_int_equal(parse_int32("2147483648", INT32_MIN, INT32_MAX, &value), PARSE_E_RANGE);
        assert_int_equal(parse_int32("4294967297", INT32_MIN, INT32_MAX, &value), PARSE_E_RANGE);
        assert_int_equal(parse_int32("x", INT32_MIN, INT32_MAX, &value), PARSE_E_INVALID);
        assert_int_equal(value, UNTOUCHED);
        assert_int_equal(parse_int32("-2147483648", INT32_MIN, INT32_MAX, &value), 0);
        assert_int_equal(value, INT32_MIN);
}

static void test_bool(void **state) {
        static const struct {
                const char *text;
                int value;
        } rows[] = {{"yes", 1}, {"no", 0},  {"true", 1}, {"false", 0}, {"on", 1},
                    {"off", 0}, {"1", 1},   {"0", 0},    {"YES", 1},   {"", -1},
                    {"2", -1},  {"ye", -1}, {" 1", -1},  {"nope", -1}};

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                int value = -1;
                assert_int_equal(parse_bool(rows[i].text, &value),
                                 rows[i].value < 0 ? PARSE_E_INVALID : 0);
                assert_int_equal(value, rows[i].value);
        }
}

static void test_duration(void **state) {
        static const struct {
                const char *text;
                usec_t min, max;
                int r;
                usec_t value;
        } rows[] = {
                {"0", 0, USEC_INFINITY, 0, 0},
                {"10", 0, USEC_INFINITY, 0, 10 * USEC_PER_SEC},
                {"250ms", 0, USEC_INFINITY, 0, 250 * USEC_PER_MSEC},
                {"10s", 0, USEC_INFINITY, 0, 10 * USEC_PER_SEC},
                {"10 s", 0, USEC_INFINITY, 0, 10 * USEC_PER_SEC},
                {"5min", 0, USEC_INFINITY, 0, 300 * USEC_PER_SEC},
                {"1h", 0, USEC_INFINITY, 0, 3600 * USEC_PER_SEC},
                {"2d", 0, USEC_INFINITY, 0, 172800 * USEC_PER_SEC},
                {"1s", USEC_PER_SEC, 2 * USEC_PER_SEC, 0, USEC_PER_SEC},
                {"2s", USEC_PER_SEC, 2 * USEC_PER_SEC, 0, 2 * USEC_PER_SEC},
                {"3s", USEC_PER_SEC, 2 * USEC_PER_SEC, PARSE_E_RANGE, UNTOUCHED},
                {"999ms", USEC_PER_SEC, 2 * USEC_PER_SEC, PARSE_E_RANGE, UNTOUCHED},
                {"18446744073709551615d", 0, USEC_INFINITY, PARSE_E_RANGE, UNTOUCHED},
                {"99999999999999999999", 0, USEC_INFINITY, PARSE_E_RANGE, UNTOUCHED},
                {"213503983d", 0, USEC_INFINITY, PARSE_E_RANGE, UNTOUCHED},
                {"", 0, USEC_INFINITY, PARSE_E_INVALID, UNTOUCHED},
                {"s", 0, USEC_INFINITY, PARSE_E_INVALID, UNTOUCHED},
                {"-1s", 0, USEC_INFINITY, PARSE_E_INVALID, UNTOUCHED},
                {"1 h 30min", 0, USEC_INFINITY, PARSE_E_INVALID, UNTOUCHED},
                {"90m", 0, USEC_INFINITY, 0, 5400 * USEC_PER_SEC},
                {"1s ", 0, USEC_INFINITY, PARSE_E_INVALID, UNTOUCHED},
                {"1.5s", 0, USEC_INFINITY, PARSE_E_INVALID, UNTOUCHED},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                usec_t value = UNTOUCHED;
                assert_int_equal(parse_duration(rows[i].text, rows[i].min, rows[i].max, &value),
                                 rows[i].r);
                assert_true(value == rows[i].value);
        }
}

static void test_size(void **state) {
        static const struct {
                const char *text;
                uint64_t min, max;
                int r;
                uint64_t value;
        } rows[] = {
                {"0", 0, UINT64_MAX, 0, 0},
                {"4096", 0, UINT64_MAX, 0, 4096},
                {"64K", 0, UINT64_MAX, 0, 65536},
                {"512M", 0, UINT64_MAX, 0, 536870912},
                {"2G", 0, UINT64_MAX, 0, 2147483648},
                {"2 G", 0, UINT64_MAX, 0, 2147483648},
                {"1M", 1 << 20, 1 << 20, 0, 1 << 20},
                {"1023K", 1 << 20, 1 << 20, PARSE_E_RANGE, UNTOUCHED},
                {"1025K", 1 << 20, 1 << 20, PARSE_E_RANGE, UNTOUCHED},
                {"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
                {"18446744073709551616", 0, UINT64_MAX, PARSE_E_RANGE, UNTOUCHED},
                {"17179869184G", 0, UINT64_MAX, PARSE_E_RANGE, UNTOUCHED},
                {"17179869183G", 0, UINT64_MAX, 0, 17179869183ull << 30},
                {"", 0, UINT64_MAX, PARSE_E_INVALID, UNTOUCHED},
                {"M", 0, UINT64_MAX, PARSE_E_INVALID, UNTOUCHED},
                {"-1M", 0, UINT64_MAX, PARSE_E_INVALID, UNTOUCHED},
                {"1MB", 0, UINT64_MAX, PARSE_E_INVALID, UNTOUCHED},
                {"1m", 0, UINT64_MAX, PARSE_E_INVALID, UNTOUCHED},
                {"1.5G", 0, UINT64_MAX, PARSE_E_INVALID, UNTOUCHED},
                {"1M ", 0, UINT64_MAX, PARSE_E_INVALID, UNTOUCHED},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint64_t value = UNTOUCHED;
                assert_int_equal(parse_size(rows[i].text, rows[i].min, rows[i].max, &value),
                                 rows[i].r);
                assert_true(value == rows[i].value);
        }
}

static void test_clock_arithmetic(void **state) {
        (void) state;
        assert_true(usec_add(1, 2) == 3);
        assert_true(usec_add(USEC_INFINITY, 2) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY - 1, 2) == USEC_INFINITY);
        assert_true(usec_sub(3, 2) == 1);
        assert_true(usec_sub(2, 3) == 0);
        usec_t before = clock_now_usec();
        assert_true(before > 0 && clock_now_usec() >= before);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_int64), cmocka_unit_test(test_int32),
                cmocka_unit_test(test_bool),  cmocka_unit_test(test_duration),
                cmocka_unit_test(test_size),  cmocka_unit_test(test_clock_arithmetic),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
