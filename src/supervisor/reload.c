/*
 * A reload takes the whole file or nothing. The file is read here; whether its plugins can be
 * opened is found out by a child, because no plugin code runs in this process. Until that child
 * has ended, everything goes on with the configuration that was; systemd is told RELOADING, so that
 * `systemctl reload` waits. It does not matter who asked, or whether --check was run before.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "config/config_program.h"
#include "process/spawn.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"

static void log_problems(const Problems *problems) {
        for (const char *p = problems->text; *p;) {
                size_t n = strcspn(p, "\n");
                log_error("%.*s", (int) n, p);
                p += n + (p[n] != '\0');
        }
}

/* systemd and the log are told what came of it. */
static void finish_reload(Supervisor *s, int is_applied) {
        if (!is_applied)
                log_error("the configuration stays as it was");
        s->reload.next = config_free(s->reload.next);
        s->is_ready_told = 0;
        supervisor_tell_status(s);
        if (!s->reload.is_again)
                return;
        s->reload.is_again = 0;
        supervisor_begin_reload(s);
}

static int fork_trial(Supervisor *s) {
        WorkerSettings settings = supervisor_worker_settings(s->reload.next);

        s->reload.deadline_usec = usec_add(clock_now_usec(), s->config->start_usec);
        int r = trial_fork(worker_try_plugins, &settings, &s->reload.trial);
        if (r)
                log_error_errno(r, "could not fork to try the plugins");
        return r;
}

/*
 * A start has to do with the programs that are there. A reload has a choice: it takes no model away
 * because of a word that is misspelt.
 */
static int refuse_missing(const Supervisor *s) {
        char words[CONFIG_MISSING_SIZE];
        int is_missing = config_newly_missing(s->config, s->reload.next, words, sizeof(words));

        if (is_missing)
                log_error("%s", words);
        return is_missing;
}

void supervisor_begin_reload(Supervisor *s) {
        Problems problems = {0};

        if (!s->args->config_path)
                return;
        if (s->reload.trial.pid) {
                s->reload.is_again = 1;
                return;
        }
        service_reloading();
        if (config_read(s->args->config_path, &s->reload.next, &problems)) {
                log_problems(&problems);
                finish_reload(s, 0);
        } else if (refuse_missing(s) || fork_trial(s)) {
                finish_reload(s, 0);
        }
}

/*
 * A model that is new is claimed by workers that have loaded it; the others end when they are idle.
 * Until the database has the new models nobody new claims anything.
 */
static void apply_next(Supervisor *s, Supply *supply) {
        char kept[256];

        config_apply(s->config, s->reload.next, kept, sizeof(kept));
        supervisor_configure(s);
        provision_configure(s, supply);
        cgroups_check_limits(&s->cgroups, &s->config->limits);
        log_notice("reloaded the configuration%s%s", *kept ? "; these wait for a restart: " : "",
                   kept);
}

/* All that can fail comes before anything is applied. */
void supervisor_end_reload(Supervisor *s, int wait_status) {
        char why[TRIAL_WHY_SIZE];
        json_auto_t *found = trial_end(&s->reload.trial, why);
        Supply supply;

        int r = trial_judge(wait_status, found, why);
        if (r) {
                supervisor_log_untried(why);
        } else {
                r = provision_prepare(&s->provision, s->reload.next, found, &supply);
                if (r)
                        log_error_errno(r, "could not list the models");
        }
        if (!r)
                apply_next(s, &supply);
        finish_reload(s, !r);
}

usec_t supervisor_check_reload(Supervisor *s, usec_t now_usec) {
        if (!s->reload.trial.pid)
                return USEC_INFINITY;
        if (now_usec < s->reload.deadline_usec)
                return s->reload.deadline_usec;
        spawn_signal(s->reload.trial.pid, SIGKILL);
        return USEC_INFINITY;
}
