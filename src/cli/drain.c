/* -r: the supervisor and its workers, until nothing is due any more. */
#include "cli/co.h"
#include "cli/verbs.h"
#include "supervisor/supervisor.h"
#include "util/log.h"

int cli_drain(Cli *cli) {
        const Options *o = cli->options;
        Drain drain = {.max_jobs = o->max};
        uint64_t jobs = 0;
        int must_exit = 0;

        if (!o->co) {
                cli_say("-c must give a CO, by its id or its name, or 'all'");
                return CLI_USAGE;
        }
        int code = co_read(cli, &drain.co_id);
        cli->db = db_close(cli->db); /* a name was looked up: no child inherits that connection */
        if (code)
                return code;
        if (o->parallel)
                cli->config->workers = o->parallel;
        if (drain.co_id)
                cli->config->workers = 1;
        if (o->is_quiet)
                cli->config->log_level = LOG_WARNING;
        log_protect_jobs();
        json_auto_t *models = NULL;
        code = supervisor_try_plugins(cli->config, &models);
        if (code)
                return code;

        SupervisorArgs args = {
                .config = cli->config, .models = models, .drain = &drain, .log_fd = cli->log_fd};
        code = supervisor_run(&args, &jobs, &must_exit);
        log_set_patience(CLI_PATIENCE_USEC);
        cli_tell(cli, "%llu jobs run", (unsigned long long) jobs);
        if (must_exit)
                _exit(code ? CLI_UNAVAILABLE : CLI_OK);
        return code ? CLI_UNAVAILABLE : CLI_OK;
}
