/*
 * -j: registers a job, or runs it here and now with -s. The CO, the model and the parameters are
 * checked first: a job that could not run is never queued.
 */
#include <stdio.h>
#include <string.h>

#include "cli/co.h"
#include "cli/hold.h"
#include "cli/models.h"
#include "cli/parameters.h"
#include "cli/run_now.h"
#include "cli/verbs.h"
#include "plugin/check.h"
#include "util/text.h"
#include "util/writer.h"

/* The CO must exist. Jobs of a CO that is not active wait, and cannot run in the foreground. */
static int check_co(Cli *cli, int32_t co_id) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, SQL_CO_STATUS);
        batch_int(&batch, co_id);
        int code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        if (!db_rows(&reply, 0)) {
                cli_say("there is no CO %d", co_id);
                return CLI_FAILED;
        }
        const char *status = db_text(reply.results[0], 0, 0);
        if (status && !strcmp(status, "A"))
                return CLI_OK;
        if (cli->options->is_synchronous) {
                cli_say("CO %d is not active: its jobs do not run", co_id);
                return CLI_FAILED;
        }
        cli_tell(cli, "CO %d is not active: the job waits until it is", co_id);
        return CLI_OK;
}

/* Says all problems of the parameters at once. */
static int check_job_parameters(Cli *cli, int32_t co_id, const char *json,
                                const CatalogEntry *entry) {
        CheckResult result = {0};
        int r = check_parameters(cli->db, co_id, json, &entry->model, &result);

        if (r && !result.problems.count)
                cli_say("could not check the parameters: %s",
                        r > 0 ? result.error.message : strerror(-r));
        cli_say_problems(&result.problems);
        int is_right = result.params != NULL;
        result.params = params_free(result.params);
        return is_right ? CLI_OK : r == DB_E_UNAVAILABLE ? CLI_UNAVAILABLE : CLI_FAILED;
}

/*
 * Registers the job, unless a job was with its key before; what became of it is in `ret`. Returns
 * CLI_OK also for the earlier job of the key, which is named, and for one that makes that of a
 * schedule a duplicate; or a code after saying why not.
 */
static int store_job(Cli *cli, const Registration *registration, Registered *ret) {
        _cleanup_(db_reply_donep) DbReply first = {0}, second = {0};
        DbReply *reply = &first;
        Batch batch = {0};

        job_register_add(&batch, registration);
        int r = db_run_retry(cli->db, &batch, reply);
        if (r == DB_E_CONFLICT && registration->key) { /* the other one is there by now */
                reply = &second;
                job_register_add(&batch, registration);
                r = db_run_retry(cli->db, &batch, reply);
        }
        if (r)
                return cli_say_error(&reply->error);
        job_register_read(reply, ret);
        if (ret->id) {
                cli_note_registered(cli, registration, ret->id, 0);
                return CLI_OK;
        }
        if (ret->earlier) {
                cli_tell(cli, "job %d was registered with the key '%s' before: no other one is",
                         ret->earlier, registration->key);
                return CLI_OK;
        }
        if (ret->waiting && cli->options->schedule) {
                cli_say("job %d, which is the same, still waits or runs: the schedule '%s' "
                        "registers none for this time",
                        ret->waiting, cli->options->schedule);
                return CLI_OK;
        }
        return cli_say_unregistered(registration->co_id, ret->waiting);
}

#define ID_SIZE 64

static void write_id(const Cli *cli, const Registered *done, char text[ID_SIZE]) {
        int32_t id = done->id ? done->id : done->earlier;

        if (cli->options->is_json)
                (void) snprintf(text, ID_SIZE, "{\"id\": %d%s}\n", id,
                                done->id ? "" : ", \"registered\": false");
        else
                (void) snprintf(text, ID_SIZE, "%d\n", id);
}

/* Not for long, because the job's lease has begun. Returns CLI_OK, or CLI_FAILED after saying so.
 */
static int print_id_at_once(const Cli *cli, const Registered *done) {
        char text[ID_SIZE];
        size_t written;

        write_id(cli, done, text);
        int r = writer_put(STDOUT_FILENO, text, strlen(text), USEC_PER_SEC, &written);
        if (r)
                cli_say("could not write the output: %s", strerror(-r));
        return r ? CLI_FAILED : CLI_OK;
}

/* Registers the job as Assigned to this process, and runs it; an earlier job of its key is not. */
static int run_here(Cli *cli, const Catalog *catalog, Registration *registration) {
        Identity identity;
        Registered done = {0};
        Job job = {.co_id = registration->co_id,
                   .plugin = (char *) registration->plugin,
                   .parameters = (char *) registration->parameters,
                   .size = (int64_t) strlen(registration->parameters)};

        log_protect_jobs();
        int code = run_now_join(cli, &identity);
        if (code)
                return code;
        registration->runner = (Holder){.host = identity.host, .pid = identity.pid};
        registration->runner_id = identity.id;
        code = store_job(cli, registration, &done);
        int printed = code || !(done.id || done.earlier) ? code : print_id_at_once(cli, &done);
        if (!done.id) {
                run_now_leave(cli, &identity);
                return printed;
        }
        job.id = done.id;
        code = run_now(cli, catalog, &identity, &job);
        return code ? code : printed;
}

static int register_job(Cli *cli, const Catalog *catalog, const CatalogEntry *entry, int32_t co_id,
                        const char *json) {
        const Options *o = cli->options;
        char summary[SUMMARY_SIZE], actor[CLI_ACTOR_SIZE], text[ID_SIZE];
        Registered done;

        cli_actor_brief(cli, actor);
        (void) snprintf(summary, sizeof(summary), "Started via registry-job by %s (uid %u)", actor,
                        (unsigned) getuid());
        Registration registration = {.co_id = co_id,
                                     .plugin = entry->name,
                                     .parameters = json,
                                     .delay = (int32_t) o->delay,
                                     .requeue_interval = (int32_t) o->requeue_interval,
                                     .retry_interval = (int32_t) o->retry_interval,
                                     .max_retry = (int32_t) o->max_retry,
                                     .is_requeued_always = o->is_requeued_always,
                                     .summary = summary,
                                     .actor = cli_actor(cli),
                                     .may_duplicate = o->may_duplicate,
                                     .key = o->once};
        if (o->is_synchronous)
                return run_here(cli, catalog, &registration);
        int code = store_job(cli, &registration, &done);
        if (code)
                return code;
        write_id(cli, &done, text);
        if (done.id || done.earlier)
                (void) fputs(text, stdout);
        return CLI_OK;
}

/* For a job that is only queued, what a daemon says of its model; otherwise what is here. */
static int find_model(Cli *cli, ListedModel **ret_listed, Catalog **ret_catalog,
                      const CatalogEntry **ret) {
        const Options *o = cli->options;
        int code = o->is_synchronous ? CLI_OK : models_listed(cli, o->job, ret_listed);

        if (!code && *ret_listed) {
                *ret = &(*ret_listed)->entry;
                return CLI_OK;
        }
        return code ? code
                    : models_find(cli, o->job, o->is_synchronous, ret_listed, ret_catalog, ret);
}

int cli_register(Cli *cli) {
        _cleanup_(listed_model_freep) ListedModel *listed = NULL;
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        _cleanup_(freep) char *json = NULL;
        const CatalogEntry *entry = NULL;
        int32_t co_id;

        int code = co_read(cli, &co_id);
        if (cli->options->is_requeued_always && !cli->options->requeue_interval) {
                cli_say("--requeue-always is for a job with --requeue-interval");
                return CLI_USAGE;
        }
        if (!code && !co_id) {
                cli_say("-c must give the CO that the job is for, by its id or its name");
                return CLI_USAGE;
        }
        if (!code)
                code = find_model(cli, &listed, &catalog, &entry);
        if (!code)
                code = parameters_read(cli, co_id, entry, &json);
        if (!code)
                code = cli_connect(cli);
        if (!code)
                code = check_co(cli, co_id);
        if (!code && cli->options->is_synchronous)
                code = hold_check(cli, co_id, entry->name);
        if (!code)
                code = check_job_parameters(cli, co_id, json, entry);
        if (!code)
                code = register_job(cli, catalog, entry, co_id, json);
        return code;
}
