/* The end of a job and what comes next, statement by statement: worker/finish.h. */
#include "stage.h"

#include "db/lane_store.h"

#define FINISH(from, to, summary) "17|{" from "}|" to "|" summary "|" STAGE_HOLDER "|t"
#define FINISH_17 FINISH("GO", "OK", "done")
#define CLAIM_BEHIND_17 "5|500|" STAGE_HOLDER "|17|3|t"
#define START_17 "17|" STAGE_HOLDER "|Started Test.Quick on " STAGE_HOST " (pid 4242)"
#define JOB_18 "18|18|5|Test.Quick|2|{}|0"

static const Job job = {.id = 17, .co_id = 5, .plugin = (char *) "Test.Quick"};
static const Lane lane = {.co_id = 5, .token = 500, .generation = 3};
static FinishReply reply;

static int finish(RunResult result, FinishNext next) {
        claim_done(&reply.claim);
        stage_begin_job(17);
        int r = finish_job(&stage.runner, &job, &result, next == FINISH_ALONE ? NULL : &lane, next,
                           next == FINISH_CLAIM ? 17 : 0, &reply);
        assert_int_equal(status_page_job(stage.runner.page), 0);
        return r;
}

static RunResult done(void) {
        return stage_result(JOB_EV_FINISH_OK, "done");
}

/* Law 5, and the two round trips of a job: all of it is one transaction. */
static void test_finish_and_claim(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
        expect(SQL_JOB_CLAIM, CLAIM_BEHIND_17, row(JOB_18));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_CLAIM), 0);
        assert_int_equal(reply.claim.result, CLAIM_JOB);
        assert_int_equal(reply.claim.job.id, 18);
        assert_string_equal(reply.claim.job.plugin, "Test.Quick");
        assert_int_equal(reply.is_uncertain, 0);
        assert_int_equal(stage_counted(WORK_COMPLETE), 1);
        assert_int_equal(stage_counted(WORK_RUN_USEC), USEC_PER_MSEC);
        end_play();
}

static void test_finish_and_free(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH("GO", "X", "broken"), row("17|20|2026-01-01|NULL"));
        expect(SQL_LANE_FREE, "5|500", changed(1));
        expect_commit();
        assert_int_equal(finish(stage_result(JOB_EV_FINISH_FAILED, "broken"), FINISH_FREE), 0);
        assert_int_equal(reply.claim.result, CLAIM_EMPTY);
        assert_int_equal(reply.is_uncertain, 0);
        assert_int_equal(stage_counted(WORK_FAILED), 1);
        end_play();
}

/* What was never In Progress is expected to be Assigned. */
static void test_rejected(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH("A", "X", "unknown"), row("17|NULL|NULL|19"));
        expect_commit();
        assert_int_equal(finish(stage_result(JOB_EV_REJECT, "unknown"), FINISH_ALONE), 0);
        assert_int_equal(stage_counted(WORK_RUN_USEC), 0);
        end_play();
}

/* Law 10: records first, in a transaction of their own. */
static void test_records_first(void **state) {
        (void) state;
        stage_record(17, "one");
        stage_record(17, "two");
        expect(SQL_HISTORY_RESERVE, "2", row("71\n72"));
        expect_commit();
        expect(SQL_HISTORY_ADD, "*", changed(2));
        expect(SQL_HISTORY_RESERVE, "10", row("73\n74\n75\n76\n77\n78\n79\n80"));
        expect_commit();
        expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
        expect(SQL_JOB_CLAIM, CLAIM_BEHIND_17, row("NULL"));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_CLAIM), 0);
        assert_int_equal(stage.runner.recorder.waiting, 0);
        assert_int_equal(ring_count(stage.runner.page), 0);
        end_play();
}

/* Records that the server refuses cost the job neither its end nor the worker its word about them.
 */
static void test_records_refused(void **state) {
        (void) state;
        stage_record(17, "one");
        expect(SQL_HISTORY_RESERVE, "1", row("71"));
        expect_commit();
        for (int i = 0; i < 2; i++) { /* with the claim, and without it; its id is the same */
                expect(SQL_HISTORY_ADD, "[{\"id\":71,*", refused("XX000"));
                expect(SQL_HISTORY_RESERVE, "10", aborted());
                expect_commit();
        }
        expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_CLAIM), 0);
        assert_int_equal(stage.runner.recorder.waiting, 1);
        assert_int_equal(ring_count(stage.runner.page), 1);
        assert_int_equal(reply.is_uncertain, 1); /* nothing was done about the lane */
        assert_int_equal(stage_counted(WORK_COMPLETE), 1);
        end_play();
}

/* Law 6: the row stays Canceled, and the end of the plugin is a record. The claim holds. */
static void test_canceled_meanwhile(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, no_row());
        expect(SQL_JOB_CLAIM, CLAIM_BEHIND_17, row(JOB_18));
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("CX|Canceled by ada"));
        expect(SQL_JOB_STOPPED, "17|done", changed(1));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_CLAIM), 0);
        assert_int_equal(reply.claim.result, CLAIM_JOB);
        assert_int_equal(reply.is_uncertain, 0);
        assert_int_equal(stage_counted(WORK_CANCELED), 1);
        assert_int_equal(stage_counted(WORK_COMPLETE), 0);
        end_play();
}

/* The end that we wanted, behind whose summary the server has said that a chain ends: it is
 * counted. */
static void test_our_end_with_more_words(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH("GO", "X", "broken"), no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("X|broken; its periodic chain ends here"));
        expect(SQL_JOB_STOPPED, "17|broken", changed(0));
        expect_commit();
        assert_int_equal(finish(stage_result(JOB_EV_FINISH_FAILED, "broken"), FINISH_ALONE), 0);
        assert_int_equal(stage_counted(WORK_FAILED), 1);
        end_play();
}

static void test_end_of_somebody_else(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH("GO", "X", "broken"), no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("X|settled by ada"));
        expect(SQL_JOB_STOPPED, "17|broken", changed(0));
        expect_commit();
        assert_int_equal(finish(stage_result(JOB_EV_FINISH_FAILED, "broken"), FINISH_ALONE), 0);
        assert_int_equal(stage_counted(WORK_FAILED), 0);
        end_play();
}

/* A record that is there already was counted by who wrote it. */
static void test_canceled_and_said(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("CX|NULL"));
        expect(SQL_JOB_STOPPED, "17|done", changed(0));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_ALONE), 0);
        assert_int_equal(stage_counted(WORK_CANCELED), 0);
        end_play();
}

/* Ended before its plugin was called: there is nothing to finish. */
static void test_settled_before(void **state) {
        RunResult result = {.is_settled = 1};

        (void) state;
        expect(SQL_JOB_CLAIM, CLAIM_BEHIND_17, row(JOB_18));
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("CX|NULL"));
        expect(SQL_JOB_STOPPED, "17|canceled before the plugin was called", changed(1));
        expect_commit();
        assert_int_equal(finish(result, FINISH_CLAIM), 0);
        assert_int_equal(reply.claim.job.id, 18);
        end_play();
}

/*
 * The answer was lost: whether it was committed, the row says. A claim is not repeated; a start
 * that the server forgot is.
 */
static void test_lost_and_not_committed(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
        expect(SQL_JOB_CLAIM, CLAIM_BEHIND_17, lost());
        expect_commit();
        expect_connection();
        expect(SQL_JOB_START, START_17, no_row());
        expect_commit();
        expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_CLAIM), 0);
        assert_int_equal(stage.waits, 1);
        assert_int_equal(reply.is_uncertain, 1);
        assert_int_equal(stage_counted(WORK_COMPLETE), 1);
        end_play();
}

static void test_lost_and_committed(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, lost());
        expect(SQL_LANE_FREE, "5|500", aborted());
        expect_commit();
        expect_connection();
        expect(SQL_JOB_START, START_17, no_row());
        expect_commit();
        expect(SQL_JOB_FINISH, FINISH_17, no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("OK|done"));
        expect(SQL_JOB_STOPPED, "17|done", no_row());
        expect_commit();
        assert_int_equal(finish(done(), FINISH_FREE), 0);
        assert_int_equal(reply.is_uncertain, 1);
        assert_int_equal(reply.is_undone, 0);
        assert_int_equal(stage_counted(WORK_COMPLETE), 1);
        end_play();
}

/* An end in other words is somebody else's. */
static void test_settled_by_others(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("X|terminated unexpectedly"));
        expect(SQL_JOB_STOPPED, "17|done", no_row());
        expect_commit();
        assert_int_equal(finish(done(), FINISH_ALONE), 0);
        assert_int_equal(stage_counted(WORK_COMPLETE), 0);
        assert_int_equal(stage_counted(WORK_FAILED), 0);
        end_play();
}

/* Law 3: a failover brought the row back to Queued, and its plugin was called. */
static void test_undone(void **state) {
        (void) state;
        for (int was_called = 0; was_called < 2; was_called++) {
                stage.runner.called[0] = was_called ? 17 : 0;
                expect(SQL_JOB_FINISH, FINISH_17, no_row());
                expect_commit();
                expect(SQL_JOB_STATUS, "17", row("Q|NULL"));
                expect(SQL_JOB_STOPPED, "17|done", no_row());
                expect_commit();
                assert_int_equal(finish(done(), FINISH_ALONE), 0);
                assert_int_equal(reply.is_undone, was_called);
        }
        end_play();
}

/* What stands in the way may be the claim, or what it waits for: the job ends without it. */
static void test_claim_in_the_way(void **state) {
        static const struct {
                const char *sqlstate;
                int tries;
        } rows[] = {{"55P03", 3}, {"42501", 1}};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                for (int try = 0; try < rows[i].tries; try++) {
                        expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
                        expect(SQL_JOB_CLAIM, CLAIM_BEHIND_17, refused(rows[i].sqlstate));
                        expect_commit();
                }
                expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
                expect_commit();
                assert_int_equal(finish(done(), FINISH_CLAIM), 0);
                assert_int_equal(reply.is_uncertain, 1);
        }
        end_play();
}

#define UNSAID FINISH("GO", "OK", "NULL")
#define FAILED FINISH("GO", "X", "could not become complete: primary message")
#define FAILED_UNSAID FINISH("GO", "X", "NULL")

/* What the server refuses for good is written with less, and never waited for. */
static void test_refused(void **state) {
        static const struct {
                const char *refused[5], *taken;
                WorkCount counted;
        } rows[] = {
                {{FINISH_17}, UNSAID, WORK_COMPLETE},
                {{FINISH_17, UNSAID}, FAILED, WORK_FAILED},
                {{FINISH_17, UNSAID, FAILED}, FAILED_UNSAID, WORK_FAILED},
        };
        static const char *const states[] = {"23514", "42501", "P0001", "22P05"};

        (void) state;
        for (size_t s = 0; s < ARRAY_SIZE(states); s++)
                for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                        uint64_t before = stage_counted(rows[i].counted);
                        for (size_t k = 0; rows[i].refused[k]; k++) {
                                expect(SQL_JOB_FINISH, rows[i].refused[k], refused(states[s]));
                                expect_commit();
                        }
                        expect(SQL_JOB_FINISH, rows[i].taken, row("17|NULL|NULL|NULL"));
                        expect_commit();
                        assert_int_equal(finish(done(), FINISH_ALONE), 0);
                        assert_int_equal(stage_counted(rows[i].counted), before + 1);
                }
        assert_int_equal(stage.waits, 0);
        end_play();
}

/* A Failed job stays one; when nothing is taken, the caller is told. */
static void test_refused_altogether(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH("A", "X", "unknown"), refused("23514"));
        expect_commit();
        expect(SQL_JOB_FINISH, FINISH("A", "X", "NULL"), refused("23514"));
        expect_commit();
        assert_int_equal(finish(stage_result(JOB_EV_REJECT, "unknown"), FINISH_ALONE), -EBADMSG);
        assert_int_equal(stage_counted(WORK_FAILED), 0);
        end_play();
}

/* With a lane the claim is left out first: it may be what is refused. */
static void test_refused_beside_a_claim(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, refused("23514"));
        expect(SQL_JOB_CLAIM, CLAIM_BEHIND_17, aborted());
        expect_commit();
        expect(SQL_JOB_FINISH, FINISH_17, refused("23514"));
        expect_commit();
        expect(SQL_JOB_FINISH, UNSAID, row("17|NULL|NULL|NULL"));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_CLAIM), 0);
        assert_int_equal(reply.is_uncertain, 1);
        end_play();
}

/* An answer that was lost, to an end without words: it is known again by having none. */
static void test_refused_and_lost(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, refused("23514"));
        expect_commit();
        expect(SQL_JOB_FINISH, UNSAID, lost());
        expect_commit();
        expect_connection();
        expect(SQL_JOB_START, START_17, no_row());
        expect_commit();
        expect(SQL_JOB_FINISH, UNSAID, no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("OK|NULL"));
        expect(SQL_JOB_STOPPED, "17|", no_row());
        expect_commit();
        assert_int_equal(finish(done(), FINISH_ALONE), 0);
        assert_int_equal(stage_counted(WORK_COMPLETE), 1);
        end_play();
}

/* What keeps the successor may pass, but the job does not wait for it for ever. */
static void test_successor_in_the_way(void **state) {
        (void) state;
        for (int try = 0; try < 6; try++) {
                expect(SQL_JOB_FINISH, FINISH_17, refused("55P03"));
                expect_commit();
        }
        expect(SQL_JOB_FINISH, "17|{GO}|OK|done|" STAGE_HOLDER "|f", row("17|NULL|NULL|NULL"));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_ALONE), 0);
        assert_int_equal(stage.waits, 2);
        end_play();
}

static void test_database_stays_away(void **state) {
        (void) state;
        expect(SQL_JOB_FINISH, FINISH_17, lost());
        expect_commit();
        for (int i = 1; i < 10; i++)
                expect_refused_connection();
        assert_int_equal(finish(done(), FINISH_ALONE), DB_E_UNAVAILABLE);
        assert_int_equal(stage.waits, 10);
        end_play();
}

/* A connection that was lost while the plugin ran: the lane may be another's by now. */
static void test_lost_while_it_ran(void **state) {
        (void) state;
        expect(SQL_JOB_STATUS, "1", lost());
        expect_commit();
        Batch batch = {0};
        DbReply answer;
        job_status_add(&batch, 1);
        assert_int_equal(session_run(&stage.runner.session, &batch, &answer), DB_E_UNAVAILABLE);
        expect_connection();
        expect(SQL_JOB_START, START_17, changed(1));
        expect_commit();
        expect(SQL_JOB_FINISH, FINISH_17, row("17|NULL|NULL|NULL"));
        expect_commit();
        assert_int_equal(finish(done(), FINISH_CLAIM), 0);
        assert_int_equal(reply.is_uncertain, 1);
        assert_int_equal(stage.waits, 0);
        end_play();
}

static int teardown(void **state) {
        claim_done(&reply.claim);
        return stage_close(state);
}
#define finish_test(f) cmocka_unit_test_setup_teardown(f, stage_open, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                finish_test(test_finish_and_claim),
                finish_test(test_finish_and_free),
                finish_test(test_rejected),
                finish_test(test_records_first),
                finish_test(test_records_refused),
                finish_test(test_canceled_meanwhile),
                finish_test(test_canceled_and_said),
                finish_test(test_our_end_with_more_words),
                finish_test(test_end_of_somebody_else),
                finish_test(test_settled_before),
                finish_test(test_lost_and_not_committed),
                finish_test(test_lost_and_committed),
                finish_test(test_settled_by_others),
                finish_test(test_undone),
                finish_test(test_claim_in_the_way),
                finish_test(test_refused),
                finish_test(test_refused_altogether),
                finish_test(test_refused_beside_a_claim),
                finish_test(test_refused_and_lost),
                finish_test(test_successor_in_the_way),
                finish_test(test_database_stays_away),
                finish_test(test_lost_while_it_ran),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
