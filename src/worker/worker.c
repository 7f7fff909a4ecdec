/*
 * Everything that can fail before the worker has said that it is ready ends it with a code, and the
 * plan tries another one later. An heir settles before plugins are loaded: a plugin that cannot be
 * loaded keeps no job unsettled. From then on the worker waits for a CO, serves a turn and says how
 * it went, until its channel is closed, or until what it holds is in doubt.
 */
#include "worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/json_text.h"
#include "core/near.h"
#include "plugin/listing.h"
#include "process/children.h"
#include "process/title.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"
#include "util/process.h"
#include "util/text.h"
#include "worker/heir.h"
#include "worker/opening.h"

/* A worker that has no time between its turns tries the rest of an inheritance all the same. */
#define OVERDUE_USEC (5 * USEC_PER_SEC)
#define SETTLER_PATIENCE_USEC (3 * USEC_PER_SEC) /* for its notes: other wills wait */

/* All messages of a settler wait in its channel until it has ended: these leave room for others. */
#define SETTLER_FAILED_MAX 64

#define WORKER_E_LOST (CHANNEL_E_INVALID + 1) /* beside CHANNEL_E_* */

#define WHY_SIZE 700

static int load_plugins(const WorkerSettings *s, Catalog **ret, char why[WHY_SIZE]) {
        int r = catalog_new(s->plugin_directory, s->load, s->n_load, s->exec, s->n_exec, ret, why,
                            WHY_SIZE);
        if (r < 0)
                (void) snprintf(why, WHY_SIZE, "could not load the plugins: %s", strerror(-r));
        return r;
}

/* Probably a misspelt name. No error: another host's plugins may stand in the same file. */
static void check_limit(const LimitOverride *override, const Catalog *catalog) {
        Near near = {.word = override->name};

        for (size_t i = 0; i < catalog_count(catalog); i++) {
                const CatalogEntry *entry = catalog_at(catalog, i);
                if (limit_is_for(override, entry->name))
                        return;
                near_offer(&near, entry->name);
        }
        log_warning("[%s \"%s\"]: no plugin and no program that is configured has this name"
                    "%s%s%s",
                    override->given & ~LIMIT_QUARANTINE ? "limits" : "quarantine", override->name,
                    near.best ? "; did you mean '" : "", near.best ? near.best : "",
                    near.best ? "'?" : "");
}

static int write_text(const char *text, int fd) {
        size_t size = text ? strlen(text) : 0;

        if (size && write(fd, text, size) == (ssize_t) size)
                return 0;
        log_error("could not list the models: %s", strerror(size ? errno : ENOMEM));
        return -1;
}

int worker_try_plugins(const WorkerSettings *settings, int models_fd) {
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        char why[WHY_SIZE];

        int r = load_plugins(settings, &catalog, why);
        json_auto_t *found = r ? json_pack("{ss}", "failed", why) : listing_new(catalog);
        _cleanup_(freep) char *text = !found ? NULL
                                      : r    ? json_text(found, JSON_COMPACT)
                                             : listing_text(found, 0);
        if (write_text(text, models_fd) || r)
                return WORKER_EXIT_CONFIG;
        for (size_t i = 0; i < settings->limits->n; i++)
                check_limit(&settings->limits->overrides[i], catalog);
        return WORKER_EXIT_OK;
}

/*
 * The jobs that became Failed, as the hook wants to know: without waiting, and with at most *room
 * messages, which go off *room. Returns of how many the supervisor could not be told.
 */
static uint32_t tell_failed(const Heir *heir, int channel, unsigned *room) {
        uint32_t untold = 0;

        for (size_t i = 0; i < heir->n_notes; i++) {
                ChannelMessage message = {.type = CHANNEL_FAILED, .job_id = heir->notes[i].job_id};
                if (heir->notes[i].is_canceled)
                        continue;
                if (!*room || channel_try_send(channel, &message))
                        untold++;
                else
                        --*room;
        }
        return untold;
}

/* Before a plugin has run: the descriptor is the channel. */
static void tell_trouble(int channel, const char *words) {
        ChannelMessage message = {.type = CHANNEL_TROUBLE};

        (void) text_copy_utf8(message.residue, sizeof(message.residue), 0, words);
        (void) channel_try_send(channel, &message);
}

static int exit_code(int r) {
        switch (r) {
        case TURN_E_LOST:
                return WORKER_EXIT_LOST;
        case DB_E_UNAVAILABLE:
        case DB_E_FULL:
        case HEIR_E_RESIGNED:
                return WORKER_EXIT_UNAVAILABLE;
        default:
                return WORKER_EXIT_FAILED;
        }
}

/* For poll(): until then, or for ever. */
static int timeout_msec(usec_t until_usec) {
        usec_t left = usec_sub(until_usec, clock_now_usec());
        return until_usec == USEC_INFINITY ? -1 : (int) (left / USEC_PER_MSEC) + 1;
}

/* The supervisor is told of what was given up: this worker may not say anything else any more. */
static void try_rest(const TurnContext *context, Heir *heir, int channel) {
        ChannelMessage message = {.type = CHANNEL_READY};

        watch_step(context->runner->watch);
        heir_try_rest(heir);
        watch_rest(context->runner->watch);
        if (heir_wake(heir) != USEC_INFINITY)
                return;
        heir_report(heir, &message);
        (void) channel_try_send(channel, &message);
}

/*
 * Waits for a message; meanwhile an heir tries again what the server refused. A connection that is
 * lost ends the worker: after a failover the lane, or the last finish, may not have happened, and
 * only an heir can look into that.
 */
static int await_message(const TurnContext *context, Heir *heir, int channel, ChannelMessage *ret) {
        Session *session = &context->runner->session;

        for (;;) {
                struct pollfd fds[] = {{.fd = channel, .events = POLLIN},
                                       {.fd = session->socket.fd, .events = POLLIN}};
                usec_t wake = heir_wake(heir);
                if (clock_now_usec() >= usec_add(wake, OVERDUE_USEC))
                        try_rest(context, heir, channel);
                if (poll(fds, ARRAY_SIZE(fds), timeout_msec(wake)) < 0 && errno != EINTR)
                        return error_origin(-errno);
                if (!session_is_alive(session))
                        return WORKER_E_LOST;
                if (fds[0].revents)
                        return channel_receive(channel, ret);
                if (clock_now_usec() < wake)
                        continue;
                try_rest(context, heir, channel);
                if (!session->db)
                        return WORKER_E_LOST;
        }
}

static int serve_one(const TurnContext *context, int32_t co_id, ChannelMessage *ret) {
        const DbError *error = &context->runner->session.error;
        TurnResult turn;

        int r = turn_run(context, co_id, &turn);
        *ret = (ChannelMessage){.type = CHANNEL_TURN_OVER,
                                .co_id = co_id,
                                .end = turn.end,
                                .jobs = turn.jobs,
                                .is_last = turn.is_worn != 0};
        (void) text_copy_utf8(ret->residue, sizeof(ret->residue), 0, turn.why);
        if (r && r != TURN_E_LOST)
                log_warning("the turn of CO %d had to end: %s%s%s%s", co_id,
                            *error->message ? error->message
                            : r < 0         ? strerror(-r)
                                            : "connection lost",
                            error->where ? " (statement " : "", error->where ? error->where : "",
                            error->where ? ")" : "");
        return r;
}

static int serve_turns(const TurnContext *context, Heir *heir, int channel) {
        ChannelMessage message = {.type = CHANNEL_READY};

        for (;;) {
                title_worker_idle();
                watch_rest(context->runner->watch);
                heir_report(heir, &message);
                int r = channel_send(channel, &message);
                if (!r)
                        r = await_message(context, heir, channel, &message);
                watch_step(context->runner->watch);
                if (r == CHANNEL_E_CLOSED)
                        return WORKER_EXIT_OK;
                if (r == WORKER_E_LOST)
                        return WORKER_EXIT_LOST;
                if (r || message.type != CHANNEL_ASSIGN)
                        return WORKER_EXIT_FAILED;
                r = serve_one(context, message.co_id, &message);
                if (r && r != TURN_E_LOST)
                        runner_tell_trouble(context->runner,
                                            context->runner->session.error.message);
                if (r)
                        return exit_code(r);
                /* A plugin has closed it: nobody can be told, and the lane is free. */
                if (!descriptor_is_same(&context->runner->residue->channel))
                        return WORKER_EXIT_LOST;
                CRASH_POINT(WORKER_TURN_OVER);
        }
}

/* Without the group, or outside of it, nothing is to be limited in it. */
static WorkerCgroup join_cgroup(const WorkerArgs *args) {
        WorkerCgroup cgroup = args->cgroup;

        int r = cgroup.fd >= 0 ? worker_cgroup_join(&cgroup) : 0;
        if (r)
                log_error_errno(r, "could not join the control group of this worker, ignoring");
        return r ? (WorkerCgroup){.fd = -1} : cgroup;
}

/* The shared memory, the connection and the watch over everything that follows: 0 or exit code. */
static int set_up(const WorkerArgs *args, Runner *runner) {
        const WorkerSettings *settings = args->settings;
        StatusPage *page;
        const Orders *orders;

        /* No name is left through which a plugin could map the orders for writing. */
        int r_orders = orders_map(args->orders_fd, &orders);
        int r_page = status_page_map(args->status_fd, &page);
        if (r_orders || r_page)
                return WORKER_EXIT_FAILED;
        *runner = (Runner){.session = {.settings = &settings->db, .random = (unsigned) getpid()},
                           .page = page,
                           .orders = orders,
                           .limits = settings->limits,
                           .holder = {.host = settings->host, .pid = (int32_t) getpid()}};
        if (watch_start(page, orders, args->channel, &runner->watch))
                return WORKER_EXIT_FAILED;
        watch_step(runner->watch);
        int r = session_connect(&runner->session);
        if (r) {
                log_debug("worker could not connect to the database: %s",
                          runner->session.error.message);
                tell_trouble(args->channel, runner->session.error.message);
        }
        recorder_init(&runner->recorder, page, &runner->session);
        return r ? exit_code(r) : WORKER_EXIT_OK;
}

/* What the worker before this one left, if it left something; 0 or an exit code. */
static int inherit(const WorkerArgs *args, Runner *runner, Heir *heir) {
        ChannelMessage message = {.type = CHANNEL_SETTLED};
        unsigned room = HEIR_JOBS_MAX;

        heir->recorder = &runner->recorder;
        if (!args->will)
                return WORKER_EXIT_OK;
        title_heir(args->will->pid);
        CRASH_POINT(HEIR_CONNECTED);
        heir_init(heir, args->will, &runner->session, &runner->recorder, args->settings->host,
                  MIN_OF(HEIR_PATIENCE_USEC, args->settings->start_usec / 2));
        int r = heir_settle(heir);
        if (r)
                return exit_code(r);
        heir_report(heir, &message);
        if (atomic_load(&runner->orders->wishes) & ORDERS_WISH_FAILED)
                message.untold = tell_failed(heir, args->channel, &room);
        r = channel_send(args->channel, &message);
        CRASH_POINT(HEIR_REPORTED);
        return r ? WORKER_EXIT_FAILED : WORKER_EXIT_OK;
}

int worker_main(void *arg) {
        const WorkerArgs *args = arg;
        const WorkerSettings *settings = args->settings;
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        WorkerCgroup cgroup =
                join_cgroup(args); /* before there is anything else that would be left out */
        char why[WHY_SIZE];
        Residue residue;
        Runner runner;
        Heir heir = {0};

        title_worker_idle();
        ChannelMessage birth = {.type = CHANNEL_BORN};
        if (process_start_ticks(getpid(), &birth.start_ticks) ||
            channel_send(args->channel, &birth))
                return WORKER_EXIT_FAILED;
        int code = set_up(args, &runner);
        if (!code)
                code = inherit(args, &runner, &heir);
        if (code)
                return code;
        if (load_plugins(settings, &catalog, why)) {
                log_error("%s", why);
                tell_trouble(args->channel, why);
                return WORKER_EXIT_CONFIG;
        }
        if (runner_prepare_programs(&runner, settings->exec, settings->n_exec))
                return WORKER_EXIT_FAILED;
        runner.catalog = catalog;
        runner.cgroup = &cgroup;
        runner.residue = &residue;
        TurnContext context = {.runner = &runner,
                               .budget = settings->budget,
                               .supervisor_id = settings->supervisor_id,
                               .generation = settings->generation,
                               .start_ticks = birth.start_ticks};
        children_adopt();
        if (residue_init(&residue, args->channel, runner.session.socket.fd))
                return WORKER_EXIT_FAILED;
        CRASH_POINT(WORKER_READY);
        code = serve_turns(&context, &heir, args->channel);
        if (code == WORKER_EXIT_OK)
                opening_close_all(&runner);
        session_close(&runner.session);
        residue_done(&residue);
        return code;
}

int settler_main(void *arg) {
        const SettlerArgs *args = arg;
        Session session = {.settings = &args->settings->db, .random = (unsigned) getpid()};
        unsigned room = SETTLER_FAILED_MAX;
        int code = WORKER_EXIT_OK;

        title_settler();
        for (size_t i = 0; i < args->n; i++) {
                ChannelMessage message = {.type = CHANNEL_SETTLED, .will = (uint32_t) i};
                Heir heir;
                heir_init(&heir, &args->wills[i], &session, NULL, args->settings->host, 0);
                if (heir_settle(&heir))
                        code = WORKER_EXIT_LOST;
                else
                        heir_finish(&heir, SETTLER_PATIENCE_USEC);
                heir_report(&heir, &message);
                if (args->tells_failed)
                        message.untold = tell_failed(&heir, args->channel, &room);
                (void) channel_send(args->channel, &message);
        }
        session_close(&session);
        return code;
}
