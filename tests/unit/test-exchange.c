/* The error paths of db, without a server: see scripted-libpq.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/async.h"
#include "db/db.h"
#include "scripted-libpq.h"

static Db *open_db(Script script) {
        static const DbSettings settings = {.conninfo = "", .statement_usec = 0};
        DbError error = {0};
        Db *db = NULL;

        server = (struct pg_conn){.script = script};
        assert_int_equal(db_open(&settings, &db, &error), 0);
        db->deadline_usec = USEC_PER_SEC / 10;
        return db;
}

static void close_db(Db *db) {
        db_close(db);
        assert_int_equal(live_results, 0);
        assert_int_equal(connections, 0);
}

/* Three statements; the first two are the same one. */
static Batch three(void) {
        Batch batch = {0};
        batch_add(&batch, SQL_JOB_CLAIM);
        batch_int(&batch, 1);
        batch_add(&batch, SQL_JOB_CLAIM);
        batch_add(&batch, SQL_JOB_FINISH);
        return batch;
}

/* Messages of three(): P claim, X claim, X claim, P finish, X finish, sync. */
static void run_three(Db *db, int class, const char *where) {
        Batch batch = three();
        DbReply reply;

        assert_int_equal(db_run(db, &batch, &reply), class);
        assert_int_equal(reply.error.class, class);
        assert_int_equal(batch.n, 0);
        if (where)
                assert_string_equal(reply.error.where, where);
        if (!class)
                assert_int_equal(reply.n, 3);
        db_reply_done(&reply);
        assert_int_equal(live_results, 0);
}

static void test_normal(void **state) {
        Db *db = open_db((Script){0});
        Batch batch = three();
        DbReply reply;

        (void) state;
        assert_int_equal(db_run(db, &batch, &reply), 0);
        assert_int_equal(reply.n, 3);
        assert_int_equal(server.n, 6);
        assert_int_equal(db_rows(&reply, 2), 2);
        assert_int_equal(db_rows(&reply, 3), 0);
        assert_int_equal(db_affected(&reply, 0), 3);
        assert_int_equal(db_affected(&reply, 3), 0);
        assert_int_equal(db_int(reply.results[0], 0, 0), 17);
        assert_int_equal(db_int(reply.results[0], 0, 3), 0);
        assert_int_equal(db_int(reply.results[0], 1, 0), 0);
        assert_int_equal(db_bool(reply.results[0], 0, 1), 1);
        assert_int_equal(db_bool(reply.results[0], 0, 2), 0);
        assert_int_equal(db_bool(reply.results[0], 1, 1), 0);
        assert_string_equal(db_text(reply.results[0], 0, 3), "word");
        assert_null(db_text(reply.results[0], 1, 3));
        db_reply_done(&reply);
        run_three(db, 0, NULL);
        assert_int_equal(server.n, 6 + 4); /* prepared once */
        close_db(db);
}

static void test_results_that_trickle_in(void **state) {
        Db *db = open_db((Script){0});

        (void) state;
        server.is_trickling = 1;
        run_three(db, 0, NULL);
        run_three(db, 0, NULL);
        close_db(db);
}

/* Wherever the batch fails, the next one finds what is prepared and what is not. */
static void test_errors(void **state) {
        static const struct {
                int at;
                const char *sqlstate;
                int class;
                const char *where;
        } rows[] = {
                {1, "42P01", DB_E_SCHEMA, "job_claim"},   {2, "40001", DB_E_RETRY, "job_claim"},
                {3, "23505", DB_E_CONFLICT, "job_claim"}, {4, "42P01", DB_E_SCHEMA, "job_finish"},
                {5, "23503", DB_E_GONE, "job_finish"},    {5, "XX000", -EBADMSG, "job_finish"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Db *db = open_db((Script){.error_at = rows[i].at, .sqlstate = rows[i].sqlstate});
                Batch batch = three();
                DbReply reply;
                server.is_trickling = (int) i % 2;
                assert_int_equal(db_run(db, &batch, &reply), rows[i].class);
                assert_string_equal(reply.error.sqlstate, rows[i].sqlstate);
                assert_string_equal(reply.error.where, rows[i].where);
                assert_string_equal(reply.error.message, "primary message");
                db_reply_done(&reply);
                run_three(db, 0, NULL);
                run_three(db, 0, NULL);
                close_db(db);
        }
}

static void test_lost_in_the_middle(void **state) {
        (void) state;
        for (int at = 1; at <= 6; at++) {
                Db *db = open_db((Script){.lost_at = at});
                Batch batch = three();
                DbReply reply;
                assert_int_equal(db_run(db, &batch, &reply), DB_E_UNAVAILABLE);
                assert_string_equal(reply.error.sqlstate, "");
                assert_string_equal(reply.error.message, "connection to server was lost");
                db_reply_done(&reply);
                run_three(db, DB_E_UNAVAILABLE, NULL); /* and stays lost */
                close_db(db);
        }
}

/* The first error is the one that is told. */
static void test_error_then_lost(void **state) {
        Db *db = open_db((Script){.error_at = 2, .sqlstate = "23505", .lost_at = 4});

        (void) state;
        run_three(db, DB_E_CONFLICT, "job_claim");
        run_three(db, DB_E_UNAVAILABLE, NULL);
        close_db(db);
}

/* An error of libpq itself, as without memory: it may wait for a sync that it has lost. */
static void test_error_of_libpq(void **state) {
        Db *db = open_db((Script){.error_at = 3, .sqlstate = "", .silent_at = 4});
        Batch batch = three();
        DbReply reply;

        (void) state;
        assert_int_equal(db_run(db, &batch, &reply), DB_E_UNAVAILABLE);
        assert_true(*reply.error.message);
        assert_null(strstr(reply.error.message, "no answer within"));
        db_reply_done(&reply);
        close_db(db);
}

/* What is left of the answer is not that of the next batch. */
static void test_no_answer_of_another_batch(void **state) {
        Db *db = open_db((Script){.error_at = 3, .sqlstate = ""});

        (void) state;
        run_three(db, DB_E_UNAVAILABLE, "job_claim");
        run_three(db, DB_E_UNAVAILABLE, NULL);
        close_db(db);
}

static void test_cannot_be_sent(void **state) {
        (void) state;
        for (int at = 1; at <= 6; at++) {
                Db *db = open_db((Script){.no_send_at = at});
                Batch batch = three();
                DbReply reply;
                assert_int_equal(db_run(db, &batch, &reply), DB_E_UNAVAILABLE);
                assert_string_equal(reply.error.message, "server closed the connection");
                db_reply_done(&reply);
                close_db(db);
        }
}

static void test_no_answer(void **state) {
        Db *db = open_db((Script){.silent_at = 3});
        Batch batch = three();
        DbReply reply;

        (void) state;
        assert_int_equal(db_run(db, &batch, &reply), DB_E_UNAVAILABLE);
        assert_non_null(strstr(reply.error.message, "no answer within"));
        db_reply_done(&reply);
        close_db(db);
}

static void test_no_connection(void **state) {
        const DbSettings settings = {.conninfo = ""};
        DbError error = {0};
        Db *db = NULL;

        (void) state;
        server = (struct pg_conn){.script = {.is_refused = 1}};
        assert_int_equal(db_open(&settings, &db, &error), DB_E_UNAVAILABLE);
        assert_null(db);
        assert_int_equal(error.class, DB_E_UNAVAILABLE);
        assert_string_equal(error.message, "server closed the connection unexpectedly");
        assert_int_equal(connections, 0);
}

static void test_retry(void **state) {
        static const struct {
                const char *sqlstate;
                int batches, class, messages;
        } rows[] = {
                {"40P01", 1, 0, 6 + 5}, /* job_finish was not prepared yet */
                {"40P01", 2, 0, 6 + 5 + 5},
                {"40P01", 3, DB_E_RETRY, 6 + 5 + 5},
                {"23505", 1, DB_E_CONFLICT, 6},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Db *db = open_db((Script){
                        .error_at = 2, .sqlstate = rows[i].sqlstate, .batches = rows[i].batches});
                Batch batch = three();
                DbReply reply;
                assert_int_equal(db_run_retry(db, &batch, &reply), rows[i].class);
                assert_int_equal(server.n, rows[i].messages);
                assert_int_equal(reply.n, rows[i].class ? 0 : 3);
                assert_int_equal(reply.error.class, rows[i].class);
                assert_int_equal(batch.n, 0);
                db_reply_done(&reply);
                close_db(db);
        }
}

static void test_batch_that_could_not_be_built(void **state) {
        Db *db = open_db((Script){0});
        Batch batch = {0};
        DbReply reply;

        (void) state;
        batch_int(&batch, 1);
        assert_int_equal(db_run(db, &batch, &reply), -E2BIG);
        assert_int_equal(server.n, 0);
        db_reply_done(&reply);
        close_db(db);
}

typedef struct Seen {
        int n, classes[8], notifies;
        int64_t numbers[8];
} Seen;

static void on_done(const DbReply *reply, void *userdata, int64_t number) {
        Seen *seen = userdata;
        seen->classes[seen->n] = reply->error.class;
        seen->numbers[seen->n++] = number;
}

static Async *open_async(Script script) {
        Async *async = NULL;
        assert_int_equal(async_new(open_db(script), &async), 0);
        return async;
}

static void submit(Async *async, Seen *seen, int64_t number) {
        Batch batch = three();
        assert_int_equal(async_submit(async, &batch, on_done, seen, number), 0);
        assert_int_equal(batch.n, 0);
}

static void test_async(void **state) {
        Seen seen = {0};
        Async *async = open_async((Script){.error_at = 5, .sqlstate = "23505"});

        (void) state;
        for (int64_t number = 1; number <= 3; number++)
                submit(async, &seen, number);
        server.n_notifies = 2;
        assert_int_equal(async_pending(async), 3);
        assert_true(async_deadline(async) == USEC_INFINITY);
        assert_int_equal(async_step(async), 0);
        assert_int_equal(seen.n, 3);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(seen.numbers[i], i + 1);
                assert_int_equal(seen.classes[i], i ? 0 : DB_E_CONFLICT);
        }
        for (int i = 0; i < 2; i++) {
                char *payload = async_next_notice(async);
                assert_string_equal(payload, "queued 2");
                free(payload);
        }
        assert_null(async_next_notice(async));
        assert_int_equal(async_pending(async), 0);
        assert_true(async_deadline(async) == USEC_INFINITY);
        async_free(async);
        close_db(NULL);
}

static void test_async_lost(void **state) {
        (void) state;
        for (int at = 1; at <= 12; at++) {
                Seen seen = {0};
                Async *async = open_async((Script){.lost_at = at});
                for (int64_t number = 1; number <= 3; number++)
                        submit(async, &seen, number);
                assert_int_equal(async_step(async), DB_E_UNAVAILABLE);
                assert_int_equal(async_step(async), DB_E_UNAVAILABLE);
                assert_int_equal(async_error(async)->class, DB_E_UNAVAILABLE);
                Batch batch = three();
                assert_int_equal(async_submit(async, &batch, on_done, &seen, 9), -ENOTCONN);
                async_free(async);
                assert_int_equal(seen.n, 3); /* every one is answered, once */
                for (int i = 0; i < 3; i++) {
                        assert_int_equal(seen.numbers[i], i + 1);
                        assert_int_equal(seen.classes[i],
                                         i >= (at > 6) + (at > 10) ? DB_E_UNAVAILABLE : 0);
                }
                close_db(NULL);
        }
}

/* The server says goodbye before the socket does. */
static void test_async_shutdown(void **state) {
        Seen seen = {0};
        Async *async = open_async((Script){.error_at = 2, .sqlstate = "57P01"});

        (void) state;
        submit(async, &seen, 1);
        submit(async, &seen, 2);
        assert_int_equal(async_step(async), DB_E_UNAVAILABLE);
        assert_string_equal(async_error(async)->sqlstate, "57P01");
        async_free(async);
        assert_int_equal(seen.n, 2);
        assert_int_equal(seen.classes[0], DB_E_UNAVAILABLE);
        assert_int_equal(seen.classes[1], DB_E_UNAVAILABLE);
        close_db(NULL);
}

static void test_async_deadline(void **state) {
        Seen seen = {0};
        Async *async = open_async((Script){.silent_at = 2});
        usec_t before = clock_now_usec();

        (void) state;
        submit(async, &seen, 1);
        assert_int_equal(async_step(async), 0);
        assert_int_equal(seen.n, 0);
        assert_true(async_deadline(async) >= before + USEC_PER_SEC / 10);
        assert_true(async_deadline(async) <= clock_now_usec() + USEC_PER_SEC / 10);
        async_free(async);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.classes[0], DB_E_UNAVAILABLE);
        close_db(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_normal),
                cmocka_unit_test(test_results_that_trickle_in),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_lost_in_the_middle),
                cmocka_unit_test(test_error_then_lost),
                cmocka_unit_test(test_error_of_libpq),
                cmocka_unit_test(test_no_answer_of_another_batch),
                cmocka_unit_test(test_cannot_be_sent),
                cmocka_unit_test(test_no_answer),
                cmocka_unit_test(test_no_connection),
                cmocka_unit_test(test_retry),
                cmocka_unit_test(test_batch_that_could_not_be_built),
                cmocka_unit_test(test_async),
                cmocka_unit_test(test_async_lost),
                cmocka_unit_test(test_async_shutdown),
                cmocka_unit_test(test_async_deadline),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
