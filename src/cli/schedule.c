/*
 * schedule: registers the job of a schedule. registry-job-register@NAME.timer starts that, on every
 * host that has the schedule, and the key of the registration sees to it that each time gets one
 * job: NAME@TIME, where TIME is the last time of the schedule that is not after now. A timer
 * elapses at its time or later by the host's own clock, so that clocks that differ, random delays
 * and a boot that comes late all lead to the same time.
 *
 * systemd says when a timer has elapsed (TRIGGER_TIMER_REALTIME_USEC), but not each time: version
 * 252 repeats what it said of the first one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/elapse.h"
#include "cli/schedule_file.h"
#include "cli/verbs.h"
#include "core/when.h"

#define KEY_SIZE (SCHEDULE_NAME_MAX + 1 + WHEN_SIZE)

/* Returns CLI_OK, or a code after saying why not. */
static int make_key(const Schedule *schedule, char key[KEY_SIZE]) {
        char why[512] = "", time[WHEN_SIZE];
        int64_t at;

        int64_t now = clock_wall_usec() / (int64_t) USEC_PER_SEC;
        int r = elapse_find_last(schedule->when, now, &at, why, sizeof(why));
        if (r) {
                cli_say("%s: when = %s: %s", schedule->path, schedule->when,
                        *why ? why : strerror(-r));
                return r > 0 ? CLI_CONFIG : CLI_FAILED;
        }
        when_iso(at, time);
        (void) snprintf(key, KEY_SIZE, "%s@%s", schedule->name, time);
        return CLI_OK;
}

/* As the command line would have it. */
static Options options_of(const Cli *cli, Schedule *schedule, const char *key) {
        Options o = *cli->options;

        o.co = schedule->co;
        o.job = schedule->job;
        o.retry_interval = schedule->retry_interval;
        o.max_retry = schedule->max_retry;
        o.words = schedule->parameters;
        o.n_words = schedule->n_parameters;
        o.schedule = schedule->name;
        o.once = key;
        if (!*o.actor)
                (void) snprintf(o.actor, sizeof(o.actor), "schedule %s", schedule->name);
        return o;
}

static int register_scheduled(Cli *cli, Schedule *schedule) {
        char key[KEY_SIZE];

        int code = cli->options->is_forced ? CLI_OK : make_key(schedule, key);
        if (code)
                return code;
        Options options = options_of(cli, schedule, cli->options->is_forced ? NULL : key);
        Cli its = *cli;
        its.options = &options;
        code = cli_register(&its);
        cli->db = its.db;
        if (code && code != CLI_UNAVAILABLE)
                cli_say("%s: nothing was registered, for the reason above; when it is mended, "
                        "'systemctl start registry-job-register@%s' registers it for this time",
                        schedule->path, schedule->name);
        return code;
}

int verb_schedule(Cli *cli) {
        _cleanup_(schedule_freep) Schedule *schedule = NULL;
        Problems problems = {0};

        int r = schedule_read(cli->options->words[1], &schedule, &problems);
        if (!r)
                return register_scheduled(cli, schedule);
        cli_say_problems(&problems);
        return r < 0 ? cli_say_memory() : CLI_CONFIG;
}
