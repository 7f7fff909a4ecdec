/* -j: a new job, checked before it is queued; with -s it runs here and now. */
#include <stdio.h>
#include <string.h>

#include "cli/models.h"
#include "cli/run_now.h"
#include "cli/verbs.h"
#include "plugin/check.h"
#include "util/parse.h"
#include "util/text.h"

/* The CO must be there; one that is not active keeps its jobs waiting. */
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
                cli_say("CO %d is not active: its jobs are not run", co_id);
                return CLI_FAILED;
        }
        cli_tell(cli, "CO %d is not active: the job waits until it is", co_id);
        return CLI_OK;
}

/* Says everything that is wrong with the parameters at once. */
static int check(Cli *cli, int32_t co_id, const char *json, const CatalogEntry *entry) {
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

static int store(Cli *cli, const Registration *registration, int32_t *ret_id) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        job_register_add(&batch, registration);
        int code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        *ret_id = (int32_t) db_int(reply.results[1], 0, 0);
        if (*ret_id) {
                cli_note_registered(cli, registration, *ret_id);
                return CLI_OK;
        }
        cli_say("job %lld with the same parameters already waits or runs; --allow-duplicate "
                "registers another one",
                (long long) db_int(reply.results[1], 0, 1));
        return CLI_FAILED;
}

static void print_id(const Cli *cli, int32_t id) {
        (void) printf(cli->options->is_json ? "{\"id\": %d}\n" : "%d\n", id);
}

/* Registers as Assigned to this process, and runs. */
static int run_here(Cli *cli, const Catalog *catalog, Registration *registration) {
        Identity identity;
        Job job = {.co_id = registration->co_id,
                   .plugin = (char *) registration->plugin,
                   .parameters = (char *) registration->parameters,
                   .size = (int64_t) strlen(registration->parameters)};

        int code = run_now_join(cli, &identity);
        if (code)
                return code;
        registration->runner = (Holder){.host = identity.host, .pid = identity.pid};
        code = store(cli, registration, &job.id);
        if (code) {
                run_now_leave(cli, &identity);
                return code;
        }
        print_id(cli, job.id);
        (void) fflush(stdout);
        return run_now(cli, catalog, &identity, &job);
}

static int register_job(Cli *cli, const Catalog *catalog, const CatalogEntry *entry, int32_t co_id,
                        const char *json) {
        const Options *o = cli->options;
        char summary[SUMMARY_SIZE];
        int32_t id;

        (void) snprintf(summary, sizeof(summary), "Started via registry-job by %.180s (uid %u)",
                        cli_actor(cli), (unsigned) getuid());
        Registration registration = {.co_id = co_id,
                                     .plugin = entry->name,
                                     .parameters = json,
                                     .delay = (int32_t) o->delay,
                                     .requeue_interval = (int32_t) o->requeue_interval,
                                     .retry_interval = (int32_t) o->retry_interval,
                                     .max_retry = (int32_t) o->max_retry,
                                     .summary = summary,
                                     .actor = cli_actor(cli),
                                     .may_duplicate = o->may_duplicate};
        if (o->is_synchronous)
                return run_here(cli, catalog, &registration);
        int code = store(cli, &registration, &id);
        if (!code)
                print_id(cli, id);
        return code;
}

int cli_register(Cli *cli) {
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        _cleanup_(freep) char *json = NULL;
        Problems problems = {0};
        int32_t co_id;

        if (!cli->options->co || parse_int32(cli->options->co, 1, INT32_MAX, &co_id)) {
                cli_say("-c must give the id of the CO that the job is for");
                return CLI_USAGE;
        }
        if (params_from_words(cli->options->words, cli->options->n_words, &json, &problems)) {
                cli_say_problems(&problems);
                return CLI_USAGE;
        }
        int code = models_open(cli, &catalog);
        const CatalogEntry *entry = code ? NULL : models_find(catalog, cli->options->job);
        if (!entry)
                return code ? code : CLI_FAILED;
        code = cli_connect(cli);
        if (!code)
                code = check_co(cli, co_id);
        if (!code)
                code = check(cli, co_id, json, entry);
        if (!code)
                code = register_job(cli, catalog, entry, co_id, json);
        return code;
}
