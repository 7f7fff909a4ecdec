/*
 * What stands in for libpq in test-exchange.c: a server that keeps its prepared statements, aborts
 * the rest of a batch after an error, and can be gone at any message. It answers in the order in
 * which libpq's pipeline mode does.
 */
#pragma once

#include <libpq-fe.h>

#define MESSAGES_MAX 64

typedef struct Message {
        enum { MESSAGE_PREPARE, MESSAGE_EXECUTE, MESSAGE_SYNC } type;
        char name[64];
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
        char prepared[16][64];
        int n_prepared;
        int fds[2];
        int n_notifies;
};

/* The only connection there is. */
extern struct pg_conn server;

/* What was not given back. */
extern int live_results, connections;
