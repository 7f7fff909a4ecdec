/* -r: the supervisor and its workers, until nothing is due any more. */
#include <string.h>

#include "cli/verbs.h"
#include "supervisor/supervisor.h"
#include "util/log.h"
#include "util/parse.h"

int cli_drain(Cli *cli) {
        const Options *o = cli->options;
        Drain drain = {.max_jobs = o->max};
        uint64_t jobs = 0;
        int must_exit = 0;

        if (!o->co || (strcmp(o->co, "all") && parse_int32(o->co, 1, INT32_MAX, &drain.co_id))) {
                cli_say("-c must give the id of a CO, or 'all'");
                return CLI_USAGE;
        }
        if (o->parallel)
                cli->config->workers = o->parallel;
        if (drain.co_id)
                cli->config->workers = 1;
        if (o->is_quiet)
                cli->config->log_level = LOG_WARNING;
        int code = supervisor_try_plugins(cli->config);
        if (code)
                return code;

        SupervisorArgs args = {.config = cli->config, .drain = &drain, .log_fd = cli->log_fd};
        code = supervisor_run(&args, &jobs, &must_exit);
        cli_tell(cli, "%llu jobs run", (unsigned long long) jobs);
        if (must_exit)
                _exit(code ? CLI_UNAVAILABLE : CLI_OK);
        return code ? CLI_UNAVAILABLE : CLI_OK;
}
