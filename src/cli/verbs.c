#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

static const Verb verbs[] = {
        {"list", NULL, "jobs, newest first", 0, 0, verb_list},
        {"show", "ID", "one job with everything", 1, 1, verb_show},
        {"history", "ID", "the history records of a job", 1, 1, verb_history},
        {"watch", "ID", "follow a job to its end", 1, 1, verb_watch},
        {"cancel", "ID", "cancel a job", 1, 1, verb_cancel},
        {"retry", "ID", "queue a failed or canceled job again", 1, 1, verb_retry},
        {"why", "ID", "why a job does not run, or what it does", 1, 1, verb_why},
        {"settle", "ID", "end a job whose runner is gone", 1, 1, verb_settle},
        {"queue", NULL, "what each CO has waiting and running", 0, 0, verb_queue},
        {"plugins", NULL, "models and their parameters", 0, 0, verb_plugins},
        {"status", NULL, "the daemons, and what their workers do", 0, 0, verb_status},
        {"metrics", NULL, "how things are, for Prometheus", 0, 0, verb_metrics},
        {"doctor", NULL, "is all well, and what to do if not", 0, 0, verb_doctor},
        {"schema", "ACTION", "install, upgrade, check, remove or roles", 1, 1, verb_schema},
};

const Verb *verbs_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (!strcmp(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

void verbs_print_help(void) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                (void) printf("  %-8s %-7s  %s\n", verbs[i].name,
                              verbs[i].argument ? verbs[i].argument : "", verbs[i].help);
}
