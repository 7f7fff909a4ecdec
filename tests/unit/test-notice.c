/* Payloads of notifications: anybody can send one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/notice.h"

static void test_payloads(void **state) {
        static const struct {
                const char *payload;
                NoticeType type;
                int32_t id;
        } rows[] = {
                {"queued 2", NOTICE_QUEUED, 2},
                {"queued 2147483647", NOTICE_QUEUED, INT32_MAX},
                {"cancel 42", NOTICE_CANCEL, 42},
                {"delayed", NOTICE_DELAYED, 0},
                {"", NOTICE_UNKNOWN, 0},
                {"queued", NOTICE_UNKNOWN, 0},
                {"queued ", NOTICE_UNKNOWN, 0},
                {"queued 0", NOTICE_UNKNOWN, 0},
                {"queued -2", NOTICE_UNKNOWN, 0},
                {"queued 2147483648", NOTICE_UNKNOWN, 0},
                {"queued 99999999999999999999999", NOTICE_UNKNOWN, 0},
                {"queued 2 ", NOTICE_UNKNOWN, 0},
                {"queued 2;drop", NOTICE_UNKNOWN, 0},
                {"queued  2", NOTICE_UNKNOWN, 0},
                {" queued 2", NOTICE_UNKNOWN, 0},
                {"Queued 2", NOTICE_UNKNOWN, 0},
                {"cancel x", NOTICE_UNKNOWN, 0},
                {"delayed 3", NOTICE_UNKNOWN, 0},
                {"canceled 3", NOTICE_UNKNOWN, 0},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Notice notice = notice_parse(rows[i].payload);
                assert_int_equal(notice.type, rows[i].type);
                assert_int_equal(notice.id, rows[i].id);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_payloads),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
