#include "worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"
#include "util/process.h"
#include "worker/children.h"
#include "worker/title.h"

#define WORKER_E_LOST (CHANNEL_E_INVALID + 1) /* beside CHANNEL_E_* */

static int load_plugins(const WorkerSettings *s, Catalog **ret) {
        char why[700];
        int r = catalog_new(s->plugin_directory, s->load, s->n_load, s->exec, s->n_exec, ret, why,
                            sizeof(why));
        if (r > 0) {
                LogFields fields = {.hint = "[plugins] directory and load in the configuration say "
                                            "what is loaded from where"};
                log_write(LOG_ERR, &fields, "%s", why);
        } else if (r < 0) {
                log_error_errno(r, "could not load the plugins");
        }
        return r;
}

int worker_try_plugins(void *arg) {
        const WorkerArgs *args = arg;
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        return load_plugins(args->settings, &catalog) ? WORKER_EXIT_CONFIG : WORKER_EXIT_OK;
}

static int exit_code(int r) {
        if (r == TURN_E_LOST)
                return WORKER_EXIT_LOST;
        return r == DB_E_UNAVAILABLE || r == DB_E_FULL ? WORKER_EXIT_UNAVAILABLE
                                                       : WORKER_EXIT_FAILED;
}

/*
 * Waits for a message. A connection that is lost meanwhile ends the worker: after a failover the
 * lane, or the last finish, may not have happened, and only the supervisor can look into that.
 */
static int hear(const TurnContext *context, int channel, ChannelMessage *ret) {
        Session *session = &context->runner->session;

        for (;;) {
                struct pollfd fds[] = {{.fd = channel, .events = POLLIN},
                                       {.fd = session->socket.fd, .events = POLLIN}};
                if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
                        return error_origin(-errno);
                if (!session_is_alive(session))
                        return WORKER_E_LOST;
                if (fds[0].revents)
                        return channel_receive(channel, ret);
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
        if (r && r != TURN_E_LOST)
                log_warning("the turn of CO %d had to end: %s%s%s%s", co_id,
                            *error->message ? error->message
                            : r < 0         ? strerror(-r)
                                            : "connection lost",
                            error->where ? " (statement " : "", error->where ? error->where : "",
                            error->where ? ")" : "");
        return r;
}

static int serve(const TurnContext *context, int channel) {
        ChannelMessage message = {.type = CHANNEL_READY};

        for (;;) {
                title_worker_idle();
                watch_rest(context->runner->watch);
                int r = channel_send(channel, &message);
                if (!r)
                        r = hear(context, channel, &message);
                watch_step(context->runner->watch);
                if (r == CHANNEL_E_CLOSED)
                        return WORKER_EXIT_OK;
                if (r == WORKER_E_LOST)
                        return WORKER_EXIT_LOST;
                if (r || message.type != CHANNEL_ASSIGN)
                        return WORKER_EXIT_FAILED;
                r = serve_one(context, message.co_id, &message);
                if (r)
                        return exit_code(r);
                /* A plugin has closed it: nobody can be told, and the lane is free. */
                if (!descriptor_is_same(&context->runner->residue->channel))
                        return WORKER_EXIT_LOST;
                CRASH_POINT(WORKER_TURN_OVER);
        }
}

/* Without the group, or outside of it, nothing is to be limited in it. */
static WorkerGroup join(const WorkerArgs *args) {
        WorkerGroup group = args->group;

        int r = group.fd >= 0 ? worker_group_join(&group) : 0;
        if (r)
                log_error_errno(r, "could not join the control group of this worker, ignoring");
        return r ? (WorkerGroup){.fd = -1} : group;
}

int worker_main(void *arg) {
        const WorkerArgs *args = arg;
        const WorkerSettings *settings = args->settings;
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        WorkerGroup group = join(args); /* before there is anything else that would be left out */

        title_worker_idle();
        Residue residue;
        Watch *watch;
        if (watch_start(args->page, settings->lease_usec, &watch) ||
            load_plugins(settings, &catalog))
                return WORKER_EXIT_CONFIG;
        runner_limit_programs(settings->limits, settings->exec, settings->n_exec);

        Runner runner = {.catalog = catalog,
                         .session = {.settings = &settings->db, .random = (unsigned) getpid()},
                         .page = args->page,
                         .watch = watch,
                         .group = &group,
                         .residue = &residue,
                         .limits = settings->limits,
                         .holder = {.host = settings->host, .pid = (int32_t) getpid()}};
        runner.recorder = (Recorder){.page = args->page, .session = &runner.session};
        TurnContext context = {.runner = &runner,
                               .budget = settings->budget,
                               .supervisor_id = settings->supervisor_id};
        if (process_start_ticks(getpid(), &context.start_ticks))
                return WORKER_EXIT_FAILED;

        children_adopt();
        watch_step(watch);
        int r = session_connect(&runner.session);
        if (r) {
                log_warning("worker could not connect to the database: %s",
                            runner.session.error.message);
                return exit_code(r);
        }
        if (residue_init(&residue, args->channel, runner.session.socket.fd))
                return WORKER_EXIT_FAILED;
        CRASH_POINT(WORKER_READY);
        int code = serve(&context, args->channel);
        session_close(&runner.session);
        residue_done(&residue);
        return code;
}
