/* What becomes of a cancel and a retry, and how many are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/change.h"
#include "core/params.h"

static const ChangeFacts failed = {
        .id = 7, .is_found = 1, .co_id = 2, .state = JOB_FAILED, .plugin = "P.M"};

static void test_counts(void **state) {
        static const struct {
                ChangeCounts counts;
                ChangeResult worst;
                const char *words;
        } rows[] = {
                {{{0, 0, 0}}, CHANGE_DONE, "0 canceled"},
                {{{3, 0, 0}}, CHANGE_DONE, "3 canceled"},
                {{{3, 2, 0}}, CHANGE_REFUSED, "3 canceled, 2 refused"},
                {{{0, 0, 1}}, CHANGE_NOT_FOUND, "0 canceled, 1 not there"},
                {{{1, 2, 3}}, CHANGE_NOT_FOUND, "1 canceled, 2 refused, 3 not there"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char words[CHANGE_WORDS_SIZE];
                assert_int_equal(change_worst(&rows[i].counts), rows[i].worst);
                change_count_words(&rows[i].counts, "canceled", words);
                assert_string_equal(words, rows[i].words);
        }
}

static void test_cancel(void **state) {
        char why[CHANGE_WORDS_SIZE] = "untouched";
        ChangeFacts facts = failed;

        (void) state;
        for (JobState s = JOB_QUEUED; s <= JOB_IN_PROGRESS; s++) {
                facts.state = s;
                assert_int_equal(change_judge_cancel(&facts, why), CHANGE_DONE);
        }
        assert_string_equal(why, "untouched");
        facts.state = JOB_COMPLETE;
        assert_int_equal(change_judge_cancel(&facts, why), CHANGE_REFUSED);
        assert_string_equal(why, "job 7 is complete already");
        facts.state = _JOB_STATE_NONE;
        assert_int_equal(change_judge_cancel(&facts, why), CHANGE_REFUSED);
        assert_string_equal(why, "job 7 is in an unknown status already");
        facts.is_found = 0;
        assert_int_equal(change_judge_cancel(&facts, why), CHANGE_NOT_FOUND);
        assert_string_equal(why, "there is no job 7");
}

static void refuses(ChangeFacts facts, const char *words) {
        char why[CHANGE_WORDS_SIZE];

        assert_int_equal(change_judge_retry(&facts, 0, why), CHANGE_REFUSED);
        assert_non_null(strstr(why, words));
}

static void test_retry(void **state) {
        char why[CHANGE_WORDS_SIZE] = "untouched";
        ChangeFacts facts = failed;

        (void) state;
        facts.bytes = PARAMS_MAX_BYTES;
        assert_int_equal(change_judge_retry(&facts, 0, why), CHANGE_DONE);
        facts.state = JOB_CANCELED;
        assert_int_equal(change_judge_retry(&facts, 0, why), CHANGE_DONE);
        facts.successor = 9;
        assert_int_equal(change_judge_retry(&facts, 1, why), CHANGE_DONE);
        assert_string_equal(why, "untouched");
        refuses(facts, "job 7 was queued again already, as job 9");
        facts.successor = 0;
        facts.waiting = 8;
        refuses(facts, "job 8 with the same parameters already waits");
        facts.bytes = PARAMS_MAX_BYTES + 1;
        refuses(facts, "job 7 cannot run again: its parameters are longer than 1048576 bytes");
        facts.plugin = "";
        refuses(facts, "its row names no plugin");
        facts.plugin = NULL;
        refuses(facts, "its row names no plugin");
        facts.state = JOB_IN_PROGRESS;
        refuses(facts, "job 7 is in progress; only a failed or canceled job");
        facts.is_found = 0;
        assert_int_equal(change_judge_retry(&facts, 1, why), CHANGE_NOT_FOUND);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_retry),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
