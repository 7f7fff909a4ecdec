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

typedef struct LinkEvents {
        void (*on_up)(void *userdata);   /* connected and listening */
        void (*on_down)(void *userdata); /* lost after on_up, or the first attempt failed */
        void (*on_notify)(const char *payload, void *userdata);
        void *userdata;
} LinkEvents;

typedef struct Link Link;

/* `settings` must outlive the link. */
int link_new(struct ev_loop *loop, const DbSettings *settings, const LinkEvents *events,
             Link **ret);
Link *link_free(Link *link);
DEFINE_CLEANUP(Link, link_free)

/* Begins to connect. */
void link_start(Link *link);

int link_is_up(const Link *link);

/* The server has done what it was asked: the back-off begins anew, and "lost" is over. */
void link_confirm(Link *link);

/* 1 while a thread connects: a process that ends now must do so by _exit(). */
int link_is_attempting(const Link *link);

/* As async_submit(); -ENOTCONN while the link is down. The batch is emptied in any case. */
int link_submit(Link *link, Batch *batch, AsyncDone done, void *userdata, int64_t number);

/* The same, before everything that waits: for what others wait for, the heartbeat. */
int link_submit_first(Link *link, Batch *batch, AsyncDone done, void *userdata, int64_t number);

/* The same, behind everything, what comes later too: for what nobody waits for. */
int link_submit_last(Link *link, Batch *batch, AsyncDone done, void *userdata, int64_t number);
