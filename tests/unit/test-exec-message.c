#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "exec/message.h"

static int parse(const char *line, Message *ret, char *why, size_t size) {
        return message_parse(line, strlen(line), ret, why, size);
}

static void test_progress(void **state) {
        Message message;
        char why[256];

        (void) state;
        assert_int_equal(parse("{\"progress\": {\"done\": 3, \"total\": 9007199254740993}}",
                               &message, why, sizeof(why)),
                         0);
        assert_true(message.has_progress);
        assert_true(message.done == 3 && message.total == 9007199254740993);
        assert_false(message.has_record);
        assert_null(message.summary);
        assert_null(message.start_summary);
        message_done(&message);
}

static void test_record(void **state) {
        Message message;
        char why[256];

        (void) state;
        assert_int_equal(parse(" \t{\"record\":{\"key\":\"Gr\\u00fc\\u00dfe\",\"comment\":\"ok\","
                               "\"status\":\"OK\",\"person_id\":17,\"external_identity_id\":4}} ",
                               &message, why, sizeof(why)),
                         0);
        assert_true(message.has_record);
        assert_int_equal(message.record.struct_size, sizeof(struct rj_record));
        assert_int_equal(message.record.status, RJ_RECORD_OK);
        assert_string_equal(message.record.key, "Gr\xc3\xbc\xc3\x9f"
                                                "e");
        assert_string_equal(message.record.comment, "ok");
        assert_int_equal(message.record.person_id, 17);
        assert_int_equal(message.record.external_identity_id, 4);
        message_done(&message);
        assert_null(message.object);

        assert_int_equal(parse("{\"record\":{\"status\":\"NT\",\"key\":null,\"person_id\":null,"
                               "\"external_identity_id\":0}}",
                               &message, why, sizeof(why)),
                         0);
        assert_null(message.record.key);
        assert_null(message.record.comment);
        assert_int_equal(message.record.person_id, 0);
        message_done(&message);
}

static void test_statuses(void **state) {
        static const struct {
                const char *line;
                uint32_t status;
        } cases[] = {
                {"{\"record\":{\"status\":\"OK\"}}", RJ_RECORD_OK},
                {"{\"record\":{\"status\":\"ok\"}}", RJ_RECORD_OK},
                {"{\"record\":{\"status\":\"X\"}}", RJ_RECORD_FAILED},
                {"{\"record\":{\"status\":\"failed\"}}", RJ_RECORD_FAILED},
                {"{\"record\":{\"status\":\"NT\"}}", RJ_RECORD_NOTICE},
                {"{\"record\":{\"status\":\"notice\"}}", RJ_RECORD_NOTICE},
                {"{\"record\":{\"status\":\"CX\"}}", RJ_RECORD_CANCELED},
                {"{\"record\":{\"status\":\"canceled\"}}", RJ_RECORD_CANCELED},
        };
        Message message;
        char why[256];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(parse(cases[i].line, &message, why, sizeof(why)), 0);
                assert_int_equal(message.record.status, cases[i].status);
                message_done(&message);
        }
}

static void test_several(void **state) {
        Message message;
        char why[256];

        (void) state;
        assert_int_equal(parse("{\"summary\":\"s\",\"start_summary\":\"b\","
                               "\"progress\":{\"done\":1,\"total\":1},"
                               "\"record\":{\"status\":\"OK\"}}",
                               &message, why, sizeof(why)),
                         0);
        assert_true(message.has_progress && message.has_record);
        assert_string_equal(message.summary, "s");
        assert_string_equal(message.start_summary, "b");
        message_done(&message);
}

static void test_text(void **state) {
        static const char *const lines[] = {"",   "   ", "hello", "[1]",  "\"s\"",
                                            "17", "-",   "null",  "\xff", "[{\"summary\":\"s\"}]"};
        Message message;
        char why[256];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                assert_int_equal(parse(lines[i], &message, why, sizeof(why)), MESSAGE_E_TEXT);
        assert_int_equal(message_parse("\0{}", 3, &message, why, sizeof(why)), MESSAGE_E_TEXT);
}

static void test_malformed(void **state) {
        static const struct {
                const char *line, *why;
        } cases[] = {
                {"{", "near end of file"},
                {"{}", "no member"},
                {"{\"summary\":\"a\"} x", "end of file expected"},
                {"{\"summary\":\"\xff\"}", "not UTF-8"},
                {"{\"summary\":\"a\\u0000b\"}", "\\u0000"},
                {"{\"summary\":\"a\",\"summary\":\"b\"}", "duplicate"},
                {"{\"sumary\":\"a\"}", "unknown member 'sumary'"},
                {"{\"summary\":null}", "member 'summary' must be a string"},
                {"{\"summary\":\"s\",\"start_summary\":7}", "member 'start_summary' must be a"},
                {"{\"progress\":3}", "member 'progress' must be an object"},
                {"{\"progress\":{\"done\":3}}", "missing member 'total' in 'progress'"},
                {"{\"progress\":{\"done\":-1,\"total\":3}}",
                 "member 'done' in 'progress' must be an integer from 0"},
                {"{\"progress\":{\"done\":1.5,\"total\":3}}", "member 'done'"},
                {"{\"progress\":{\"done\":1,\"total\":99999999999999999999}}", "too big integer"},
                {"{\"record\":{}}", "missing member 'status' in 'record'"},
                {"{\"record\":{\"status\":\"GO\"}}", "member 'status' in 'record' must be \"OK\""},
                {"{\"record\":{\"status\":1}}", "member 'status'"},
                {"{\"record\":{\"status\":\"OK\",\"key\":5}}", "member 'key' in 'record'"},
                {"{\"record\":{\"status\":\"OK\",\"person_id\":\"5\"}}", "member 'person_id'"},
                {"{\"record\":{\"status\":\"OK\",\"person_id\":-5}}", "member 'person_id'"},
                {"{\"record\":{\"status\":\"OK\",\"person_id\":2147483648}}", "'person_id'"},
                {"{\"record\":{\"status\":\"OK\",\"sn\":\"x\"}}",
                 "unknown member 'sn' in 'record'"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                Message message = {.done = 42};
                char why[256] = "";
                assert_int_equal(parse(cases[i].line, &message, why, sizeof(why)),
                                 MESSAGE_E_MALFORMED);
                if (!strstr(why, cases[i].why))
                        fail_msg("'%s' says '%s'", cases[i].line, why);
                assert_true(message.done == 42); /* not touched */
        }
}

/* Every prefix of a good line is refused without harm; the bytes behind `length` do not count. */
static void test_truncated(void **state) {
        static const char line[] = "{\"record\":{\"key\":\"\xe2\x82\xac\",\"status\":\"OK\"}}";
        Message message;
        char why[16];

        (void) state;
        for (size_t n = 0; n < sizeof(line) - 1; n++)
                assert_true(message_parse(line, n, &message, why, sizeof(why)) > 0);
        assert_int_equal(message_parse(line, sizeof(line) - 1, &message, why, sizeof(why)), 0);
        message_done(&message);
}

static int parse_resident(const char *line, Message *ret, char *why, size_t size) {
        return message_parse_resident(line, strlen(line), ret, why, size);
}

static void test_resident(void **state) {
        Message message;
        char why[256];

        (void) state;
        assert_int_equal(parse_resident("{\"job\": 42, \"summary\": \"s\", \"end\": 0}", &message,
                                        why, sizeof(why)),
                         0);
        assert_int_equal(message.job, 42);
        assert_true(message.end.is_given && message.end.code == 0);
        assert_string_equal(message.summary, "s");
        message_done(&message);
        assert_int_equal(
                parse_resident("{\"end\": -3, \"job\": 2147483647}", &message, why, sizeof(why)),
                0);
        assert_int_equal(message.job, INT32_MAX);
        assert_true(message.end.is_given && message.end.code == -3);
        message_done(&message);
        assert_int_equal(parse_resident("{\"job\": 1}", &message, why, sizeof(why)), 0);
        assert_false(message.end.is_given);
        message_done(&message);
}

static void test_malformed_resident(void **state) {
        static const struct {
                const char *line, *why;
        } cases[] = {
                {"hello", "'[' or '{' expected near 'hello'"},
                {"[1]", "not a JSON object"},
                {"{}", "no member"},
                {"{\"summary\":\"s\"}", "missing member 'job'"},
                {"{\"end\":0}", "missing member 'job'"},
                {"{\"job\":0,\"end\":0}", "member 'job' must be the number of a job"},
                {"{\"job\":\"42\",\"end\":0}", "member 'job' must be the number of a job"},
                {"{\"job\":2147483648}", "member 'job' must be the number of a job"},
                {"{\"job\":42,\"end\":\"0\"}", "member 'end' must be an integer"},
                {"{\"job\":42,\"end\":true}", "member 'end' must be an integer"},
                {"{\"job\":42,\"finish\":0}", "unknown member 'finish'"},
                {"{\"job\":42,\"summary\":\"\xff\"}", "not UTF-8"},
        };
        Message message;
        char why[256];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(parse_resident(cases[i].line, &message, why, sizeof(why)),
                                 MESSAGE_E_MALFORMED);
                if (!strstr(why, cases[i].why))
                        fail_msg("'%s' says '%s'", cases[i].line, why);
        }
        assert_int_equal(message_parse_resident("{\0}", 3, &message, why, sizeof(why)),
                         MESSAGE_E_MALFORMED);
        assert_string_equal(why, "a NUL byte");
        /* A program that runs one job has neither. */
        assert_int_equal(parse("{\"job\":42,\"summary\":\"s\"}", &message, why, sizeof(why)),
                         MESSAGE_E_MALFORMED);
        assert_string_equal(why, "unknown member 'job'");
}

static void test_first_job(void **state) {
        static const struct {
                const char *line;
                int32_t job;
        } cases[] = {
                {"{\"job\":42,", 42},
                {" \t{ \"job\" : 42 , \xff", 42},
                {"{\"job\":42}", 42},
                {"{\"job\":2147483647,", INT32_MAX},
                {"{\"job\":2147483648,", 0},
                {"{\"job\":99999999999999999999,", 0},
                {"{\"job\":42", 0},
                {"{\"job\":4x2,", 0},
                {"{\"job\":,", 0},
                {"{\"job\":\"42\",", 0},
                {"{\"jobs\":42,", 0},
                {"{\"end\":0,\"job\":42,", 0},
                {"job 42,", 0},
                {"", 0},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(message_first_job(cases[i].line, strlen(cases[i].line)),
                                 cases[i].job);
        assert_int_equal(message_first_job("{\"job\":42,", 7), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_progress),
                cmocka_unit_test(test_record),
                cmocka_unit_test(test_statuses),
                cmocka_unit_test(test_several),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_resident),
                cmocka_unit_test(test_malformed_resident),
                cmocka_unit_test(test_first_job),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
