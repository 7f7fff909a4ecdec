#include "supervisor/link.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"

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
        LinkEvents events;
        Async *async;
        Attempt attempt;
        int is_attempting;
        pthread_t thread;
        unsigned failures;
        int has_been_told; /* that the database is away */
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
                            .hint = sqlstate_hint(error->class)};

        link->has_been_told = 1;
        link->down_since_usec = clock_now_usec();
        log_write(LOG_ERR, &fields, "no connection to the database (%s), trying again",
                  *error->message ? error->message : "lost");
}

/* `was_up`: on_up was called before. */
static void tell_down(Link *link, const DbError *error, int was_up) {
        int is_new = !link->has_been_told;

        if (is_new)
                log_down(link, error);
        if (is_new || was_up)
                link->events.on_down(link->events.userdata);
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

static void go_down(Link *link) {
        DbError error = *async_error(link->async);

        ev_io_stop(link->loop, &link->io);
        ev_timer_stop(link->loop, &link->deadline);
        Async *async = TAKE_PTR(link->async); /* callbacks find the link down */
        (void) async_free(async);
        tell_down(link, &error, 1);
        schedule_retry(link);
}

/* After anything that may have changed what we wait for. */
static void rearm(Link *link) {
        int events = EV_READ | (async_wants_write(link->async) ? EV_WRITE : 0);
        if (link->io.events != events) {
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

static void step(Link *link) {
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
        step(io->data);
}

/* Batches submitted in this turn of the loop go out before it waits. */
static void on_before_wait(struct ev_loop *loop, ev_prepare *prepare, int events) {
        Link *link = prepare->data;
        (void) loop;
        (void) events;
        if (link->async && async_pending(link->async) &&
            async_deadline(link->async) == USEC_INFINITY)
                step(link);
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
        link->events.on_up(link->events.userdata);
}

static void on_connected(struct ev_loop *loop, ev_async *watcher, int events) {
        Link *link = watcher->data;
        (void) loop;
        (void) events;
        if (!link->is_attempting)
                return;
        (void) pthread_join(link->thread, NULL); /* it has nothing left to do */
        link->is_attempting = 0;
        if (!link->attempt.result && !async_new(link->attempt.db, link->events.on_notify,
                                                link->events.userdata, &link->async)) {
                go_up(link);
                return;
        }
        link->attempt.db = db_close(link->attempt.db);
        tell_down(link, &link->attempt.error, 0);
        schedule_retry(link);
}

int link_new(struct ev_loop *loop, const DbSettings *settings, const LinkEvents *events,
             Link **ret) {
        Link *link = calloc(1, sizeof(*link));
        if (!link)
                return error_origin(-ENOMEM);
        link->loop = loop;
        link->settings = settings;
        link->events = *events;
        ev_async_init(&link->connected, on_connected);
        ev_timer_init(&link->retry, on_retry, 0, 0);
        ev_timer_init(&link->deadline, on_deadline, 0, 0);
        ev_prepare_init(&link->before_wait, on_before_wait);
        link->connected.data = link->retry.data = link->deadline.data = link->before_wait.data =
                link;
        ev_async_start(loop, &link->connected);
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
        if (link->async) {
                ev_io_stop(link->loop, &link->io);
                Async *async = TAKE_PTR(link->async);
                (void) async_free(async);
        }
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

int link_submit_first(Link *link, Batch *batch, AsyncDone done, void *userdata, int64_t number) {
        int r = link_submit(link, batch, done, userdata, number);
        if (!r)
                async_hurry(link->async);
        return r;
}

int link_submit_last(Link *link, Batch *batch, AsyncDone done, void *userdata, int64_t number) {
        if (!link->async) {
                batch_done(batch);
                return -ENOTCONN;
        }
        return async_submit_last(link->async, batch, done, userdata, number);
}
