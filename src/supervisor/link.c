/*
 * The link owns the supervisor's one connection, and its life: a thread connects, because libpq
 * looks names up in a way that blocks; watchers read and write; timers give up what does not
 * answer, and wait before the next attempt. The supervisor fetches what has come before the loop
 * waits. A batch whose connection is lost is answered as such, always; a thread that is connecting
 * at the end of the process cannot be ended, so that the process must leave by _exit().
 */
#include "supervisor/link.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"

#define NEWS_USEC (5 * USEC_PER_SEC)

static const Backoff policy = {.first_usec = 100 * USEC_PER_MSEC, .max_usec = 10 * USEC_PER_SEC};

/* What the connecting thread works on. */
typedef struct Attempt {
        const DbSettings *settings;
        struct ev_loop *loop;
        ev_async *done;
        Db *db;
        int result;
        DbError error;
} Attempt;

struct Link {
        struct ev_loop *loop;
        const DbSettings *settings;
        Async *async;
        int has_news_closed, has_news_up, has_news_down; /* not fetched yet; in this order */
        Attempt attempt;
        int is_attempting;
        pthread_t thread;
        unsigned failures;
        int has_been_told; /* that the database is away */
        DbError told;      /* why, as it was said last */
        usec_t told_usec;
        usec_t down_since_usec;
        ev_async connected;
        ev_io io;
        ev_timer retry;
        ev_timer deadline;
        ev_prepare before_wait;
};

static void *attempt_main(void *arg) {
        Attempt *attempt = arg;
        attempt->result = db_open(attempt->settings, &attempt->db, &attempt->error);
        ev_async_send(attempt->loop, attempt->done);
        return NULL;
}

static void schedule_retry(Link *link) {
        usec_t delay = backoff_delay(&policy, ++link->failures, (uint32_t) random());
        ev_timer_set(&link->retry, (double) delay / (double) USEC_PER_SEC, 0);
        ev_timer_start(link->loop, &link->retry);
}

static void log_down(Link *link, const DbError *error) {
        LogFields fields = {.message_id = LOG_ID_DATABASE_LOST,
                            .hint = error->is_refused ? sqlstate_refused_hint
                                                      : sqlstate_hint(error->class)};

        link->told = *error;
        link->told_usec = clock_now_usec();
        log_write(LOG_ERR, &fields, "%s (%s), trying again",
                  error->is_refused ? "the database refuses the connection"
                                    : "no connection to the database",
                  *error->message ? error->message : "lost");
}

/* What a person does next depends on the reason; one that changes all the time is no news. */
static int is_news(const Link *link, const DbError *error) {
        return strcmp(error->message, link->told.message) != 0 &&
               clock_now_usec() >= usec_add(link->told_usec, NEWS_USEC);
}

/* `was_up`: on_up was called before. */
static void tell_down(Link *link, const DbError *error, int was_up) {
        int is_new = !link->has_been_told;

        if (is_new)
                link->down_since_usec = clock_now_usec();
        if (is_new || is_news(link, error))
                log_down(link, error);
        link->has_been_told = 1;
        if (is_new || was_up)
                link->has_news_down = 1;
}

/* Signals are the loop's: the thread takes none. */
static void begin_attempt(Link *link) {
        sigset_t all, before;

        link->attempt =
                (Attempt){.settings = link->settings, .loop = link->loop, .done = &link->connected};
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&link->thread, NULL, attempt_main, &link->attempt);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r) {
                log_error_errno(-r, "could not start a thread to connect to the database");
                schedule_retry(link);
                return;
        }
        link->is_attempting = 1;
}

static void close_connection(Link *link) {
        Async *async = TAKE_PTR(link->async); /* callbacks find the link down */

        ev_io_stop(link->loop, &link->io);
        ev_timer_stop(link->loop, &link->deadline);
        (void) async_free(async);
}

static void go_down(Link *link) {
        DbError error = *async_error(link->async);

        close_connection(link);
        tell_down(link, &error, 1);
        schedule_retry(link);
}

/*
 * After anything that may have changed what we wait for. libev stops a watcher of its own accord
 * when the kernel has no memory for it: it is started again.
 */
static void rearm(Link *link) {
        int events = EV_READ | (async_wants_write(link->async) ? EV_WRITE : 0);
        if (link->io.events != events || !ev_is_active(&link->io)) {
                ev_io_stop(link->loop, &link->io);
                ev_io_set(&link->io, async_fd(link->async), events);
                ev_io_start(link->loop, &link->io);
        }
        usec_t until = async_deadline(link->async), now = clock_now_usec();
        ev_timer_stop(link->loop, &link->deadline);
        if (until != USEC_INFINITY) {
                ev_timer_set(&link->deadline, (double) usec_sub(until, now) / (double) USEC_PER_SEC,
                             0);
                ev_timer_start(link->loop, &link->deadline);
        }
}

static void exchange_messages(Link *link) {
        if (!link->async)
                return;
        if (async_step(link->async))
                go_down(link);
        else
                rearm(link);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events) {
        (void) loop;
        (void) events;
        exchange_messages(io->data);
}

/* Batches submitted in this turn of the loop go out before it waits. */
static void on_before_wait(struct ev_loop *loop, ev_prepare *prepare, int events) {
        Link *link = prepare->data;
        (void) loop;
        (void) events;
        if (link->async && async_pending(link->async) &&
            async_deadline(link->async) == USEC_INFINITY)
                exchange_messages(link);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events) {
        Link *link = timer->data;
        (void) loop;
        (void) events;
        if (!link->async)
                return;
        if (clock_now_usec() < async_deadline(link->async))
                rearm(link);
        else
                go_down(link);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events) {
        (void) loop;
        (void) events;
        begin_attempt(timer->data);
}

static void go_up(Link *link) {
        ev_io_init(&link->io, on_io, async_fd(link->async), EV_READ);
        link->io.data = link;
        ev_io_start(link->loop, &link->io);
        link->has_news_up = 1;
}

static void on_connected(struct ev_loop *loop, ev_async *watcher, int events) {
        Link *link = watcher->data;
        (void) loop;
        (void) events;
        if (!link->is_attempting)
                return;
        (void) pthread_join(link->thread, NULL); /* it has nothing left to do */
        link->is_attempting = 0;
        if (!link->attempt.result && !async_new(link->attempt.db, &link->async)) {
                go_up(link);
                return;
        }
        link->attempt.db = db_close(link->attempt.db);
        tell_down(link, &link->attempt.error, 0);
        schedule_retry(link);
}

int link_new(struct ev_loop *loop, const DbSettings *settings, Link **ret) {
        Link *link = calloc(1, sizeof(*link));
        if (!link)
                return error_origin(-ENOMEM);
        link->loop = loop;
        link->settings = settings;
        ev_async_init(&link->connected, on_connected);
        ev_timer_init(&link->retry, on_retry, 0, 0);
        ev_timer_init(&link->deadline, on_deadline, 0, 0);
        ev_prepare_init(&link->before_wait, on_before_wait);
        link->connected.data = link->retry.data = link->deadline.data = link->before_wait.data =
                link;
        ev_async_start(loop, &link->connected);
        ev_set_priority(&link->before_wait, LINK_PRIORITY);
        ev_prepare_start(loop, &link->before_wait);
        *ret = link;
        return 0;
}

Link *link_free(Link *link) {
        if (!link)
                return NULL;
        ev_async_stop(link->loop, &link->connected);
        ev_prepare_stop(link->loop, &link->before_wait);
        ev_timer_stop(link->loop, &link->retry);
        ev_timer_stop(link->loop, &link->deadline);
        if (link->async)
                close_connection(link);
        /*
         * A thread that is connecting cannot be ended, and may take its whole connect_timeout: what
         * it works on stays, and the process ends without it (link_is_attempting()).
         */
        if (!link->is_attempting)
                free(link);
        return NULL;
}

int link_is_attempting(const Link *link) {
        return link->is_attempting;
}

void link_start(Link *link) {
        begin_attempt(link);
}

int link_is_up(const Link *link) {
        return link->async != NULL;
}

int link_is_refused(const Link *link) {
        return !link->async && link->has_been_told && link->told.is_refused;
}

void link_reopen(Link *link) {
        close_connection(link);
        link->has_news_closed = 1;
        begin_attempt(link);
}

void link_confirm(Link *link) {
        link->failures = 0;
        if (link->has_been_told) {
                LogFields fields = {.message_id = LOG_ID_DATABASE_BACK};
                log_write(LOG_NOTICE, &fields, "connected to the database again after %.1f s",
                          (double) (clock_now_usec() - link->down_since_usec) /
                                  (double) USEC_PER_SEC);
        }
        link->has_been_told = 0;
}

int link_submit(Link *link, Batch *batch, AsyncDone done, void *userdata, int64_t number) {
        if (!link->async) {
                batch_done(batch);
                return -ENOTCONN;
        }
        return async_submit(link->async, batch, done, userdata, number);
}

LinkNews link_next_news(Link *link) {
        if (link->has_news_closed) {
                link->has_news_closed = 0;
                return LINK_CLOSED;
        }
        if (link->has_news_up) {
                link->has_news_up = 0;
                return LINK_UP;
        }
        if (link->has_news_down) {
                link->has_news_down = 0;
                return LINK_DOWN;
        }
        return LINK_NO_NEWS;
}

char *link_next_notice(Link *link) {
        return link->async ? async_next_notice(link->async) : NULL;
}
