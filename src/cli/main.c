/* registry-job: options, configuration, then one verb. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "db/credential.h"
#include "supervisor/journal.h"
#include "util/log.h"
#include "worker/title.h"

/* The file of --config, or the usual one where it is there; otherwise defaults and PG* variables.
 */
static int read_config(const Options *options, Config **ret) {
        const char *path = options->config ? options->config : RJ_CONFIG_FILE;
        Problems problems = {0};

        if (!options->config && access(path, F_OK) < 0)
                return config_new(ret) ? CLI_FAILED : CLI_OK;
        if (!options->config)
                credential_use_store(); /* root asks the database as the service does */
        if (!config_read(path, ret, &problems))
                return CLI_OK;
        cli_say_problems(&problems);
        return CLI_CONFIG;
}

static int check_words(const Options *o, const Verb *verb) {
        size_t n = o->n_words - 1;
        if (n >= verb->min_words && n <= verb->max_words)
                return CLI_OK;
        cli_say("usage: registry-job %s%s%s", verb->name, verb->argument ? " " : "",
                verb->argument ? verb->argument : "");
        return CLI_USAGE;
}

/* What was asked for. NULL with a code after saying what is wrong. */
static int (*choose(const Options *o, int *ret_code))(Cli *) {
        *ret_code = CLI_USAGE;
        if (o->is_run && (o->job || o->n_words)) {
                cli_say("-r drains a queue: it takes neither -j nor words");
                return NULL;
        }
        if (o->is_run)
                return cli_drain;
        if (o->job)
                return cli_register;
        if (!o->n_words) {
                cli_say("nothing to do; see registry-job --help");
                return NULL;
        }
        const Verb *verb = verbs_find(o->words[0]);
        if (!verb) {
                cli_say("'%s' is not a verb; see registry-job --help", o->words[0]);
                return NULL;
        }
        *ret_code = check_words(o, verb);
        return *ret_code ? NULL : verb->run;
}

int main(int argc, char *argv[]) {
        _cleanup_(config_freep) Config *config = NULL;
        Options options;

        title_init(argc, argv); /* of -s and -r: the workers say in theirs what they do */
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        int code = options_parse(argc, argv, &options);
        if (code >= 0)
                return code;
        log_init("registry-job", LOG_STYLE_PLAIN);
        log_set_level(options.is_verbose ? LOG_INFO : options.is_quiet ? LOG_ERR : LOG_WARNING);

        int log_fd = journal_is_connected() ? journal_install("registry-job") : -1;
        int (*run)(Cli *) = choose(&options, &code);
        if (!run)
                return code;
        code = read_config(&options, &config);
        if (code)
                return code;
        Cli cli = {.options = &options, .config = config, .log_fd = log_fd};
        code = run(&cli);
        cli.db = db_close(cli.db);
        if (fflush(stdout) == EOF || ferror(stdout)) {
                cli_say("could not write the output");
                return CLI_FAILED;
        }
        return code;
}
