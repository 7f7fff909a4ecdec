#include "worker/worker.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/log.h"
#include "util/process.h"

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
        return r == DB_E_UNAVAILABLE || r == DB_E_FULL ? WORKER_EXIT_UNAVAILABLE
                                                       : WORKER_EXIT_FAILED;
}

/*
 * An idle connection may have been cut: that is found out before the turn begins. One that is lost
 * in a turn may have taken the lane already: the worker ends, and the supervisor looks what it
 * holds.
 */
static int serve_turn(const TurnContext *context, int32_t co_id, TurnEnd *end, unsigned *jobs) {
        Runner *runner = context->runner;

        if (runner->db && !db_is_alive(runner->db))
                runner->db = db_close(runner->db);
        int r = runner_connect(runner);
        return r ? r : turn_run(context, co_id, end, jobs);
}

static int serve(const TurnContext *context, int channel) {
        ChannelMessage message = {.type = CHANNEL_READY};

        for (;;) {
                TurnEnd end = 0;
                unsigned jobs = 0;
                watch_rest(context->runner->watch);
                int r = channel_send(channel, &message);
                if (!r)
                        r = channel_receive(channel, &message);
                watch_step(context->runner->watch);
                if (r == CHANNEL_E_CLOSED)
                        return WORKER_EXIT_OK;
                if (r || message.type != CHANNEL_ASSIGN)
                        return WORKER_EXIT_FAILED;
                r = serve_turn(context, message.co_id, &end, &jobs);
                if (r) {
                        const DbError *error = &context->runner->error;
                        log_warning("the turn of CO %d had to end: %s%s%s%s", message.co_id,
                                    *error->message ? error->message
                                    : r < 0         ? strerror(-r)
                                                    : "connection lost",
                                    error->where ? " (statement " : "",
                                    error->where ? error->where : "", error->where ? ")" : "");
                        return exit_code(r);
                }
                message = (ChannelMessage){.type = CHANNEL_TURN_OVER,
                                           .co_id = message.co_id,
                                           .end = end,
                                           .jobs = jobs};
        }
}

int worker_main(void *arg) {
        const WorkerArgs *args = arg;
        const WorkerSettings *settings = args->settings;
        _cleanup_(catalog_freep) Catalog *catalog = NULL;

        Watch *watch;
        if (watch_start(args->page, settings->lease_usec, &watch) ||
            load_plugins(settings, &catalog))
                return WORKER_EXIT_CONFIG;
        runner_limit_programs(settings->limits, settings->exec, settings->n_exec);

        Runner runner = {.catalog = catalog,
                         .settings = &settings->db,
                         .page = args->page,
                         .watch = watch,
                         .limits = settings->limits,
                         .holder = {.host = settings->host, .pid = (int32_t) getpid()}};
        runner.recorder = (Recorder){.page = args->page, .db = &runner.db};
        TurnContext context = {.runner = &runner,
                               .budget = settings->budget,
                               .supervisor_id = settings->supervisor_id};
        if (process_start_ticks(getpid(), &context.start_ticks))
                return WORKER_EXIT_FAILED;

        int r = runner_connect(&runner);
        if (r) {
                log_warning("worker could not connect to the database: %s", runner.error.message);
                return exit_code(r);
        }
        int code = serve(&context, args->channel);
        runner.db = db_close(runner.db);
        return code;
}
