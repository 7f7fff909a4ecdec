#include "core/outcome.h"

#include <stdio.h>
#include <string.h>

#include "util/macro.h"
#include "util/text.h"

const char *ended_by_words(EndedBy ended_by) {
        static const char *const words[_ENDED_BY_MAX] = {
                [ENDED_BY_LEASE] = "the end of its supervisor's lease",
                [ENDED_BY_RUN_TIME] = "its run time limit",
                [ENDED_BY_CPU_TIME] = "its CPU time limit",
                [ENDED_BY_MEMORY] = "its memory limit",
                [ENDED_BY_OPEN] = "the time limit of its plugin's open() or close()",
                [ENDED_BY_HANG] = "its watch, because the worker hung",
        };
        return (unsigned) ended_by < ARRAY_SIZE(words) ? words[ended_by] : NULL;
}

static void describe_signal(Outcome outcome, char *text, size_t size) {
        const char *name = sigabbrev_np(outcome.value);
        char number[16];

        if (!name) {
                (void) snprintf(number, sizeof(number), "%d", outcome.value);
                name = number;
        }
        (void) snprintf(text, size, "killed by SIG%s%s%s", name,
                        outcome.has_core ? ", core dumped" : "",
                        outcome.is_oom ? ", probably by the kernel's OOM killer" : "");
}

void outcome_describe(Outcome outcome, const char *why, char *text, size_t size) {
        char how[96];

        switch (outcome.kind) {
        case OUTCOME_EXITED:
                (void) snprintf(how, sizeof(how), "exit code %d", outcome.value);
                break;
        case OUTCOME_SIGNALED:
                describe_signal(outcome, how, sizeof(how));
                break;
        case OUTCOME_BELATED:
                (void) snprintf(how, sizeof(how), "assigned only after its worker had died");
                break;
        default:
                (void) snprintf(how, sizeof(how), "its supervisor died as well");
        }
        if (why)
                (void) snprintf(text, size, "ended by %s (%s)", why, how);
        else
                (void) snprintf(text, size, "terminated unexpectedly (%s)", how);
}

void outcome_describe_error(int is_lost, const char *server, const char *plugin, char *text,
                            size_t size) {
        const char *said = *server ? server : *plugin ? plugin : "nothing was said about it";

        (void) snprintf(text, size, "%s: %s",
                        is_lost ? "lost connection to the database" : "database error", said);
}

EndForm outcome_next_form(EndForm refused, int is_complete) {
        EndForm last = is_complete ? END_AS_FAILED_WITHOUT_WORDS : END_WITHOUT_WORDS;

        return refused < last ? refused + 1 : _END_FORM_MAX;
}

static double seconds(usec_t usec) {
        return (double) usec / (double) USEC_PER_SEC;
}

void outcome_add_usage(const JobUsage *usage, char *text, size_t size) {
        if (!usage->is_known)
                return;
        if (usage->wall_usec)
                (void) text_append(text, size, "; ran %.1f s, CPU time %.1f s",
                                   seconds(usage->wall_usec), seconds(usage->cpu_usec));
        (void) text_append(text, size, "%s peak memory of its worker %.1f MB",
                           usage->wall_usec ? "," : ";", (double) usage->peak_bytes / 1e6);
}
