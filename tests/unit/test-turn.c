/* A worker's stay in a lane, statement by statement: worker/turn.h. */
#include "stage.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/job.h"

#define CLAIMED(id) id "|" id "|5|Test.Quick|2|{}|0"
#define NOTHING "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL"
#define FINISHED "NULL|NULL|NULL|NULL"

static _Atomic int64_t budget;
static TurnResult turn;

static int run_turn(void) {
        TurnContext context = {.runner = &stage.runner,
                               .budget = &budget,
                               .supervisor_id = 9,
                               .generation = 3,
                               .start_ticks = 77};
        return turn_run(&context, 5, &turn);
}

static void wish(uint32_t wishes) {
        atomic_store(&stage.orders->wishes, wishes);
}

/* The lane is taken with the token 501, and the first job claimed. */
static void expect_take(const char *claimed) {
        expect(SQL_LANE_TAKE, "5|9|4242|77|501|3", row("t"));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(claimed));
        expect_commit();
}

/* `finished` is the id of the job, with what it is answered with. */
static void expect_finish(int id, Answer answer) {
        static char parameters[32][64];
        static unsigned n;
        char *text = parameters[n++ % 32];

        (void) snprintf(text, sizeof(parameters[0]), "%d|{GO}|OK|done|" STAGE_HOLDER "|t", id);
        expect(SQL_JOB_FINISH, text, answer);
}

static void expect_free(void) {
        expect(SQL_LANE_FREE, "5|501", changed(1));
        expect_commit();
}

/* Somebody else has the lane, or the hint was not true: none is taken, and none is given back. */
static void test_not_taken(void **state) {
        (void) state;
        expect(SQL_LANE_TAKE, "5|9|4242|77|501|3", row("f"));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(NOTHING));
        expect_commit();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_EMPTY);
        assert_int_equal(budget, 100);
        end_play();
}

static void test_empty(void **state) {
        (void) state;
        expect_take(NOTHING);
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_EMPTY);
        end_play();
}

/*
 * Two round trips for a job. Behind a job only higher ids are looked at, and before the turn ends
 * once more all of them.
 */
static void test_jobs(void **state) {
        (void) state;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|17|3|t", row(CLAIMED("18")));
        expect_commit();
        expect_finish(18, row("18|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|18|3|t", row(NOTHING));
        expect_commit();
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(NOTHING));
        expect_commit();
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_EMPTY);
        assert_int_equal(turn.jobs, 2);
        assert_int_equal(stage.runs, 2);
        assert_int_equal(budget, 98);
        end_play();
}

/* Law 1: a delayed job with a lower id takes its place within a second. */
static int run_for_a_second(Runner *runner, const Job *job, RunResult *ret) {
        (void) runner, (void) job;
        stage.now_usec += USEC_PER_SEC;
        *ret = stage_result(JOB_EV_FINISH_OK, "done");
        return 0;
}

static void test_looks_at_all_again(void **state) {
        (void) state;
        stage.on_run = run_for_a_second;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(CLAIMED("3")));
        expect_commit();
        expect_finish(3, row("3|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(NOTHING));
        expect_commit();
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_EMPTY);
        end_play();
}

/* The first job waits for its program: that is started with the lane held, and then it is claimed.
 */
static void expect_waiting(void) {
        stage.is_down = 1;
        expect(SQL_LANE_TAKE, "5|9|4242|77|501|3", row("t"));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|f",
               row("17|NULL|NULL|NULL|NULL|NULL|NULL|t"));
        expect_commit();
}

static void test_starts_a_program(void **state) {
        (void) state;
        expect_waiting();
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(CLAIMED("17")));
        expect_commit();
        expect_finish(17, row("17|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|17|3|t", row(NOTHING));
        expect_commit();
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(NOTHING));
        expect_commit();
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_EMPTY);
        assert_int_equal(turn.jobs, 1);
        end_play();
}

/* Nothing is claimed that cannot run; its CO waits, and the supervisor is told why. */
static void test_program_does_not_start(void **state) {
        (void) state;
        stage.is_dead = 1;
        expect_waiting();
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_DOWN);
        assert_string_equal(turn.why, "it is being deployed");
        assert_int_equal(stage.runs, 0);
        assert_int_equal(budget, 100);
        end_play();
}

/* A program that is gone each time before a job is claimed keeps no lane for ever. */
static void test_program_that_does_not_stay(void **state) {
        (void) state;
        stage.starts_lost = UINT_MAX;
        expect_waiting();
        for (int i = 0; i < 3; i++) {
                expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|f",
                       row("17|NULL|NULL|NULL|NULL|NULL|NULL|t"));
                expect_commit();
        }
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_SHARE);
        assert_int_equal(stage.starts, 3);
        assert_int_equal(stage.runs, 0);
        end_play();
}

static void test_stop_while_a_program_starts(void **state) {
        (void) state;
        stage.meanwhile = ORDERS_WISH_STOP;
        expect_waiting();
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_STOPPED);
        assert_int_equal(stage.runs, 0);
        end_play();
}

static int stop_while_it_runs(Runner *runner, const Job *job, RunResult *ret) {
        (void) runner, (void) job;
        wish(ORDERS_WISH_STOP);
        *ret = stage_result(JOB_EV_FINISH_OK, "done");
        return 0;
}

static void test_stop(void **state) {
        (void) state;
        stage.on_run = stop_while_it_runs;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_STOPPED);
        assert_int_equal(run_turn(), 0); /* and nothing is claimed to begin with */
        assert_int_equal(turn.end, TURN_STOPPED);
        end_play();
}

static void test_share(void **state) {
        (void) state;
        atomic_store(&stage.orders->share_jobs, 1);
        atomic_store(&stage.orders->share_usec, 3600 * USEC_PER_SEC);
        wish(ORDERS_WISH_OTHERS);
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_SHARE);
        assert_int_equal(turn.is_worn, 0);
        end_play();
}

/* Of `registry-job -r -m 1`: the second job is not claimed; and what ran none is given back. */
static void test_budget(void **state) {
        (void) state;
        budget = 1;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_STOPPED);
        assert_int_equal(budget, 0);
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_STOPPED);
        budget = 1;
        stage.token = 500;
        expect_take(NOTHING);
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(budget, 1);
        end_play();
}

/* The first claim of the turn, which the server refuses so many times. */
static void expect_refused_take(const char *sqlstate, int times) {
        for (int i = 0; i < times; i++) {
                expect(SQL_LANE_TAKE, "5|9|4242|77|501|3", row("t"));
                expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", refused(sqlstate));
                expect_commit();
        }
}

/* The words are noted, and a lane that is held is given back. */
static void expect_note(const char *parameters) {
        expect(SQL_LANE_REFUSED, parameters, row("17|1|1000"));
        expect_free();
}

/* Somebody holds a lock on the head: this CO waits, and no other. */
static void test_locked_head(void **state) {
        (void) state;
        expect_refused_take("55P03", 3);
        expect_note("5|*|0|0");
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_SHARE);
        assert_int_equal(budget, 100);
        end_play();
}

static void test_locked_lane(void **state) {
        (void) state;
        for (int i = 0; i < 3; i++) {
                expect(SQL_LANE_TAKE, "5|9|4242|77|501|3", refused("55P03"));
                expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", aborted());
                expect_commit();
        }
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_SHARE);
        end_play();
}

/*
 * Law 14: what will not pass by itself ends the turn, with a pause for its CO, and not the worker.
 * A claim that runs into the time limit of a statement is one of those.
 */
static void test_refused_claim(void **state) {
        static const struct {
                const char *sqlstate;
                int times;
        } rows[] = {{"P0001", 1}, {"22003", 1}, {"23514", 1}, {"23505", 1},
                    {"42501", 1}, {"XX001", 1}, {"57014", 3}};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                stage.token = 500;
                expect_refused_take(rows[i].sqlstate, rows[i].times);
                expect_note("5|*|1000|30000");
                assert_int_equal(run_turn(), 0);
                assert_int_equal(turn.end, TURN_REFUSED);
                assert_int_equal(budget, 100);
        }
        end_play();
}

/* Of the second job: it costs the first one nothing, and the lane is given back. */
static void test_refused_in_the_middle(void **state) {
        (void) state;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|17|3|t", refused("P0001"));
        expect_commit();
        expect_finish(17, row("17|" FINISHED));
        expect_commit();
        expect(SQL_LANE_RESUME, "5|501|502", changed(1));
        expect(SQL_LANE_RESUME, "5|502|502", no_row());
        expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(NOTHING));
        expect_commit();
        expect(SQL_JOB_CLAIM, "5|502|" STAGE_HOLDER "|0|3|t", refused("P0001"));
        expect_commit();
        expect(SQL_LANE_REFUSED, "5|*|1000|30000", row("18|4|8000"));
        expect(SQL_LANE_FREE, "5|502", changed(1));
        expect_commit();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_REFUSED);
        assert_int_equal(turn.jobs, 1);
        end_play();
}

/* What is refused is not a claim, or the words cannot be noted: the worker ends as it did. */
static void test_other_refusals(void **state) {
        (void) state;
        expect(SQL_LANE_TAKE, "5|9|4242|77|501|3", refused("23503")); /* given up for dead */
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", aborted());
        expect_commit();
        assert_int_equal(run_turn(), DB_E_GONE);
        stage.token = 500;
        expect_refused_take("P0001", 1);
        expect(SQL_LANE_REFUSED, "5|*|1000|30000", refused("42501"));
        expect(SQL_LANE_FREE, "5|501", aborted());
        expect_commit();
        assert_int_equal(run_turn(), DB_E_SCHEMA);
        end_play();
}

static void expect_lost_race(const char *stale, const char *head) {
        expect(SQL_QUEUE_DROP_STALE, stale, no_row());
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|0|3|t", row(head));
        expect_commit();
}

/* A row of the queue that is wrong is repaired; what no claim finds gives its CO a pause. */
static void test_lost_races(void **state) {
        (void) state;
        expect_take("17|NULL");
        for (int i = 0; i < 100; i++)
                expect_lost_race("17|5", "17|NULL");
        expect(SQL_LANE_REFUSED, "5|*|1000|30000", row("17|1|1000"));
        expect(SQL_LANE_FREE, "5|501", no_row());
        expect_commit();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_REFUSED);
        stage.token = 500; /* others take one head after another: the queue is sound */
        expect_take("17|NULL");
        for (int i = 0; i < 50; i++) {
                expect_lost_race("17|5", "18|NULL");
                expect_lost_race("18|5", "17|NULL");
        }
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_SHARE);
        end_play();
}

static int leave_something(Runner *runner, const Job *job, RunResult *ret) {
        (void) runner, (void) job;
        *ret = stage_result(JOB_EV_FINISH_OK, "done");
        ret->is_worn = 1;
        return 0;
}

static void test_worn(void **state) {
        (void) state;
        stage.on_run = leave_something;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect_free();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.is_worn, 1);
        end_play();
}

/* The claim's answer was lost: its job is found under a new token, and run. */
static void expect_lost_claim(void) {
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|17|3|t", lost());
        expect_commit();
        expect_connection();
        expect(SQL_JOB_START, "17|*|*|*", no_row());
        expect_commit();
        expect_finish(17, no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("OK|done"));
        expect(SQL_JOB_STOPPED, "17|done", no_row());
        expect_commit();
}

static void test_resume(void **state) {
        (void) state;
        expect_lost_claim();
        expect(SQL_LANE_RESUME, "5|501|502", changed(1));
        expect(SQL_LANE_RESUME, "5|502|502", no_row());
        expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(CLAIMED("18") "|f|A"));
        expect_commit();
        expect_finish(18, row("18|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|502|" STAGE_HOLDER "|18|3|t", row(NOTHING));
        expect_commit();
        expect(SQL_JOB_CLAIM, "5|502|" STAGE_HOLDER "|0|3|t", row(NOTHING));
        expect_commit();
        expect(SQL_LANE_FREE, "5|502", changed(1));
        expect_commit();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_EMPTY);
        assert_int_equal(turn.jobs, 2);
        end_play();
}

/* Its answer is lost, too: its token may be the lane's by now. */
static void test_resume_lost(void **state) {
        (void) state;
        expect_lost_claim();
        expect(SQL_LANE_RESUME, "5|501|502", lost());
        expect(SQL_LANE_RESUME, "5|502|502", aborted());
        expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, aborted());
        expect_commit();
        expect_connection();
        expect(SQL_LANE_RESUME, "5|501|502", no_row());
        expect(SQL_LANE_RESUME, "5|502|502", changed(1));
        expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(NOTHING));
        expect_commit();
        expect(SQL_JOB_CLAIM, "5|502|" STAGE_HOLDER "|0|3|t", row(NOTHING));
        expect_commit();
        expect(SQL_LANE_FREE, "5|502", changed(1));
        expect_commit();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.end, TURN_EMPTY);
        end_play();
}

/* For the next row of a table: nothing was called yet. */
static void begin_row(void) {
        stage.token = 500;
        stage.runs = 0;
        memset(stage.runner.called, 0, sizeof(stage.runner.called));
        wish(0);
}

/* What cannot be gone on with ends the worker, with its lane held, so that all of it is settled. */
static void test_resume_refused(void **state) {
        static const struct {
                int is_ours;
                const char *found;
        } rows[] = {
                {0, NOTHING},               /* settled by others */
                {1, CLAIMED("17") "|f|GO"}, /* the finish was undone */
                {1, CLAIMED("16") "|f|GO"}, /* an earlier one, too */
                {1, CLAIMED("17") "|f|A"},  /* the start was undone: its plugin was called */
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin_row();
                expect_lost_claim();
                expect(SQL_LANE_RESUME, "5|501|502", changed(rows[i].is_ours));
                expect(SQL_LANE_RESUME, "5|502|502", no_row());
                expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(rows[i].found));
                expect_commit();
                assert_int_equal(run_turn(), TURN_E_LOST);
                assert_int_equal(stage.runs, 1); /* law 3 */
        }
        end_play();
}

/* Law 3: a failover made the job Queued again. It is claimed once more, to be settled, not run. */
static void test_undone(void **state) {
        (void) state;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|17|3|t", lost());
        expect_commit();
        expect_connection();
        expect(SQL_JOB_START, "17|*|*|*", no_row());
        expect_commit();
        expect_finish(17, no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", row("Q|NULL"));
        expect(SQL_JOB_STOPPED, "17|done", no_row());
        expect_commit();
        expect(SQL_LANE_RESUME, "5|501|502", changed(1));
        expect(SQL_LANE_RESUME, "5|502|502", no_row());
        expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(NOTHING));
        expect(SQL_JOB_RECLAIM, "17|5|502|" STAGE_HOLDER, changed(1));
        expect_commit();
        assert_int_equal(run_turn(), TURN_E_LOST);
        end_play();
}

/* Law 3: the connection is lost once more, before the row has said that it is Queued again. */
static void test_undone_unseen(void **state) {
        (void) state;
        expect_take(CLAIMED("17"));
        expect_finish(17, row("17|" FINISHED));
        expect(SQL_JOB_CLAIM, "5|501|" STAGE_HOLDER "|17|3|t", lost());
        expect_commit();
        expect_connection();
        expect(SQL_JOB_START, "17|*|*|*", no_row());
        expect_commit();
        expect_finish(17, no_row());
        expect_commit();
        expect(SQL_JOB_STATUS, "17", lost());
        expect(SQL_JOB_STOPPED, "17|done", aborted());
        expect_commit();
        expect_connection();
        expect(SQL_LANE_RESUME, "5|501|502", changed(1));
        expect(SQL_LANE_RESUME, "5|502|502", no_row());
        expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(NOTHING));
        expect(SQL_JOB_RECLAIM, "17|5|502|" STAGE_HOLDER, changed(1));
        expect_commit();
        assert_int_equal(run_turn(), TURN_E_LOST);
        end_play();
}

static void test_assigned_again(void **state) {
        (void) state;
        stage.runner.called[0] = 17;
        expect_take(CLAIMED("17"));
        assert_int_equal(run_turn(), TURN_E_LOST);
        assert_int_equal(stage.runs, 0);
        end_play();
}

/* The turn was to end: a lane that is gone is what was wanted; a job that was assigned is not. */
static void test_resume_at_the_end(void **state) {
        static const struct {
                int is_ours, r;
                const char *found;
        } rows[] = {{0, 0, NOTHING}, {1, 0, NOTHING}, {1, TURN_E_LOST, CLAIMED("18") "|f|A"}};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin_row();
                stage.on_run = stop_while_it_runs;
                expect_take(CLAIMED("17"));
                expect_finish(17, lost());
                expect(SQL_LANE_FREE, "5|501", aborted());
                expect_commit();
                expect_connection();
                expect(SQL_JOB_START, "17|*|*|*", no_row());
                expect_commit();
                expect_finish(17, row("17|" FINISHED));
                expect_commit();
                expect(SQL_LANE_RESUME, "5|501|502", changed(rows[i].is_ours));
                expect(SQL_LANE_RESUME, "5|502|502", no_row());
                expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(rows[i].found));
                expect_commit();
                if (rows[i].is_ours && !rows[i].r) {
                        expect(SQL_LANE_FREE, "5|502", changed(1));
                        expect_commit();
                }
                assert_int_equal(run_turn(), rows[i].r);
                assert_int_equal(turn.jobs, 1);
        }
        end_play();
}

/* Law 14: records that cannot be written end the worker after its job, not the job. */
static int leave_a_record(Runner *runner, const Job *job, RunResult *ret) {
        (void) runner;
        stage_record(job->id, "kept");
        *ret = stage_result(JOB_EV_FINISH_OK, "done");
        return 0;
}

static void test_records_left(void **state) {
        (void) state;
        stage.on_run = leave_a_record;
        expect_take(CLAIMED("17"));
        expect(SQL_HISTORY_RESERVE, "1", row("71"));
        expect_commit();
        for (int i = 0; i < 2; i++) { /* with the claim, and without it; its id is the same */
                expect(SQL_HISTORY_ADD, "[{\"id\":71,*", refused("XX000"));
                expect(SQL_HISTORY_RESERVE, "10", aborted());
                expect_commit();
        }
        expect_finish(17, row("17|" FINISHED));
        expect_commit();
        expect(SQL_LANE_RESUME, "5|501|502", changed(1));
        expect(SQL_LANE_RESUME, "5|502|502", no_row());
        expect(SQL_JOB_RESUME, "5|502|" STAGE_HOLDER, row(NOTHING));
        expect_commit();
        expect(SQL_LANE_FREE, "5|502", changed(1));
        expect_commit();
        assert_int_equal(run_turn(), 0);
        assert_int_equal(turn.is_worn, 1);
        assert_int_equal(ring_count(stage.runner.page), 1);
        end_play();
}

static int setup(void **state) {
        budget = 100;
        return stage_open(state);
}
#define turn_test(f) cmocka_unit_test_setup_teardown(f, setup, stage_close)

int main(void) {
        const struct CMUnitTest tests[] = {
                turn_test(test_not_taken),
                turn_test(test_empty),
                turn_test(test_jobs),
                turn_test(test_looks_at_all_again),
                turn_test(test_starts_a_program),
                turn_test(test_program_does_not_start),
                turn_test(test_program_that_does_not_stay),
                turn_test(test_stop_while_a_program_starts),
                turn_test(test_stop),
                turn_test(test_share),
                turn_test(test_budget),
                turn_test(test_locked_head),
                turn_test(test_locked_lane),
                turn_test(test_refused_claim),
                turn_test(test_refused_in_the_middle),
                turn_test(test_other_refusals),
                turn_test(test_lost_races),
                turn_test(test_worn),
                turn_test(test_resume),
                turn_test(test_resume_lost),
                turn_test(test_resume_refused),
                turn_test(test_undone),
                turn_test(test_undone_unseen),
                turn_test(test_assigned_again),
                turn_test(test_resume_at_the_end),
                turn_test(test_records_left),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
