/* One row for each verb: a new verb needs a row, a function, and its place in registry-job(1). */
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#include "core/near.h"

static const Verb verbs[] = {
        {"list", NULL, "lists jobs, newest first", 0, 0, verb_list, SAYS_PROBLEMS},
        {"show", "ID", "shows all about one job", 1, 1, verb_show, SAYS_PROBLEMS},
        {"history", "ID", "shows the history records of a job", 1, 1, verb_history, SAYS_PROBLEMS},
        {"log", "ID", "shows all that is known of a job", 1, 1, verb_log, SAYS_PROBLEMS},
        {"watch", "ID", "follows a job to its end", 1, 1, verb_watch, SAYS_PROBLEMS},
        {"cancel", "[ID...]", "cancels jobs: these, or those selected", 0, SIZE_MAX, verb_cancel,
         SAYS_PROBLEMS},
        {"retry", "[ID...]", "queues failed or canceled jobs again", 0, SIZE_MAX, verb_retry,
         REFUSES_PROBLEMS},
        {"why", "ID", "says why a job does not run, or what it does", 1, 1, verb_why,
         SAYS_PROBLEMS},
        {"settle", "ID", "ends a job whose runner is gone", 1, 1, verb_settle, SAYS_PROBLEMS},
        {"hold", NULL, "lets nothing new of a CO or a model start", 0, 0, verb_hold, SAYS_PROBLEMS},
        {"release", NULL, "ends a hold", 0, 0, verb_release, SAYS_PROBLEMS},
        {"queue", NULL, "shows what waits and runs in each CO", 0, 0, verb_queue, SAYS_PROBLEMS},
        {"plugins", NULL, "lists models and their parameters", 0, 0, verb_plugins,
         REFUSES_PROBLEMS},
        {"status", NULL, "shows the daemons and their workers", 0, 0, verb_status, SAYS_PROBLEMS},
        {"top", NULL, "shows all that runs and waits, live", 0, 0, verb_top, SAYS_PROBLEMS},
        {"metrics", NULL, "prints metrics for Prometheus", 0, 0, verb_metrics, SAYS_PROBLEMS},
        {"doctor", NULL, "checks host and database, says what to do", 0, 0, verb_doctor,
         LEAVES_PROBLEMS},
        {"schedule", "NAME", "registers the job of a schedule, once for its time", 1, 1,
         verb_schedule, REFUSES_PROBLEMS},
        {"schema", "ACTION", "install, upgrade, check, adopt, remove, roles", 1, 1, verb_schema,
         REFUSES_PROBLEMS},
        {"complete", "WHAT", "prints jobs, cos or models for a shell", 1, 2, verb_complete,
         LEAVES_PROBLEMS},
};

const Verb *verbs_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (!strcmp(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

const char *verbs_near(const char *name) {
        Near near = {.word = name};
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                near_offer(&near, verbs[i].name);
        return near.best;
}

void verbs_print_help(void) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                (void) printf("  %-8s %-7s  %s\n", verbs[i].name,
                              verbs[i].argument ? verbs[i].argument : "", verbs[i].help);
}
