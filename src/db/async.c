/*
 * A ring of requests. The first `sent` of them are on their way to the server; replies come in the
 * same order. Few are sent ahead, so that a dead connection is noticed by the oldest one's
 * deadline.
 */
#include "db/async.h"

#include <errno.h>
#include <string.h>

#include "util/error.h"

#define QUEUE_SIZE 1024 /* notes about every worker of a large pool, with room */

typedef struct Request {
        Batch batch;
        AsyncDone done;
        void *userdata;
        int64_t number;
} Request;

struct Async {
        Db *db;
        Request *queue[QUEUE_SIZE];
        size_t head, n;
        int is_sent; /* the first of the queue is on its way */
        usec_t sent_usec;
        Exchange exchange;
        DbReply reply;
        int is_lost;
};

int async_new(Db *db, Async **ret) {
        Async *async = calloc(1, sizeof(*async));
        if (!async)
                return error_origin(-ENOMEM);
        async->db = db;
        *ret = async;
        return 0;
}

static Request *pop(Async *async) {
        Request *request = async->queue[async->head];
        async->head = (async->head + 1) % QUEUE_SIZE;
        async->n--;
        async->is_sent = 0;
        return request;
}

/* Answers the first request; the callback may submit more. */
static void answer(Async *async) {
        Request *request = pop(async);
        DbReply reply = async->reply;

        async->reply = (DbReply){0};
        request->done(&reply, request->userdata, request->number);
        db_reply_done(&reply);
        batch_done(&request->batch);
        free(request);
}

Async *async_free(Async *async) {
        if (async) {
                async->is_lost = 1;
                while (async->n) {
                        exchange_lost(&async->db->link, &async->reply);
                        answer(async);
                }
                db_reply_done(&async->reply);
                async->db = db_close(async->db);
                free(async);
        }
        return NULL;
}

int async_submit(Async *async, Batch *batch, AsyncDone done, void *userdata, int64_t number) {
        int r = batch->error;
        if (!r && async->is_lost)
                r = -ENOTCONN;
        if (!r && async->n == QUEUE_SIZE)
                r = -ENOBUFS;
        Request *request = r ? NULL : malloc(sizeof(*request));
        if (!request) {
                batch_done(batch);
                return error_origin(r ? r : -ENOMEM);
        }
        *request = (Request){.batch = *batch, .done = done, .userdata = userdata, .number = number};
        *batch = (Batch){0};
        async->queue[(async->head + async->n++) % QUEUE_SIZE] = request;
        return 0;
}

char *async_next_notice(Async *async) {
        PGnotify *notify = async->is_lost ? NULL : PQnotifies(async->db->link.conn);
        char *payload = notify ? strdup(notify->extra) : NULL;

        PQfreemem(notify);
        return payload;
}

static void send_first(Async *async) {
        async->is_sent = 1;
        async->sent_usec = clock_now_usec();
        if (exchange_send(&async->exchange, &async->db->link, &async->queue[async->head]->batch,
                          &async->reply))
                async->is_lost = 1;
}

/* Takes what has arrived for the request on its way, and sends the next one. */
static void work(Async *async) {
        for (;;) {
                if (!async->is_sent && async->n)
                        send_first(async);
                if (async->is_lost || !async->is_sent)
                        return;
                if (!exchange_feed(&async->exchange, &async->db->link,
                                   &async->queue[async->head]->batch, &async->reply))
                        return;
                if (async->reply.error.class == DB_E_UNAVAILABLE) {
                        async->is_lost = 1;
                        return; /* async_free() answers it */
                }
                answer(async);
        }
}

int async_step(Async *async) {
        PGconn *conn = async->db->link.conn;

        if (!async->is_lost && !PQconsumeInput(conn)) {
                exchange_lost(&async->db->link, &async->reply);
                async->is_lost = 1;
        }
        if (!async->is_lost)
                work(async);
        if (!async->is_lost && (PQflush(conn) < 0 || PQstatus(conn) == CONNECTION_BAD)) {
                exchange_lost(&async->db->link, &async->reply);
                async->is_lost = 1;
        }
        return async->is_lost ? DB_E_UNAVAILABLE : 0;
}

int async_fd(const Async *async) {
        return PQsocket(async->db->link.conn);
}

int async_wants_write(const Async *async) {
        return !async->is_lost && PQflush(async->db->link.conn) == 1;
}

usec_t async_deadline(const Async *async) {
        return async->is_sent ? usec_add(async->sent_usec, async->db->deadline_usec)
                              : USEC_INFINITY;
}

size_t async_pending(const Async *async) {
        return async->n;
}

const DbError *async_error(const Async *async) {
        return &async->reply.error;
}
