/* Building a batch: values are copied, and the first failure is kept. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "db/batch.h"

static void test_values(void **state) {
        static const int32_t ids[] = {1, -2, INT32_MIN, INT32_MAX};
        char word[] = "word";
        Batch batch = {0};

        (void) state;
        batch_add(&batch, SQL_JOB_CLAIM);
        batch_int(&batch, INT64_MIN);
        batch_text(&batch, word);
        batch_text(&batch, NULL);
        batch_null(&batch);
        batch_add(&batch, SQL_JOB_FINISH);
        batch_bool(&batch, 1);
        batch_bool(&batch, 0);
        batch_int_array(&batch, ids, 4);
        batch_int_array(&batch, ids, 0);
        batch_int_array(&batch, ids + 2, 1);
        batch_text(&batch, "");
        word[0] = 'W';

        const BatchStatement *first = &batch.statements[0], *second = &batch.statements[1];
        assert_int_equal(batch.error, 0);
        assert_int_equal(batch.n, 2);
        assert_int_equal(first->id, SQL_JOB_CLAIM);
        assert_int_equal(first->n, 4);
        assert_string_equal(first->values[0], "-9223372036854775808");
        assert_string_equal(first->values[1], "word");
        assert_null(first->values[2]);
        assert_null(first->values[3]);
        assert_int_equal(second->n, 6);
        assert_string_equal(second->values[0], "t");
        assert_string_equal(second->values[1], "f");
        assert_string_equal(second->values[2], "{1,-2,-2147483648,2147483647}");
        assert_string_equal(second->values[3], "{}");
        assert_string_equal(second->values[4], "{-2147483648}");
        assert_string_equal(second->values[5], "");
        batch_done(&batch);
        assert_int_equal(batch.n, 0);
        batch_done(&batch);
}

static void test_long_arrays_of_long_numbers(void **state) {
        static int32_t ids[10000];
        Batch batch = {0};

        (void) state;
        for (size_t i = 0; i < 10000; i++)
                ids[i] = INT32_MIN;
        batch_add(&batch, SQL_JOB_CLAIM);
        batch_int_array(&batch, ids, 10000);
        assert_int_equal(strlen(batch.statements[0].values[0]), 10000 * 11 + 9999 + 2);
        assert_int_equal(batch.error, 0);
        batch_done(&batch);
}

/* Cut between two characters, and valid whatever comes: the server refuses anything else. */
static void test_words(void **state) {
        static const struct {
                const char *text;
                size_t max_chars;
                const char *value;
        } rows[] = {
                {"", 5, ""},
                {"short", 5, "short"},
                {"longer", 4, "long"},
                {"\xc3\xa4\xc3\xa4\xc3\xa4", 2, "\xc3\xa4\xc3\xa4"},
                {"\xf0\x9f\x8d\xb0\xf0\x9f\x8d\xb0", 1, "\xf0\x9f\x8d\xb0"},
                {"a\xff\xff", 5, "a\xef\xbf\xbd\xef\xbf\xbd"},
                {"a\xc3", 5, "a\xef\xbf\xbd"},
                {"\xff\xff\xff\xff", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Batch batch = {0};
                batch_add(&batch, SQL_JOB_CLAIM);
                batch_words(&batch, rows[i].text, rows[i].max_chars);
                assert_string_equal(batch.statements[0].values[0], rows[i].value);
                batch_words(&batch, NULL, 5);
                assert_null(batch.statements[0].values[1]);
                assert_int_equal(batch.error, 0);
                batch_done(&batch);
        }
}

static void test_too_much(void **state) {
        Batch batch = {0};

        (void) state;
        batch_int(&batch, 1); /* of no statement */
        assert_int_equal(batch.error, -E2BIG);
        batch_done(&batch);
        assert_int_equal(batch.error, 0);

        batch_add(&batch, SQL_JOB_CLAIM);
        for (int i = 0; i < BATCH_MAX_PARAMS; i++)
                batch_int(&batch, i);
        assert_int_equal(batch.error, 0);
        batch_text(&batch, "one too many");
        assert_int_equal(batch.error, -E2BIG);
        assert_int_equal(batch.statements[0].n, BATCH_MAX_PARAMS);
        batch_done(&batch);

        for (int i = 0; i < BATCH_MAX_STATEMENTS; i++)
                batch_add(&batch, SQL_JOB_CLAIM);
        assert_int_equal(batch.error, 0);
        batch_add(&batch, SQL_JOB_CLAIM);
        assert_int_equal(batch.error, -E2BIG);
        assert_int_equal(batch.n, BATCH_MAX_STATEMENTS);
        batch_done(&batch);
}

static void test_statements_have_names_and_texts(void **state) {
        (void) state;
        assert_string_equal(sql_name(SQL_JOB_CLAIM), "job_claim");
        for (SqlId id = 0; id < _SQL_MAX; id++) {
                char line[128] = "-- name: ";
                strcat(line, sql_name(id));
                strcat(line, "\n");
                assert_memory_equal(sql_text(id), line, strlen(line));
                for (SqlId other = 0; other < id; other++)
                        assert_string_not_equal(sql_name(id), sql_name(other));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_long_arrays_of_long_numbers),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_too_much),
                cmocka_unit_test(test_statements_have_names_and_texts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
