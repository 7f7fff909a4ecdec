/*
 * list, cancel and retry select jobs by the same options, so that what is listed is what would be
 * changed.
 */
#include "cli/filter.h"

#include <string.h>
#include <strings.h>

#include "cli/co.h"
#include "cli/moment_option.h"
#include "core/near.h"

#define PAGE_MAX 1000 /* jobs: as many are in memory at once */

int filter_is_narrow(const Options *o) {
        return (o->co && strcmp(o->co, "all")) || o->model || o->since || o->until || o->text ||
               o->person || o->before;
}

int filter_is_given(const Options *o) {
        return filter_is_narrow(o) || o->status || o->is_failed;
}

static int say_no_status(const char *word) {
        Near near = {.word = word};

        for (JobState s = _JOB_STATE_NONE + 1; s < _JOB_STATE_MAX; s++)
                near_offer(&near, job_state_name(s));
        cli_say("'%s' is not a status%s%s%s; see registry-job --help", word,
                near.best ? "; did you mean '" : "", near.best ? near.best : "",
                near.best ? "'?" : "");
        return CLI_USAGE;
}

/* Reads --status, such as "failed,CX". */
static int read_states(const char *list, unsigned *ret) {
        char *rest = NULL;

        if (!list)
                return CLI_OK;
        _cleanup_(freep) char *names = strdup(list);
        if (!names)
                return cli_say_memory();
        for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
                JobState state = job_state_parse(name);
                if (!state)
                        return say_no_status(name);
                *ret |= 1u << state;
        }
        if (*ret)
                return CLI_OK;
        cli_say("--status names no status; see registry-job --help");
        return CLI_USAGE;
}

static int read_time(const char *option, const char *text, int64_t *ret) {
        Moment moment;

        int code = text ? moment_option(option, text, "", &moment) : CLI_OK;
        if (text && !code)
                *ret = moment_past(&moment);
        return code;
}

int filter_read(Cli *cli, JobFilter *ret) {
        const Options *o = cli->options;
        JobFilter filter = {.before = o->before,
                            .person_id = (int32_t) o->person,
                            .states = o->is_failed ? 1u << JOB_FAILED : 0,
                            .model = o->model,
                            .text = o->text,
                            .since = WHEN_NEVER,
                            .until = WHEN_NEVER};

        int code = read_states(o->status, &filter.states);
        if (!code)
                code = read_time("since", o->since, &filter.since);
        if (!code)
                code = read_time("until", o->until, &filter.until);
        if (!code)
                code = co_read(cli, &filter.co_id);
        if (!code)
                *ret = filter;
        return code;
}

static int show_page(Cli *cli, JobFilter *filter, int64_t *left, FilterPageFn *on_page,
                     void *userdata) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int max = (int) MIN_OF(*left, (int64_t) PAGE_MAX);
        Batch batch = {0};
        JobPage page;

        job_list_add(&batch, filter, max);
        int code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        job_list_read(reply.results[0], filter, max, &page);
        *left = page.before ? *left - page.rows : 0;
        filter->before = page.before;
        return page.rows ? on_page(userdata, reply.results[0], &page) : CLI_OK;
}

int filter_walk(Cli *cli, JobFilter filter, int64_t limit, FilterPageFn *on_page, void *userdata) {
        int code = cli_connect(cli);

        while (!code && limit > 0)
                code = show_page(cli, &filter, &limit, on_page, userdata);
        return code;
}
