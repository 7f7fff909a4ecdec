/*
 * A stand-in for libpq: a server that keeps its prepared statements, aborts the rest of a batch
 * after an error, and can be gone at any message. It answers in the order in which libpq's pipeline
 * mode does. A test says what happens in one of two ways:
 *
 * - By a Script: every statement is answered with the same two rows, and faults are counted in
 *   messages since the connection (test-exchange.c).
 * - By a play: each statement that is to come, its parameters, and its answer:
 *
 *         expect_connection();
 *         expect(SQL_LANE_TAKE, "1|9|4242|77|*", changed(1));
 *         expect(SQL_JOB_CLAIM, "1|*|host|4242|0", row("17|17|1|Test.Model|2|{}|0"));
 *         expect_commit();
 *         ... what is tested ...
 *         end_play();
 *
 *   Anything else that is sent fails the test at once, and says what was expected.
 */
#pragma once

#include <libpq-fe.h>

#include "db/batch.h"

#define MESSAGES_MAX 1024

/* What a statement of a play is answered with. */
typedef struct Answer {
        enum { ANSWER_ROWS, ANSWER_ERROR, ANSWER_LOSS, ANSWER_SILENCE } kind;
        const char *rows; /* lines of "17|text|NULL" */
        int changed;
        const char *sqlstate;
} Answer;

Answer row(const char *columns); /* or several, a line each */
Answer no_row(void);
Answer changed(int rows);
Answer refused(const char *sqlstate); /* an error: the statements behind it are aborted */
Answer aborted(void);                 /* what stands behind one that was refused, or is lost */
Answer lost(void);                    /* the connection goes; what the server did is not known */
Answer silence(void);                 /* no answer, ever */

/* Next a connection is opened, or an attempt is refused. */
void expect_connection(void);
void expect_refused_connection(void);

/* Next this statement comes. Parameters as in a row; "*" is any value. */
void expect(SqlId statement, const char *parameters, Answer answer);

/* What was expected since the last one is one transaction, which ends here. */
void expect_commit(void);

/* Everything that was expected has happened, and everything was given back but the connection. */
void end_play(void);

/* Forgets what was expected: for the setup of a test. */
void begin_play(void);

typedef struct Message {
        enum { MESSAGE_PREPARE, MESSAGE_EXECUTE, MESSAGE_SYNC } type;
        char name[64];
        const Answer *answer; /* of a play */
} Message;

/* What goes wrong, counted in messages since the connection. */
typedef struct Script {
        int error_at; /* from 1; 0: never */
        const char *sqlstate;
        int lost_at;    /* the server is gone instead of answering this one */
        int no_send_at; /* cannot even be sent */
        int silent_at;  /* no answer to this one, ever */
        int is_refused; /* no connection at all */
        int batches;    /* errors repeat in so many batches */
        int is_played;  /* no script: what was expected happens */
} Script;

struct pg_conn {
        Script script;
        ConnStatusType status;
        Message messages[MESSAGES_MAX];
        int n, answered, sent;
        int is_ended; /* the NULL after the last result was given */
        int is_aborted;
        int simple;  /* of a query outside pipeline mode: 2: its result is due, 1: the NULL */
        int arrived; /* results that may be taken before PQconsumeInput() */
        int is_trickling;
        unsigned char prepared[_SQL_MAX];
        int fds[2];
        int n_notifies;
};

/* The only connection there is. */
extern struct pg_conn server;

/* What was not given back. */
extern int live_results, connections;
