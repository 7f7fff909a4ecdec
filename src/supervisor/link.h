/*
 * The supervisor's line to the database: connects in a thread (names are looked up and certificates
 * checked there, where nothing waits for it), listens, reconnects with back-off, and says once when
 * it is lost and once when it serves again: a server that takes connections and then nothing else
 * is as good as away.
 */
#pragma once

#include <ev.h>

#include "core/backoff.h"
#include "db/async.h"

/* What has become of the connection since it was asked the last time. */
typedef enum LinkNews {
        LINK_NO_NEWS,
        LINK_CLOSED, /* by link_reopen() */
        LINK_UP,     /* connected and listening */
        LINK_DOWN,   /* lost, or the first attempt failed */
} LinkNews;

typedef struct Link Link;

/*
 * `settings` must outlive the link. What has come is fetched before the loop waits, by
 * link_next_news() and link_next_notice(), in a prepare watcher whose priority is above
 * LINK_PRIORITY: what is submitted there goes out before the loop waits.
 */
#define LINK_PRIORITY 0
int link_new(struct ev_loop *loop, const DbSettings *settings, Link **ret);
Link *link_free(Link *link);
DEFINE_CLEANUP(Link, link_free)

/* Begins to connect. */
void link_start(Link *link);

int link_is_up(const Link *link);

/* 1 while it is down because the server does not take the connection, and has said why not. */
int link_is_refused(const Link *link);

/*
 * Closes a connection that is up and connects at once, with the settings as they are now. Nothing
 * is said in the log, as nothing failed.
 */
void link_reopen(Link *link);

/* The server has done what it was asked: the back-off begins anew, and the log says "again". */
void link_confirm(Link *link);

/*
 * 1 while a thread connects: it works on the settings and the loop, which must stay, and the
 * process must end by _exit().
 */
int link_is_attempting(const Link *link);

/* The oldest news. */
LinkNews link_next_news(Link *link);

/* The payload of the oldest notification, which the caller frees; NULL: none. */
char *link_next_notice(Link *link);

/* As async_submit(); -ENOTCONN while the link is down. The batch is emptied in any case. */
int link_submit(Link *link, Batch *batch, AsyncDone done, void *userdata, int64_t number);
