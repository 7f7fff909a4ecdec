/*
 * hold and release: nothing new of a CO, of a model or of all starts, on any host, until it is
 * released or its time has come. The claim itself asks (schema/0013-starting.sql).
 */
#include "cli/hold.h"

#include <stdio.h>
#include <string.h>

#include "cli/co.h"
#include "cli/moment_option.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "core/limit.h"

#define WHAT_SIZE 256u

/* What is held. */
typedef struct Held {
        int32_t co_id;     /* 0: every CO */
        const char *model; /* "": every model */
        char what[WHAT_SIZE];
} Held;

static void describe(Held *held) {
        if (*held->model && held->co_id)
                (void) snprintf(held->what, WHAT_SIZE, "model %s in CO %d", held->model,
                                (int) held->co_id);
        else if (*held->model)
                (void) snprintf(held->what, WHAT_SIZE, "model %s in every CO", held->model);
        else if (held->co_id)
                (void) snprintf(held->what, WHAT_SIZE, "CO %d", (int) held->co_id);
        else
                (void) snprintf(held->what, WHAT_SIZE, "everything");
}

/* Nobody holds everything by leaving something out: that takes -c all. */
static int read_held(Cli *cli, Held *ret) {
        const Options *o = cli->options;

        *ret = (Held){.model = o->model ? o->model : ""};
        if (!o->co && !o->model) {
                cli_say("%s takes -c CO, --model NAME or both; -c all is every CO", o->words[0]);
                return CLI_USAGE;
        }
        if (o->model && !limit_is_name(o->model)) {
                cli_say("--model must be a plugin and a model, such as CoreJob.SyncJob, or a "
                        "plugin, not '%s'",
                        o->model);
                return CLI_USAGE;
        }
        int code = co_read(cli, &ret->co_id);
        if (!code)
                code = cli_connect(cli);
        describe(ret);
        return code;
}

/* Two parameters: a point in time, and a span, which is added to the database's clock. */
static int add_until(const Cli *cli, Batch *batch) {
        const char *text = cli->options->until;
        Moment moment = {.kind = MOMENT_UTC};

        int code = text ? moment_option("until", text, " (here: from now on)", &moment) : CLI_OK;
        if (code)
                return code;
        if (text && moment.kind != MOMENT_SPAN)
                batch_int(batch, moment_past(&moment));
        else
                batch_null(batch);
        if (moment.kind == MOMENT_SPAN)
                batch_int(batch, moment.seconds);
        else
                batch_null(batch);
        return CLI_OK;
}

static void note(const Cli *cli, const Held *held, const char *words) {
        LogFields fields = {.co_id = held->co_id, .plugin = *held->model ? held->model : NULL};
        const char *reason = cli->options->reason;

        cli_note(&fields, "%s %s by %s%s%s", held->what, words, cli_actor(cli), reason ? ": " : "",
                 reason ? reason : "");
}

int verb_hold(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        _cleanup_(batch_donep) Batch batch = {0};
        Held held;

        int code = read_held(cli, &held);
        if (code)
                return code;
        batch_add(&batch, SQL_HOLD_SET);
        batch_int(&batch, held.co_id);
        batch_text(&batch, held.model);
        batch_words(&batch, cli->options->reason ? cli->options->reason : "", SUMMARY_CHARS);
        batch_text(&batch, cli_actor(cli));
        code = add_until(cli, &batch);
        if (!code)
                code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        if (!db_rows(&reply, 0)) {
                cli_say("--until %s is over: nothing was held", cli->options->until);
                return CLI_USAGE;
        }
        const PGresult *row = reply.results[0];
        note(cli, &held, "is held");
        if (cli->options->is_json)
                return output_value_json(json_pack("{ss sb sI}", "held", held.what, "was_held",
                                                   db_bool(row, 0, 0), "waiting",
                                                   (json_int_t) db_int(row, 0, 1)));
        const char *until = output_value(row, 0, "until");
        cli_tell(cli,
                 "%s is held%s%s%s: nothing new of it starts, what runs goes on; %lld due job%s",
                 held.what, *until ? " until " : "", until, *until ? " UTC" : "",
                 (long long) db_int(row, 0, 1), db_int(row, 0, 1) == 1 ? "" : "s");
        return CLI_OK;
}

int verb_release(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        Held held;

        int code = read_held(cli, &held);
        if (code)
                return code;
        batch_add(&batch, SQL_HOLD_RELEASE);
        batch_int(&batch, held.co_id);
        batch_text(&batch, held.model);
        code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        if (!db_rows(&reply, 0)) {
                cli_say("%s is not held; registry-job status shows what is", held.what);
                return CLI_FAILED;
        }
        note(cli, &held, "is released");
        if (cli->options->is_json)
                return output_value_json(json_pack("{ss}", "released", held.what));
        cli_tell(cli, "%s is released; it was held by %s since %s UTC", held.what,
                 output_value(reply.results[0], 0, "actor"),
                 output_value(reply.results[0], 0, "since"));
        return CLI_OK;
}

int hold_check(Cli *cli, int32_t co_id, const char *model) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, SQL_HOLD_LIST);
        batch_int(&batch, co_id);
        batch_text(&batch, model);
        int code = cli_run(cli, &batch, &reply);
        if (code || !db_rows(&reply, 0) || cli->options->is_forced)
                return code;
        const PGresult *row = reply.results[0];
        const char *reason = output_value(row, 0, "reason"), *co = output_value(row, 0, "co_id"),
                   *held = output_value(row, 0, "model");
        cli_say("nothing was started: it is held by %s%s%s; registry-job release -c %s%s%s ends "
                "that hold, --force runs this job all the same",
                output_value(row, 0, "actor"), *reason ? ": " : "", reason, *co ? co : "all",
                *held ? " --model " : "", held);
        return CLI_FAILED;
}
