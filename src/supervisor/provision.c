/*
 * A change of the models is like a reload: membership tells the database, and workers that were
 * forked before are replaced, since they have not got them. The word of the child is that of a
 * process which has run the Registry's code: only names are taken from it, and the command that is
 * run for them is the configuration's.
 */
#include "supervisor/provision.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "config/config_program.h"
#include "core/backoff.h"
#include "plugin/listing.h"
#include "process/spawn.h"
#include "supervisor/supervisor_private.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"
#include "worker/told.h"

#define LEAVE_USEC (10 * USEC_PER_SEC) /* more than the child waits for the program's end */

static const Backoff retry = {.first_usec = USEC_PER_SEC, .max_usec = 60 * USEC_PER_SEC};

/*
 * The models of the configuration, and those that only the Registry has, not counting a model of
 * the configuration whose program is missing; NULL without memory.
 */
static json_t *merge(const Config *config, const json_t *own, const json_t *told) {
        json_t *all = json_copy((json_t *) own);

        for (size_t i = 0; all && i < json_array_size(told); i++) {
                json_t *one = json_array_get(told, i);
                if (listing_find(own, listing_name(one)) ||
                    config_program_find(config, listing_name(one)) || !json_array_append(all, one))
                        continue;
                json_decref(all);
                return NULL;
        }
        return all;
}

static void free_exec(ExecModel **exec, size_t first, size_t n) {
        for (size_t i = first; exec && i < n; i++)
                (void) exec_model_free(exec[i]);
        free(exec);
}

/* What workers get to run `all`. Returns 0 or -ENOMEM. */
static int make_exec(const Config *config, const json_t *all, Supply *supply) {
        size_t own = json_array_size(supply->own), n = json_array_size(all);

        supply->exec = calloc(config->n_exec + n - own + 1, sizeof(*supply->exec));
        if (!supply->exec)
                return error_origin(-ENOMEM);
        supply->n_own = supply->n_exec = config->n_exec;
        for (size_t i = 0; i < config->n_exec; i++)
                supply->exec[i] = config->exec[i];
        for (size_t i = own; i < n; i++) {
                int r = config_registry_model(config, listing_name(json_array_get(all, i)),
                                              json_array_size(supply->told),
                                              &supply->exec[supply->n_exec]);
                if (r)
                        return r;
                supply->n_exec++;
        }
        return 0;
}

static void supply_done(Supply *supply) {
        free_exec(supply->exec, supply->n_own, supply->n_exec);
        free(supply->models);
        free(supply->problem);
        json_decref(supply->own);
        json_decref(supply->told);
        *supply = (Supply){0};
}

/* A line for each program that is missing and one for the Registry; NULL without memory. */
static char *join_problems(const Config *config, const char *registry, size_t *ret_missing) {
        char *lines = NULL;
        size_t size;
        FILE *to = open_memstream(&lines, &size);

        *ret_missing = 0;
        if (!to)
                return NULL;
        for (size_t i = 0; i < config->n_exec; i++)
                if (exec_model_missing(config->exec[i]))
                        (void) fprintf(to, "%s[exec \"%s\"]: %s", (*ret_missing)++ ? "\n" : "",
                                       exec_model_name(config->exec[i]),
                                       exec_model_missing(config->exec[i]));
        if (*registry)
                (void) fprintf(to, "%s%s", *ret_missing ? "\n" : "", registry);
        return fclose(to) ? NULL : lines;
}

static int prepare(const Config *config, const json_t *own, const json_t *told, const char *problem,
                   Supply *ret) {
        json_auto_t *all = merge(config, own, told);
        size_t missing;
        _cleanup_(freep) char *lines = join_problems(config, problem, &missing);
        /* Whose models are not known, nobody may fail their jobs; nor where a program is missing.
         */
        int takes_any = config->fails_unknown && !missing && (told || !config->registry_app);

        *ret = (Supply){.own = json_incref((json_t *) own), .told = json_incref((json_t *) told)};
        int r = all && lines ? make_exec(config, all, ret) : error_origin(-ENOMEM);
        if (!r)
                r = listing_add_quarantine(all, &config->limits);
        if (!r) {
                ret->models = listing_text(all, takes_any);
                ret->problem = *lines ? TAKE_PTR(lines) : NULL;
                r = ret->models ? 0 : error_origin(-ENOMEM);
        }
        if (r)
                supply_done(ret);
        return r;
}

static void take(Supervisor *s, Supply *supply) {
        Supply *now = &s->provision.now;

        supply_done(now);
        *now = *supply;
        s->worker_settings.exec = now->exec;
        s->worker_settings.n_exec = now->n_exec;
        membership_provide(s, TAKE_PTR(now->models), TAKE_PTR(now->problem));
        plan_replace_all(s->plan);
}

/* Without memory everything stays, and is tried again. */
static void change(Supervisor *s, const json_t *told) {
        Provision *p = &s->provision;
        Supply supply;

        int r = prepare(s->config, p->now.own, told, p->problem, &supply);
        if (!r) {
                take(s, &supply);
                return;
        }
        log_error_errno(r, "could not change the models that are provided");
        p->next_usec = usec_add(clock_now_usec(), retry.max_usec);
}

/* At once, or when the child that is at work has ended. */
static void ask(Supervisor *s) {
        Provision *p = &s->provision;

        if (p->trial.pid)
                p->is_again = 1;
        else
                p->next_usec = s->config->registry_app ? clock_now_usec() : USEC_INFINITY;
}

int provision_prepare(const Provision *p, const Config *config, const json_t *own, Supply *ret) {
        int is_used = config->registry_app != NULL;

        return prepare(config, own, is_used ? p->now.told : NULL, is_used ? p->problem : "", ret);
}

static void warn_of_missing(const Config *config) {
        LogFields fields = {.hint = "put the program there and reload the daemon: systemctl reload "
                                    "registry-jobd; jobs of such a model wait, and a hook is "
                                    "told nothing until then"};
        char words[CONFIG_MISSING_SIZE];

        for (size_t i = 0; config_missing(config, i, words, sizeof(words)); i++)
                log_write(LOG_WARNING, &fields, "%s", words);
}

void provision_configure(Supervisor *s, Supply *supply) {
        Provision *p = &s->provision;

        if (!s->config->registry_app)
                *p->problem = '\0';
        warn_of_missing(s->config);
        take(s, supply);
        p->failures = 0;
        ask(s);
}

usec_t provision_patience(const Config *config) {
        return usec_add(config->registry_start_usec, LEAVE_USEC);
}

static void fork_trial(Supervisor *s, usec_t now_usec) {
        Provision *p = &s->provision;
        WorkerSettings settings = supervisor_worker_settings(s->config);
        _cleanup_(exec_model_freep) ExecModel *program = NULL;

        p->next_usec = USEC_INFINITY;
        p->deadline_usec = usec_add(now_usec, provision_patience(s->config));
        int r = config_registry_model(s->config, NULL, 0, &program);
        settings.exec = &program;
        settings.n_exec = 1;
        if (!r)
                r = trial_fork(worker_list_told, &settings, &p->trial);
        if (!r)
                return;
        log_error_errno(r, "could not fork to start the Registry");
        p->next_usec = usec_add(now_usec, retry.first_usec);
}

/* What the child finds to be well may be down again in each worker: then it is asked ever less. */
static void delay_next(Provision *p) {
        usec_t now = clock_now_usec();

        p->failures =
                backoff_count(&retry, p->failures, p->now.told ? usec_sub(now, p->told_usec) : 0);
        p->next_usec = usec_add(now, backoff_delay(&retry, p->failures, (uint32_t) random()));
}

/* Said once, and again when the reason changes. */
static void note_problem(Supervisor *s, const char *words) {
        Provision *p = &s->provision;
        char line[PROVISION_PROBLEM_SIZE], problem[PROVISION_PROBLEM_SIZE];
        LogFields fields = {.hint = "registry-jobd --check starts it; jobs of its models wait "
                                    "meanwhile, and run when it starts"};

        (void) text_copy_utf8(line, sizeof(line), 400, words);
        text_make_line(line);
        (void) snprintf(problem, sizeof(problem),
                        "the Registry at %.150s does not start: ", s->config->registry_app);
        size_t n = strlen(problem);
        (void) text_copy_utf8(problem + n, sizeof(problem) - n, 0, line);
        if (strcmp(problem, p->problem))
                log_write(LOG_WARNING, &fields, "%s", problem);
        (void) snprintf(p->problem, sizeof(p->problem), "%s", problem);
        delay_next(p);
}

static void note_told(Supervisor *s, const json_t *told) {
        Provision *p = &s->provision;

        if (*p->problem)
                log_notice("the Registry at %s starts again", s->config->registry_app);
        *p->problem = '\0';
        log_info("the Registry at %s provides %zu model%s", s->config->registry_app,
                 json_array_size(told), json_array_size(told) == 1 ? "" : "s");
        p->told_usec = clock_now_usec();
        p->next_usec = USEC_INFINITY;
        if (!json_equal((json_t *) told, p->now.told))
                change(s, told);
}

void provision_end_trial(Supervisor *s, int wait_status) {
        Provision *p = &s->provision;
        char why[TRIAL_WHY_SIZE];
        json_auto_t *told = trial_end(&p->trial, why);
        int is_again = p->is_again;

        p->is_again = 0;
        if (is_again || !s->config->registry_app) { /* the configuration has changed since then */
                ask(s);
        } else if (told) {
                note_told(s, told);
        } else {
                Outcome outcome = spawn_outcome(wait_status);
                if (!*why)
                        outcome_describe(outcome, NULL, why, sizeof(why));
                note_problem(s, why);
                change(s, NULL);
        }
}

void provision_note_down(Supervisor *s, const char *words) {
        Provision *p = &s->provision;

        if (!p->now.told)
                return; /* it is known, and was withdrawn */
        if (*words) {
                note_problem(s, words);
        } else {
                log_notice("the Registry at %s provides other models than before: asking it which",
                           s->config->registry_app);
                delay_next(p);
        }
        change(s, NULL);
}

usec_t provision_check(Supervisor *s, usec_t now_usec) {
        Provision *p = &s->provision;

        if (p->trial.pid) {
                if (now_usec < p->deadline_usec)
                        return p->deadline_usec;
                spawn_signal(p->trial.pid, SIGKILL);
                return USEC_INFINITY;
        }
        if (s->stop_usec || now_usec < p->next_usec)
                return s->stop_usec ? USEC_INFINITY : p->next_usec;
        fork_trial(s, now_usec);
        return p->trial.pid ? p->deadline_usec : p->next_usec;
}

int provision_is_open(const Supervisor *s) {
        return s->config->registry_app && !s->provision.now.told && !*s->provision.problem;
}

void provision_done(Supervisor *s) {
        Provision *p = &s->provision;

        if (p->trial.pid) {
                spawn_signal(p->trial.pid, SIGKILL);
                trial_forget(&p->trial);
        }
        supply_done(&p->now);
        *p = (Provision){0};
}
