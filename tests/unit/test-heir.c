/* What an heir does with a will, statement by statement: worker/heir.h. */
#include "stage.h"

#include <stdio.h>
#include <unistd.h>

#include "ipc/frame.h"
#include "util/process.h"
#include "worker/heir.h"

#define ACCOUNT "terminated unexpectedly (exit code 3)"
#define SETTLE "9|77|1000|17|" ACCOUNT
#define SETTLED_17 "17|NULL|NULL|NULL|NULL|5|Test.Quick|settled"
#define CANCELED_17 "17|NULL|NULL|NULL|NULL|5|Test.Quick|canceled"
#define TOLD_5 "NULL|NULL|NULL|NULL|NULL|5|NULL|told"

static Heir heir;

static void die_with(usec_t patience_usec, Will will) {
        will.died_usec = stage.now_usec;
        heir_init(&heir, &will, &stage.runner.session, &stage.runner.recorder, "dead.example",
                  patience_usec);
}

/* Worker 77 died with job 17. */
static Will will_of_a_worker(void) {
        Will will = {.supervisor_id = 9, .pid = 77, .start_ticks = 1000, .job_id = 17};

        will_write(&will, (Outcome){.kind = OUTCOME_EXITED, .value = 3}, NULL, &(JobUsage){0});
        will_add_pid(&will, 77);
        return will;
}

/* Records of these jobs lie in the ring. */
static void leave_records(const int32_t *jobs, size_t n) {
        char frame[RING_FRAME_MAX];

        for (size_t i = 0; i < n; i++) {
                HistoryRecord record = {.job_id = jobs[i], .comment = "left"};
                size_t size = frame_encode(&record, frame);
                assert_int_equal(ring_put(stage.runner.page, frame, size), 0);
        }
        recorder_init(&stage.runner.recorder, stage.runner.page, &stage.runner.session);
        assert_int_equal(stage.runner.recorder.left.n, n);
}

static void expect_settlement(Answer answer) {
        expect(SQL_LANE_LOCK, "9|77|1000", row("5"));
        expect(SQL_SETTLE, SETTLE, answer);
        expect_commit();
}

static void expect_note(Answer answer) {
        expect(SQL_HISTORY_RESERVE, "1", row("90"));
        expect_commit();
        expect(SQL_HISTORY_ADD, "[{\"id\":90,\"job_id\":17,*", answer);
        expect_commit();
}

static ChannelMessage report(void) {
        ChannelMessage message = {0};
        heir_report(&heir, &message);
        return message;
}

/* Law 4: the job, its retry and the lane in one transaction; then how it ended. */
static void test_settle(void **state) {
        (void) state;
        die_with(0, will_of_a_worker());
        expect_settlement(row(SETTLED_17 "\n" TOLD_5));
        expect_note(changed(1));
        assert_int_equal(heir_settle(&heir), 0);
        assert_int_equal(report().settled, 1);
        assert_int_equal(report().settled, 0); /* told once */
        assert_true(heir_wake(&heir) == USEC_INFINITY);
        end_play();
}

/* It died between two jobs, or somebody else was faster. */
static void test_nothing_to_settle(void **state) {
        (void) state;
        die_with(0, will_of_a_worker());
        expect_settlement(no_row());
        assert_int_equal(heir_settle(&heir), 0);
        assert_int_equal(report().settled, 0);
        end_play();
}

/* Law 6: nothing changes a canceled job, and whoever writes its end first counts it. */
static void test_canceled(void **state) {
        (void) state;
        for (int is_first = 0; is_first < 2; is_first++) {
                die_with(0, will_of_a_worker());
                expect_settlement(row(CANCELED_17));
                expect(SQL_JOB_STOPPED, "17|" ACCOUNT, changed(is_first));
                expect_commit();
                assert_int_equal(heir_settle(&heir), 0);
                ChannelMessage message = report();
                assert_int_equal(message.settled, 0);
                assert_int_equal(message.canceled, is_first);
        }
        end_play();
}

/* Law 10: records before the status, those of the dead worker's jobs only. */
static void test_left_records(void **state) {
        static const int32_t jobs[] = {17, 17, 99};

        (void) state;
        leave_records(jobs, ARRAY_SIZE(jobs));
        die_with(0, will_of_a_worker());
        expect(SQL_WORKER_JOBS, "{17,99}|dead.example|{77}", row("17"));
        expect_commit();
        expect(SQL_HISTORY_RESERVE, "3", row("71\n72\n73"));
        expect_commit();
        expect(SQL_HISTORY_ADD, "[{\"id\":71,*", changed(2));
        expect_commit();
        expect_settlement(row(SETTLED_17));
        expect(SQL_HISTORY_RESERVE, "1", row("90"));
        expect_commit();
        expect(SQL_HISTORY_ADD, "[{\"id\":90,\"job_id\":17,*", changed(1));
        expect_commit();
        assert_int_equal(heir_settle(&heir), 0);
        ChannelMessage message = report();
        assert_int_equal(message.left, 0);
        assert_int_equal(message.lost, 1);
        end_play();
}

/* Law 14: a lock on the history holds up neither the settlement nor the worker that the heir is. */
static void test_history_locked(void **state) {
        static const int32_t jobs[] = {17};

        (void) state;
        leave_records(jobs, 1);
        die_with(0, will_of_a_worker());
        expect(SQL_WORKER_JOBS, "{17}|*|*", refused("55P03"));
        expect_commit();
        expect_settlement(row(SETTLED_17));
        expect(SQL_HISTORY_RESERVE, "1", row("90"));
        expect_commit();
        expect(SQL_HISTORY_ADD, "*", refused("55P03"));
        expect_commit();
        assert_int_equal(heir_settle(&heir), 0);
        ChannelMessage message = report();
        assert_int_equal(message.settled, 1);
        assert_int_equal(message.left, 1);

        heir_try_rest(&heir); /* not yet: nothing is sent */
        stage.now_usec = heir_wake(&heir);
        expect(SQL_WORKER_JOBS, "{17}|*|*", row("17"));
        expect_commit();
        expect(SQL_HISTORY_RESERVE, "1", row("71"));
        expect_commit();
        expect(SQL_HISTORY_ADD, "[{\"id\":71,*", changed(1));
        expect_commit();
        expect(SQL_HISTORY_ADD, "[{\"id\":90,*", changed(1)); /* with the id that it had */
        expect_commit();
        heir_try_rest(&heir);
        assert_int_equal(report().left, 0);
        assert_int_equal(report().lost, 0);
        assert_true(heir_wake(&heir) == USEC_INFINITY);
        end_play();
}

/* After a minute what is left is lost, and counted. */
static void test_given_up(void **state) {
        static const int32_t jobs[] = {17, 17};

        (void) state;
        leave_records(jobs, 2);
        die_with(0, will_of_a_worker());
        expect(SQL_WORKER_JOBS, "{17}|*|*", refused("55P03"));
        expect_commit();
        expect_settlement(no_row());
        assert_int_equal(heir_settle(&heir), 0);
        stage.now_usec += RECORDS_PATIENCE_USEC; /* in a turn: they are tried once more */
        expect(SQL_WORKER_JOBS, "{17}|*|*", refused("55P03"));
        expect_commit();
        heir_try_rest(&heir);
        stage.now_usec += HEIR_RETRY_USEC;
        heir_try_rest(&heir);
        ChannelMessage message = report();
        assert_int_equal(message.left, 0);
        assert_int_equal(message.lost, 2);
        assert_int_equal(ring_count(stage.runner.page), 0);
        end_play();
}

/* A settlement that the server refuses is tried again, and left to the next heir in the end. */
static void test_resigns(void **state) {
        (void) state;
        die_with(10 * HEIR_RETRY_USEC, will_of_a_worker());
        for (int i = 0; i < 2; i++) {
                expect(SQL_LANE_LOCK, "9|77|1000", refused("55P03"));
                expect(SQL_SETTLE, SETTLE, aborted());
                expect_commit();
        }
        expect_settlement(row(SETTLED_17));
        expect_note(changed(1));
        assert_int_equal(heir_settle(&heir), 0);

        die_with(0, will_of_a_worker());
        expect(SQL_LANE_LOCK, "9|77|1000", refused("55P03"));
        expect(SQL_SETTLE, SETTLE, aborted());
        expect_commit();
        assert_int_equal(heir_settle(&heir), HEIR_E_RESIGNED);
        end_play();
}

/* A summary that the server refuses keeps no job from its end; its note has the words all the same.
 */
static void test_words_refused(void **state) {
        (void) state;
        die_with(0, will_of_a_worker());
        expect_settlement(refused("23514"));
        expect(SQL_LANE_LOCK, "9|77|1000", row("5"));
        expect(SQL_SETTLE, "9|77|1000|17|NULL", row(SETTLED_17));
        expect_commit();
        expect_note(changed(1));
        assert_int_equal(heir_settle(&heir), 0);
        assert_string_equal(heir.will.account, ACCOUNT);
        end_play();
}

/* The answer was lost: the next try finds what is left, and nothing is settled twice. */
static void test_lost(void **state) {
        (void) state;
        die_with(10 * HEIR_RETRY_USEC, will_of_a_worker());
        expect_settlement(lost());
        expect_connection();
        expect_settlement(no_row());
        assert_int_equal(heir_settle(&heir), 0);
        assert_int_equal(report().settled, 0);
        end_play();
}

static Will will_of_a_supervisor(void) {
        Will will = {.supervisor_id = 9, .token = 400, .renewals = 70, .has_lapsed = 1};

        will_write(&will, (Outcome){.kind = OUTCOME_EXITED, .value = 3}, NULL, &(JobUsage){0});
        return will;
}

/* Law 13: a supervisor that is dead by its lease is condemned before its jobs are touched. */
static void test_supervisor(void **state) {
        (void) state;
        die_with(0, will_of_a_supervisor());
        expect(SQL_SUPERVISOR_CONDEMN, "9|400|70|501", changed(1));
        expect_commit();
        expect(SQL_LANE_LOCK, "9|NULL|NULL", row("5"));
        expect(SQL_SETTLE, "9|NULL|NULL|NULL|" ACCOUNT, row(SETTLED_17));
        expect(SQL_SUPERVISOR_REMOVE, "9|501", changed(1));
        expect_commit();
        expect_note(changed(1));
        assert_int_equal(heir_settle(&heir), 0);
        end_play();
}

/* It has renewed its row, or somebody else was faster: nothing of it is touched. */
static void test_supervisor_came_back(void **state) {
        (void) state;
        die_with(0, will_of_a_supervisor());
        expect(SQL_SUPERVISOR_CONDEMN, "9|400|70|501", no_row());
        expect_commit();
        assert_int_equal(heir_settle(&heir), 0);
        assert_int_equal(report().settled, 0);
        end_play();
}

static Will will_of_a_dead_process(void) {
        Will will = will_of_a_supervisor();

        will.has_lapsed = 0;
        will.is_here = 1;
        return will;
}

/* Law 13: a worker of a supervisor that has just died here is waited for, and is not ended. */
static void test_survivor_is_awaited(void **state) {
        char holder[64];
        int64_t ticks;

        (void) state;
        assert_int_equal(process_start_ticks(getpid(), &ticks), 0);
        (void) snprintf(holder, sizeof(holder), "%d|%lld", (int) getpid(), (long long) ticks);
        die_with(0, will_of_a_dead_process());
        expect(SQL_LANE_HOLDERS, "9", row(holder)); /* this very process */
        expect_commit();
        assert_int_equal(heir_settle(&heir), HEIR_E_RESIGNED);

        die_with(0, will_of_a_dead_process());
        expect(SQL_LANE_HOLDERS, "9", row("1|1")); /* nobody's worker */
        expect_commit();
        expect(SQL_LANE_LOCK, "9|NULL|NULL", row("5"));
        expect(SQL_SETTLE, "9|NULL|NULL|NULL|" ACCOUNT, no_row());
        expect(SQL_SUPERVISOR_REMOVE, "9|400", changed(1));
        expect_commit();
        assert_int_equal(heir_settle(&heir), 0);
        end_play();
}

/* After a lease nobody waits for processes: they may be another database's. */
static void test_lapsed_here(void **state) {
        Will will = will_of_a_supervisor();

        (void) state;
        will.is_here = 1;
        die_with(0, will);
        expect(SQL_SUPERVISOR_CONDEMN, "9|400|70|501", changed(1));
        expect_commit();
        expect(SQL_LANE_LOCK, "9|NULL|NULL", row("5"));
        expect(SQL_SETTLE, "9|NULL|NULL|NULL|" ACCOUNT, no_row());
        expect(SQL_SUPERVISOR_REMOVE, "9|501", changed(1));
        expect_commit();
        assert_int_equal(heir_settle(&heir), 0);
        end_play();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                stage_test(test_settle),
                stage_test(test_nothing_to_settle),
                stage_test(test_canceled),
                stage_test(test_left_records),
                stage_test(test_history_locked),
                stage_test(test_given_up),
                stage_test(test_resigns),
                stage_test(test_words_refused),
                stage_test(test_lost),
                stage_test(test_supervisor),
                stage_test(test_supervisor_came_back),
                stage_test(test_survivor_is_awaited),
                stage_test(test_lapsed_here),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
