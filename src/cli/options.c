#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/verbs.h"
#include "util/parse.h"

/* Long options without a letter. */
enum {
        OPT_CONFIG = 256,
        OPT_JSON,
        OPT_VERSION,
        OPT_DUPLICATE,
        OPT_DELAY,
        OPT_REQUEUE,
        OPT_RETRY,
        OPT_MAX_RETRY,
        OPT_ACTOR,
        OPT_STATUS,
        OPT_PLUGIN,
        OPT_LIMIT,
        OPT_BEFORE,
        OPT_FORCE,
        OPT_OUTPUT,
        OPT_LABEL,
};

static const struct option long_options[] = {
        {"co_id", required_argument, NULL, 'c'},
        {"coid", required_argument, NULL, 'c'},
        {"job", required_argument, NULL, 'j'},
        {"run", no_argument, NULL, 'r'},
        {"synchronous", no_argument, NULL, 's'},
        {"max", required_argument, NULL, 'm'},
        {"parallel", required_argument, NULL, 'p'},
        {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"config", required_argument, NULL, OPT_CONFIG},
        {"json", no_argument, NULL, OPT_JSON},
        {"version", no_argument, NULL, OPT_VERSION},
        {"allow-duplicate", no_argument, NULL, OPT_DUPLICATE},
        {"delay", required_argument, NULL, OPT_DELAY},
        {"requeue-interval", required_argument, NULL, OPT_REQUEUE},
        {"retry-interval", required_argument, NULL, OPT_RETRY},
        {"max-retry", required_argument, NULL, OPT_MAX_RETRY},
        {"actor", required_argument, NULL, OPT_ACTOR},
        {"status", required_argument, NULL, OPT_STATUS},
        {"plugin", required_argument, NULL, OPT_PLUGIN},
        {"limit", required_argument, NULL, OPT_LIMIT},
        {"before", required_argument, NULL, OPT_BEFORE},
        {"force", no_argument, NULL, OPT_FORCE},
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"label", required_argument, NULL, OPT_LABEL},
        {0},
};

void options_print_help(void) {
        (void) printf(
                "registry-job -c CO -j Plugin.Model [-s] [name=value ...]   register a job\n"
                "registry-job -r -c CO|all [-m MAX] [-p PARALLEL]           drain the queue once\n"
                "registry-job VERB [ARGUMENT] [OPTION ...]\n\n"
                "Verbs:\n");
        verbs_print_help();
        (void) printf(
                "\nRegistering:\n"
                "  -c, --co_id CO            id of the CO\n"
                "  -j, --job NAME            plugin and model, such as CoreJob.NesterJob\n"
                "  -s, --synchronous         run it here and now; Ctrl-C cancels it\n"
                "      --delay SECONDS       do not start before\n"
                "      --requeue-interval SECONDS  queue it again after it is complete\n"
                "      --retry-interval SECONDS    queue it again after it failed\n"
                "      --max-retry N         at most so many retries (0: no limit)\n"
                "      --allow-duplicate     even if the same job waits or runs already\n"
                "Draining:\n"
                "  -r, --run                 run what is due, then end\n"
                "  -m, --max N               at most N jobs\n"
                "  -p, --parallel N          at most N workers\n"
                "Listing:\n"
                "      --status NAME[,NAME]  queued, assigned, in progress, complete, failed,\n"
                "                            canceled, or Q, A, GO, OK, X, CX\n"
                "      --plugin NAME         one plugin and model\n"
                "      --limit N             at most N rows (50)\n"
                "      --before ID           ids below this: the next page\n"
                "Settling:\n"
                "      --force               even if a process with its PID lives on this host\n"
                "Metrics:\n"
                "      --output FILE         into this file, as a whole or not at all\n"
                "      --label NAME=VALUE    one more label for all of them\n"
                "Everywhere:\n"
                "      --config FILE         configuration, instead of %s\n"
                "      --actor NAME          who asks, instead of the login name\n"
                "      --json                print JSON\n"
                "  -q, --quiet               print results and errors only\n"
                "  -v, --verbose             print more\n"
                "  -h, --help                this text\n"
                "      --version             version\n\n"
                "Exit codes: 0 done, 1 failed or refused, 2 usage, 3 no such job, 4 canceled,\n"
                "69 database unavailable, 78 configuration. See registry-job(1).\n",
                RJ_CONFIG_FILE);
}

static int take_number(const char *name, int64_t min, int64_t max, int64_t *to) {
        if (!parse_int64(optarg, min, max, to))
                return -1;
        cli_say("--%s must be a number from %lld to %lld, not '%s'", name, (long long) min,
                (long long) max, optarg);
        return CLI_USAGE;
}

static int take_option(int c, Options *o) {
        switch (c) {
        case 'c':
                o->co = optarg;
                return -1;
        case 'j':
                o->job = optarg;
                return -1;
        case 'r':
                o->is_run = 1;
                return -1;
        case 's':
                o->is_synchronous = 1;
                return -1;
        case 'q':
                o->is_quiet = 1;
                return -1;
        case 'v':
                o->is_verbose = 1;
                return -1;
        case 'm':
                return take_number("max", 1, INT32_MAX, &o->max);
        case 'p':
                return take_number("parallel", 1, 256, &o->parallel);
        case OPT_CONFIG:
                o->config = optarg;
                return -1;
        case OPT_JSON:
                o->is_json = 1;
                return -1;
        case OPT_FORCE:
                o->is_forced = 1;
                return -1;
        case OPT_OUTPUT:
                o->output = optarg;
                return -1;
        case OPT_LABEL:
                o->label = optarg;
                return -1;
        case OPT_DUPLICATE:
                o->may_duplicate = 1;
                return -1;
        case OPT_DELAY:
                return take_number("delay", 0, INT32_MAX, &o->delay);
        case OPT_REQUEUE:
                return take_number("requeue-interval", 1, INT32_MAX, &o->requeue_interval);
        case OPT_RETRY:
                return take_number("retry-interval", 1, INT32_MAX, &o->retry_interval);
        case OPT_MAX_RETRY:
                return take_number("max-retry", 0, INT32_MAX, &o->max_retry);
        case OPT_ACTOR:
                o->actor = optarg;
                return -1;
        case OPT_STATUS:
                o->status = optarg;
                return -1;
        case OPT_PLUGIN:
                o->plugin = optarg;
                return -1;
        case OPT_LIMIT:
                return take_number("limit", 1, 100000, &o->limit);
        case OPT_BEFORE:
                return take_number("before", 1, INT32_MAX, &o->before);
        case 'h':
                options_print_help();
                return CLI_OK;
        case OPT_VERSION:
                (void) printf("registry-job %s\n", RJ_VERSION);
                return CLI_OK;
        default:
                return CLI_USAGE; /* getopt has said why */
        }
}

int options_parse(int argc, char *argv[], Options *ret) {
        Options o = {.max_retry = -1, .limit = 50};
        int c, code;

        while ((c = getopt_long(argc, argv, "c:j:rsm:p:qvh", long_options, NULL)) != -1) {
                code = take_option(c, &o);
                if (code >= 0)
                        return code;
        }
        o.words = argv + optind;
        o.n_words = (size_t) (argc - optind);
        *ret = o;
        return -1;
}
