/* registry-jobd: arguments, configuration, log; then the supervisor. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/conninfo.h"
#include "supervisor/journal.h"
#include "supervisor/supervisor.h"
#include "util/log.h"
#include "worker/title.h"
#include "worker/worker.h"

#define EXIT_USAGE 2

static const char *arg_config = RJ_CONFIG_FILE;
static int arg_check, arg_quiet;

static void print_help(void) {
        (void) printf("registry-jobd [--config FILE] [--check [--quiet]]\n\n"
                      "Runs the job queue of COmanage Registry, in the foreground.\n\n"
                      "  --config FILE  configuration, instead of %s\n"
                      "  --check        read the configuration, open the plugins, print the\n"
                      "                 settings and end: 0 when all is well, 78 when not\n"
                      "  --quiet        with --check: print what is wrong, and nothing else\n"
                      "  --help         this text\n"
                      "  --version      version\n\n"
                      "SIGTERM stops when running jobs are done, a second one at once; SIGHUP\n"
                      "reads the configuration again. See registry-jobd(8).\n",
                      RJ_CONFIG_FILE);
}

/* Returns -1 to go on, or an exit code. */
static int parse_args(int argc, char *argv[]) {
        static const struct option options[] = {
                {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
                {"quiet", no_argument, NULL, 'q'},        {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},      {0}};
        int c;

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
                        return EXIT_USAGE;
                }
        if (optind < argc) {
                (void) fprintf(stderr, "registry-jobd: unexpected argument '%s'\n", argv[optind]);
                return EXIT_USAGE;
        }
        return -1;
}

/* Returns the journal's descriptor, or -1. */
static int init_log(void) {
        log_init("registry-jobd", isatty(STDERR_FILENO) ? LOG_STYLE_PLAIN : LOG_STYLE_PREFIX);
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

int main(int argc, char *argv[]) {
        _cleanup_(config_freep) Config *config = NULL;
        int must_exit = 0;

        title_init(argc, argv);
        int code = parse_args(argc, argv);
        if (code >= 0)
                return code;

        int log_fd = init_log();
        code = read_config(&config);
        if (!code)
                code = supervisor_try_plugins(config);
        if (code)
                return code;
        if (arg_check) {
                if (conninfo_has_secret(config->conninfo))
                        log_warning("a password stands in '%s': better in libpq's password file",
                                    arg_config);
                if (!arg_quiet)
                        config_print(config);
                return EXIT_SUCCESS;
        }
        SupervisorArgs args = {.config_path = arg_config, .config = config, .log_fd = log_fd};
        code = supervisor_run(&args, NULL, &must_exit);
        if (must_exit)
                _exit(code);
        return code;
}
