/* registry-jobd: arguments, configuration, log; then the supervisor. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_program.h"
#include "db/conninfo.h"
#include "journal/journal.h"
#include "plugin/listing.h"
#include "process/dumpable.h"
#include "process/title.h"
#include "supervisor/supervisor.h"
#include "util/descriptors.h"
#include "util/log.h"
#include "util/text.h"
#include "worker/worker.h"

#define EXIT_USAGE 2

static const char *arg_config = RJ_CONFIG_FILE;
static int arg_check, arg_quiet;

static void print_help(void) {
        (void) printf("registry-jobd [--config FILE] [--check [--quiet]]\n\n"
                      "Runs the job queue of COmanage Registry, in the foreground.\n\n"
                      "  --config FILE  configuration, instead of %s\n"
                      "  --check        read the configuration, open the plugins, start the\n"
                      "                 Registry of [registry], print the settings and end:\n"
                      "                 0 when all is well, 78 when not\n"
                      "  --quiet        with --check: print what is wrong, and nothing else\n"
                      "  --help         this text\n"
                      "  --version      version\n\n"
                      "SIGTERM stops when running jobs are done, a second one at once; SIGHUP\n"
                      "reads the configuration again. See registry-jobd(8).\n",
                      RJ_CONFIG_FILE);
}

static int say_usage(const char *what, const char *word) {
        _cleanup_(freep) char *text = text_format("%s '%s'; see registry-jobd --help", what, word);
        if (text)
                log_say(text);
        return EXIT_USAGE;
}

/* Returns -1 to go on, or an exit code. */
static int parse_args(int argc, char *argv[]) {
        static const struct option options[] = {
                {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
                {"quiet", no_argument, NULL, 'q'},        {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},      {0}};
        int c;

        opterr = 0; /* it would print the word as it is */
        while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
                switch (c) {
                case 'c':
                        arg_config = optarg;
                        break;
                case 'k':
                        arg_check = 1;
                        break;
                case 'q':
                        arg_quiet = 1;
                        break;
                case 'h':
                        print_help();
                        return EXIT_SUCCESS;
                case 'v':
                        (void) printf("registry-jobd %s\n", RJ_VERSION);
                        return EXIT_SUCCESS;
                default:
                        return say_usage("wrong option, or one without its value:",
                                         argv[optind - 1]);
                }
        return optind < argc ? say_usage("unexpected argument", argv[optind]) : -1;
}

/* Returns the journal's descriptor, or -1. */
static int init_log(void) {
        log_init("registry-jobd", isatty(STDERR_FILENO) ? LOG_STYLE_PLAIN : LOG_STYLE_PREFIX);
        log_protect_jobs();
        journal_set_instance(arg_config);
        return journal_is_connected() ? journal_install("registry-jobd") : -1;
}

static int read_config(Config **ret) {
        Problems problems = {0};
        if (!config_read(arg_config, ret, &problems))
                return 0;
        for (char *line = strtok(problems.text, "\n"); line; line = strtok(NULL, "\n"))
                log_error("%s", line);
        return WORKER_EXIT_CONFIG;
}

/* For whoever asks whether all is right: a start goes on without these models. */
static int say_missing(const Config *config) {
        char words[CONFIG_MISSING_SIZE];
        size_t n = 0;

        for (; config_missing(config, n, words, sizeof(words)); n++)
                log_error("%s", words);
        return n != 0;
}

/* What comes of [registry] as comments, because the whole is a file that can be read again. */
static void print_all(const Config *config, const json_t *told) {
        config_print(config);
        if (told)
                (void) printf("\n# the Registry at %s provides:\n", config->registry_app);
        for (size_t i = 0; i < json_array_size(told); i++)
                (void) printf("#   %s\n", listing_name(json_array_get(told, i)));
}

int main(int argc, char *argv[]) {
        _cleanup_(config_freep) Config *config = NULL;
        json_auto_t *models = NULL, *told = NULL;
        int must_exit = 0;

        dumpable_set(0); /* until the configuration says otherwise: it is read with passwords */
        (void) descriptors_fill_standard(); /* before anything else is opened */
        title_init(argc, argv);
        log_init("registry-jobd", LOG_STYLE_PLAIN);
        int code = parse_args(argc, argv);
        if (code >= 0)
                return code;

        int log_fd = init_log();
        code = read_config(&config);
        if (!code)
                code = supervisor_try_plugins(config, &models);
        if (code)
                return code;
        if (arg_check && say_missing(config))
                code = WORKER_EXIT_CONFIG;
        if (!code && arg_check && config->registry_app)
                code = supervisor_ask_registry(config, &told);
        if (code)
                return code;
        if (arg_check) {
                if (conninfo_has_secret(config->conninfo))
                        log_warning("a password stands in '%s': better in libpq's password file",
                                    arg_config);
                if (!arg_quiet)
                        print_all(config, told);
                return EXIT_SUCCESS;
        }
        SupervisorArgs args = {
                .config_path = arg_config, .config = config, .models = models, .log_fd = log_fd};
        code = supervisor_run(&args, NULL, &must_exit);
        if (must_exit)
                _exit(code);
        return code;
}
