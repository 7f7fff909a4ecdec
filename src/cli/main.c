/* registry-job: reads the options and the configuration, then runs one verb. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "db/credential.h"
#include "journal/journal.h"
#include "process/dumpable.h"
#include "process/title.h"
#include "util/descriptors.h"
#include "util/log.h"

/* Reads the file of --config, or the usual file if it exists; otherwise defaults and PG* variables.
 */
static int read_config(const Options *options, Tolerance tolerance, Config **ret,
                       Problems *problems) {
        const char *path = options->config ? options->config : RJ_CONFIG_FILE;

        if (!options->config && access(path, F_OK) < 0)
                return config_new(ret) ? CLI_FAILED : CLI_OK;
        if (!options->config)
                credential_use_store(); /* root connects with the password of the service */
        int r = tolerance == REFUSES_PROBLEMS ? config_read(path, ret, problems)
                                              : config_read_lenient(path, ret, problems);
        if (r || tolerance == SAYS_PROBLEMS)
                cli_say_problems(problems);
        return r ? CLI_CONFIG : CLI_OK;
}

static int check_words(const Options *o, const Verb *verb) {
        size_t n = o->n_words - 1;
        if (n >= verb->min_words && n <= verb->max_words)
                return CLI_OK;
        cli_say("usage: registry-job %s%s%s", verb->name, verb->argument ? " " : "",
                verb->argument ? verb->argument : "");
        return CLI_USAGE;
}

/* What the user asked for. NULL, with a code, after saying what is wrong. */
static const Verb *choose_verb(const Options *o, int *ret_code) {
        static const Verb drain = {.run = cli_drain}, registration = {.run = cli_register};

        *ret_code = CLI_USAGE;
        if (o->is_run && (o->job || o->n_words || o->n_parameter_files)) {
                cli_say("-r drains a queue: it takes neither -j nor parameters");
                return NULL;
        }
        if (o->is_run)
                return &drain;
        if (o->job)
                return &registration;
        if (o->n_parameter_files) {
                cli_say("--parameter-file belongs to a job that is registered: -j is missing");
                return NULL;
        }
        if (!o->n_words) {
                cli_say("nothing to do; see registry-job --help");
                return NULL;
        }
        const Verb *verb = verbs_find(o->words[0]);
        if (!verb) {
                const char *near = verbs_near(o->words[0]);
                cli_say("'%s' is not a verb%s%s%s; see registry-job --help", o->words[0],
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
                return NULL;
        }
        *ret_code = check_words(o, verb);
        return *ret_code ? NULL : verb;
}

/* What a program that -s runs says on its standard error is logged as a notice. */
static int level_of(const Options *o) {
        if (o->is_verbose)
                return LOG_INFO;
        if (o->is_quiet)
                return LOG_ERR;
        return o->is_synchronous ? LOG_NOTICE : LOG_WARNING;
}

int main(int argc, char *argv[]) {
        _cleanup_(config_freep) Config *config = NULL;
        Problems problems = {0};
        Options options;

        dumpable_set(0);
        (void) descriptors_fill_standard(); /* before anything else is opened */
        title_init(argc, argv);             /* for -s and -r, whose processes show their jobs */
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        int code = options_parse(argc, argv, &options);
        if (code >= 0)
                return code;
        log_init("registry-job", LOG_STYLE_PLAIN);
        log_set_level(level_of(&options));

        journal_set_instance(options.config ? options.config : RJ_CONFIG_FILE);
        int log_fd = journal_is_connected() ? journal_install("registry-job") : -1;
        const Verb *verb = choose_verb(&options, &code);
        if (!verb)
                return code;
        code = read_config(&options, verb->tolerance, &config, &problems);
        if (code)
                return code;
        dumpable_set(config->has_core_dumps);
        Cli cli = {.options = &options, .config = config, .problems = &problems, .log_fd = log_fd};
        code = verb->run(&cli);
        cli.db = db_close(cli.db);
        if (fflush(stdout) == EOF || ferror(stdout)) {
                cli_say("could not write the output");
                return CLI_FAILED;
        }
        return code;
}
