/*
 * A new option needs an entry in long_options, a case in set_option(), a line in the help, and its
 * place in registry-job(1) and the completion; lint-manual checks that.
 */
#include "cli/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/verbs.h"
#include "util/parse.h"
#include "util/text.h"

#define INTERVAL_MAX 3600 /* seconds between two pictures of top */

/* Long options without a short form. */
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
        OPT_MODEL,
        OPT_TEXT,
        OPT_SINCE,
        OPT_UNTIL,
        OPT_PERSON,
        OPT_LIMIT,
        OPT_BEFORE,
        OPT_FAILED,
        OPT_DRY_RUN,
        OPT_YES,
        OPT_FORCE,
        OPT_OUTPUT,
        OPT_LABEL,
        OPT_PARAMETER_FILE,
        OPT_MIGRATE,
        OPT_ROOT,
        OPT_ONCE,
        OPT_REASON,
        OPT_ALWAYS,
        OPT_INTERVAL,
};

static const struct option long_options[] = {
        {"co", required_argument, NULL, 'c'},
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
        {"model", required_argument, NULL, OPT_MODEL},
        {"plugin", required_argument, NULL, OPT_MODEL},
        {"text", required_argument, NULL, OPT_TEXT},
        {"since", required_argument, NULL, OPT_SINCE},
        {"until", required_argument, NULL, OPT_UNTIL},
        {"person", required_argument, NULL, OPT_PERSON},
        {"limit", required_argument, NULL, OPT_LIMIT},
        {"before", required_argument, NULL, OPT_BEFORE},
        {"failed", no_argument, NULL, OPT_FAILED},
        {"dry-run", no_argument, NULL, OPT_DRY_RUN},
        {"yes", no_argument, NULL, OPT_YES},
        {"force", no_argument, NULL, OPT_FORCE},
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"label", required_argument, NULL, OPT_LABEL},
        {"parameter-file", required_argument, NULL, OPT_PARAMETER_FILE},
        {"migrate", no_argument, NULL, OPT_MIGRATE},
        {"root", required_argument, NULL, OPT_ROOT},
        {"once", required_argument, NULL, OPT_ONCE},
        {"reason", required_argument, NULL, OPT_REASON},
        {"requeue-always", no_argument, NULL, OPT_ALWAYS},
        {"interval", required_argument, NULL, OPT_INTERVAL},
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
                "  -c, --co CO               id or name of the CO\n"
                "  -j, --job NAME            plugin and model, such as CoreJob.NesterJob\n"
                "  -s, --synchronous         run the job here and now; Ctrl-C cancels it\n"
                "      --delay TIME          do not start the job earlier; a TIME is 90 or 90s\n"
                "                            (seconds), 15m, 1h or 2d\n"
                "      --requeue-interval TIME  queue it again when it was complete\n"
                "      --requeue-always      with that: also when it failed for good\n"
                "      --retry-interval TIME    queue it again when it failed\n"
                "      --max-retry N         at most so many retries (0: no limit)\n"
                "      --allow-duplicate     register it even if the same job waits or runs\n"
                "      --once KEY            register it unless a job was with this key before\n"
                "      --parameter-file NAME=FILE  a parameter whose value is in a file, or, with "
                "-\n"
                "                            instead of FILE, on standard input: for secrets\n"
                "Draining:\n"
                "  -r, --run                 run what is due, then end\n"
                "  -m, --max N               at most N jobs\n"
                "  -p, --parallel N          at most N workers\n"
                "Selecting, for list, cancel and retry:\n"
                "      --status NAME[,NAME]  queued, assigned, in progress, complete, failed,\n"
                "                            canceled, or Q, A, GO, OK, X, CX\n"
                "      --failed              as --status failed\n"
                "      --model TEXT          with this in the name of plugin and model; also: "
                "--plugin\n"
                "      --since WHEN          ended, or else started or registered, from then on:\n"
                "                            2026-11-30, '2026-11-30 14:00', with a zone, or 2h\n"
                "      --until WHEN          ... and before then\n"
                "      --text TEXT           with this in a summary or in the parameters\n"
                "      --person ID           with a history record about this person\n"
                "      --limit N             at most N jobs; list: 50, cancel, retry: all\n"
                "      --before ID           only ids below this one: the next page\n"
                "Changing many:\n"
                "      --dry-run             cancel, retry: print what would be changed\n"
                "      --yes                 do not ask whether to change what was selected\n"
                "Holding: -c CO|all, --model NAME or both, for hold and release\n"
                "      --until WHEN          hold until then; here 2h is from now on\n"
                "      --reason TEXT         why, for all who ask\n"
                "      --force               with -s: run a job although it is held\n"
                "Settling:\n"
                "      --force               settle although a process with its PID lives here;\n"
                "                            remove the schema although a daemon is alive\n"
                "Checking:\n"
                "      --migrate             doctor: may the daemon take over from cron?\n"
                "      --root DIR            look for cron entries and units below DIR\n"
                "Scheduling:\n"
                "      --force               register it also when its time has its job\n"
                "Looking on:\n"
                "      --interval TIME       top: a new picture so often (2s), up to 1h\n"
                "Metrics:\n"
                "      --output FILE         write them to this file, as a whole or not at all\n"
                "      --label NAME=VALUE    add this label to all metrics\n"
                "Everywhere:\n"
                "      --config FILE         read this configuration instead of %s\n"
                "      --actor NAME          your name, instead of the login name\n"
                "      --json                print JSON\n"
                "  -q, --quiet               print results and errors only\n"
                "  -v, --verbose             print more\n"
                "  -h, --help                this text\n"
                "      --version             version\n\n"
                "Exit codes: 0 done, 1 failed or refused, 2 usage, 3 no such job, 4 canceled,\n"
                "69 database unavailable, 78 configuration. See registry-job(1).\n",
                RJ_CONFIG_FILE);
}

static int set_number(const char *name, int64_t min, int64_t max, int64_t *to) {
        if (!parse_int64(optarg, min, max, to))
                return -1;
        cli_say("--%s must be a number from %lld to %lld, not '%s'", name, (long long) min,
                (long long) max, optarg);
        return CLI_USAGE;
}

/* A time in whole seconds. */
static int set_seconds(const char *name, int64_t min, int64_t max, int64_t *to) {
        usec_t usec;

        if (!parse_duration(optarg, (usec_t) min * USEC_PER_SEC, (usec_t) max * USEC_PER_SEC,
                            &usec) &&
            usec % USEC_PER_SEC == 0) {
                *to = (int64_t) (usec / USEC_PER_SEC);
                return -1;
        }
        cli_say("--%s must be a time such as 90 or 90s (seconds), 15m, 1h or 2d, from %lld s to "
                "%lld s, not '%s'",
                name, (long long) min, (long long) max, optarg);
        return CLI_USAGE;
}

/* A text that is searched for. */
static int set_text(const char *name, const char **to) {
        size_t n = strlen(optarg);

        if (n && text_is_utf8(optarg, n)) {
                *to = optarg;
                return -1;
        }
        cli_say("--%s must be a text that is not empty, in UTF-8", name);
        return CLI_USAGE;
}

/* The name becomes jobs.actor_identifier: cut to the column, and not silently. */
static int set_actor(Options *o) {
        size_t n = strlen(optarg);

        if (!n || !text_is_utf8(optarg, n)) {
                cli_say("--actor must be a name, in UTF-8");
                return CLI_USAGE;
        }
        if (text_copy_utf8(o->actor, sizeof(o->actor), ACTOR_CHARS_MAX, optarg) != n)
                cli_say("warning: --actor is cut to %u characters", ACTOR_CHARS_MAX);
        return -1;
}

/* What stands in a name of a file and a time, and needs no quotation marks in a shell. */
static int set_once(Options *o) {
        size_t n = strspn(optarg, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._:@/+-");

        if (!n || n > KEY_MAX || optarg[n]) {
                cli_say("--once must be a key of 1 to %u letters, digits and ._:@/+-, not '%s'",
                        KEY_MAX, optarg);
                return CLI_USAGE;
        }
        o->once = optarg;
        return -1;
}

static int is_of_standard_input(const char *option) {
        return !strcmp(strchr(option, '='), "=-");
}

static int add_parameter_file(Options *o) {
        const char *equals = strchr(optarg, '=');

        if (!equals || equals == optarg || !equals[1]) {
                cli_say("--parameter-file must be NAME=FILE");
                return CLI_USAGE;
        }
        if (o->n_parameter_files == PARAMETER_FILES_MAX) {
                cli_say("--parameter-file can be given %u times at most", PARAMETER_FILES_MAX);
                return CLI_USAGE;
        }
        for (size_t i = 0; i < o->n_parameter_files; i++)
                if (is_of_standard_input(optarg) && is_of_standard_input(o->parameter_files[i])) {
                        cli_say("only one parameter can come from standard input");
                        return CLI_USAGE;
                }
        o->parameter_files[o->n_parameter_files++] = optarg;
        return -1;
}

static int set_option(int c, Options *o) {
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
                return set_number("max", 1, INT32_MAX, &o->max);
        case 'p':
                return set_number("parallel", 1, 256, &o->parallel);
        case OPT_CONFIG:
                o->config = optarg;
                return -1;
        case OPT_JSON:
                o->is_json = 1;
                return -1;
        case OPT_FAILED:
                o->is_failed = 1;
                return -1;
        case OPT_DRY_RUN:
                o->is_dry_run = 1;
                return -1;
        case OPT_YES:
                o->is_yes = 1;
                return -1;
        case OPT_FORCE:
                o->is_forced = 1;
                return -1;
        case OPT_MIGRATE:
                o->is_migrate = 1;
                return -1;
        case OPT_ROOT:
                o->root = optarg;
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
        case OPT_ONCE:
                return set_once(o);
        case OPT_REASON:
                o->reason = optarg;
                return -1;
        case OPT_ALWAYS:
                o->is_requeued_always = 1;
                return -1;
        case OPT_DELAY:
                return set_seconds("delay", 0, INT32_MAX, &o->delay);
        case OPT_REQUEUE:
                return set_seconds("requeue-interval", 1, INT32_MAX, &o->requeue_interval);
        case OPT_RETRY:
                return set_seconds("retry-interval", 1, INT32_MAX, &o->retry_interval);
        case OPT_INTERVAL:
                return set_seconds("interval", 1, INTERVAL_MAX, &o->interval);
        case OPT_MAX_RETRY:
                return set_number("max-retry", 0, INT32_MAX, &o->max_retry);
        case OPT_ACTOR:
                return set_actor(o);
        case OPT_PARAMETER_FILE:
                return add_parameter_file(o);
        case OPT_STATUS:
                o->status = optarg;
                return -1;
        case OPT_MODEL:
                return set_text("model", &o->model);
        case OPT_TEXT:
                return set_text("text", &o->text);
        case OPT_SINCE:
                o->since = optarg;
                return -1;
        case OPT_UNTIL:
                o->until = optarg;
                return -1;
        case OPT_PERSON:
                return set_number("person", 1, INT32_MAX, &o->person);
        case OPT_LIMIT:
                return set_number("limit", 1, INT32_MAX, &o->limit);
        case OPT_BEFORE:
                return set_number("before", 1, INT32_MAX, &o->before);
        case 'h':
                options_print_help();
                return CLI_OK;
        case OPT_VERSION:
                (void) printf("registry-job %s\n", RJ_VERSION);
                return CLI_OK;
        default:
                return CLI_USAGE; /* that was said */
        }
}

/* getopt itself would print the word as it is. In a word of several letters it says which one. */
static void say_wrong(int c, const char *word) {
        const char letter[] = {'-', (char) optopt, '\0'};

        if (optopt > 0 && optopt <= UCHAR_MAX)
                word = letter;
        if (c == ':')
                cli_say("option '%s' needs a value; see registry-job --help", word);
        if (c == '?')
                cli_say("option '%s' is unknown, or ambiguous, or takes no value; see "
                        "registry-job --help",
                        word);
}

int options_parse(int argc, char *argv[], Options *ret) {
        Options o = {.max_retry = -1};
        int c, code;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":c:j:rsm:p:qvh", long_options, NULL)) != -1) {
                say_wrong(c, argv[optind - 1]);
                code = set_option(c, &o);
                if (code >= 0)
                        return code;
        }
        o.words = argv + optind;
        o.n_words = (size_t) (argc - optind);
        *ret = o;
        return -1;
}
