/* A worker's connection, and what becomes of it: worker/session.h. */
#include "stage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "db/pg.h"

static int run(SqlId statement) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, statement);
        batch_int(&batch, 7);
        int r = session_run(&stage.runner.session, &batch, &reply);
        assert_int_equal(batch.n, 0);
        assert_int_equal(reply.error.class, r);
        return r;
}

static void test_statement(void **state) {
        (void) state;
        expect(SQL_JOB_STATUS, "7", row("GO|NULL"));
        expect_commit();
        assert_int_equal(run(SQL_JOB_STATUS), 0);
        end_play();
}

/* Who has a job: a start whose answer was lost takes only its own for one. */
static void test_holder(void **state) {
        static const struct {
                const char *row;
                int is_held;
        } rows[] = {
                {"GO|NULL|" STAGE_HOLDER, 1},
                {"GO|NULL|other.example|4242", 0},
                {"GO|NULL|host.example|4243", 0},
                {"Q|NULL|NULL|NULL", 0},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(db_reply_donep) DbReply reply = {0};
                Batch batch = {0};

                job_status_add(&batch, 7);
                expect(SQL_JOB_STATUS, "7", row(rows[i].row));
                expect_commit();
                assert_int_equal(session_run(&stage.runner.session, &batch, &reply), 0);
                assert_int_equal(job_status_is_held(reply.results[0], stage.runner.holder),
                                 rows[i].is_held);
        }
        end_play();
}

/* What time mends closes the connection, so that the next one may find another server. */
static void test_what_closes(void **state) {
        static const struct {
                Answer answer;
                int class, is_closed, is_passing;
        } rows[] = {
                {{.kind = ANSWER_LOSS}, DB_E_UNAVAILABLE, 1, 1},
                {{.kind = ANSWER_SILENCE}, DB_E_UNAVAILABLE, 1, 1},
                {{.kind = ANSWER_ERROR, .sqlstate = "57P01"}, DB_E_UNAVAILABLE, 1, 1},
                {{.kind = ANSWER_ERROR, .sqlstate = "25006"}, DB_E_UNAVAILABLE, 1, 1},
                {{.kind = ANSWER_ERROR, .sqlstate = "53100"}, DB_E_FULL, 1, 1},
                {{.kind = ANSWER_ERROR, .sqlstate = "23503"}, DB_E_GONE, 0, 0},
                {{.kind = ANSWER_ERROR, .sqlstate = "42P01"}, DB_E_SCHEMA, 0, 0},
                {{.kind = ANSWER_ERROR, .sqlstate = "XX000"}, -EBADMSG, 0, 0},
        };
        Session *session = &stage.runner.session;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                session_begin(session);
                expect(SQL_JOB_STATUS, "7", rows[i].answer);
                expect_commit();
                assert_int_equal(run(SQL_JOB_STATUS), rows[i].class);
                assert_int_equal(session->error.class, rows[i].class);
                assert_int_equal(session->is_lost, rows[i].is_closed);
                assert_int_equal(!session->db, rows[i].is_closed);
                assert_int_equal(session_is_passing(rows[i].class), rows[i].is_passing);
                if (!rows[i].is_closed)
                        continue;
                assert_int_equal(connections, 0);
                expect_connection();
                assert_int_equal(session_connect(session), 0);
                assert_int_equal(session->is_lost, 1); /* until the next job begins */
        }
        end_play();
}

/* A lock is not the connection's fault: three attempts, and it stays. */
static void test_lock(void **state) {
        (void) state;
        for (int i = 0; i < 3; i++) {
                expect(SQL_JOB_STATUS, "7", refused("55P03"));
                expect_commit();
        }
        assert_int_equal(run(SQL_JOB_STATUS), DB_E_RETRY);
        assert_non_null(stage.runner.session.db);
        assert_int_equal(session_is_passing(DB_E_RETRY), 1);
        end_play();
}

static void test_without_a_connection(void **state) {
        (void) state;
        session_close(&stage.runner.session);
        assert_int_equal(run(SQL_JOB_STATUS), DB_E_UNAVAILABLE);
        assert_string_equal(stage.runner.session.error.message, "not connected");
        end_play();
}

/* session_try() leaves the server alone during the pause; session_connect() does not. */
static void test_pauses(void **state) {
        static const usec_t pauses[] = {1, 2, 4, 5, 5};
        Session *session = &stage.runner.session;

        (void) state;
        session_close(session);
        for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
                expect_refused_connection();
                assert_int_equal(session_try(session), DB_E_UNAVAILABLE);
                assert_string_equal(session->error.message,
                                    "server closed the connection unexpectedly");
                usec_t pause = session_pause(session, stage.now_usec);
                assert_in_range(pause, pauses[i] * USEC_PER_SEC - USEC_PER_MSEC,
                                pauses[i] * USEC_PER_SEC);
                stage.now_usec += pause - 100;
                assert_int_equal(session_try(session), DB_E_UNAVAILABLE);
                stage.now_usec += 100;
        }
        expect_connection();
        assert_int_equal(session_try(session), 0);
        assert_int_equal(session_pause(session, 0), 0);
        assert_int_equal(session->failures, 0);

        session_close(session);
        expect_refused_connection();
        assert_int_equal(session_connect(session), DB_E_UNAVAILABLE);
        expect_connection();
        assert_int_equal(session_connect(session), 0);
        end_play();
}

/* A plugin has closed the socket, and its number is a file now: nothing is to be written there. */
static void test_descriptor_of_another(void **state) {
        Session *session = &stage.runner.session;
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void) state;
        assert_true(null >= 0);
        assert_int_equal(dup2(null, session->socket.fd), session->socket.fd);
        assert_int_equal(session_is_alive(session), 0);
        Db *left = session->db;
        assert_int_equal(run(SQL_JOB_STATUS), DB_E_UNAVAILABLE);
        assert_string_equal(session->error.message,
                            "the plugin has closed the worker's connection");
        assert_int_equal(session->is_lost, 1);
        assert_int_equal(connections, 1); /* no goodbye, and no close */
        assert_true(fcntl(server.fds[0], F_GETFD) >= 0);
        db_close(left);
        (void) close(null);
        end_play();
}

static void test_close_of_another(void **state) {
        Session *session = &stage.runner.session;
        Db *left = session->db;

        (void) state;
        (void) dup2(server.fds[1], session->socket.fd);
        (void) close(session->socket.fd);
        session_close(session);
        assert_null(session->db);
        assert_int_equal(connections, 1);
        db_close(left);
        end_play();
}

static void test_idle(void **state) {
        (void) state;
        assert_int_equal(session_is_alive(&stage.runner.session), 1);
        server.status = CONNECTION_BAD;
        assert_int_equal(session_is_alive(&stage.runner.session), 0);
        session_close(&stage.runner.session);
        assert_int_equal(session_is_alive(&stage.runner.session), 1); /* none was lost */
        end_play();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                stage_test(test_statement),
                stage_test(test_holder),
                stage_test(test_what_closes),
                stage_test(test_lock),
                stage_test(test_without_a_connection),
                stage_test(test_pauses),
                stage_test(test_descriptor_of_another),
                stage_test(test_close_of_another),
                stage_test(test_idle),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
