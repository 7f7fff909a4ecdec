/*
 * The summary is what a person reads first in the list of jobs: it says what happened in the
 * program's own words where it gave any, and never leaves out that they are not the whole story.
 */
#include "exec/verdict.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "registry-job/plugin.h"
#include "util/text.h"

#define PATH_CHARS 150 /* of a longer one the beginning, so that what happened fits behind it */

/* One failure, as a sentence behind the path, and as a remark behind the program's own words. */
typedef struct FailureWords {
        char sentence[200];
        char remark[200];
} FailureWords;

void verdict_describe_end(int status, const char *when, char *words, size_t size) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        char number[32];

        (void) snprintf(number, sizeof(number), "signal %d", WTERMSIG(status));
        if (status < 0 || (!WIFEXITED(status) && !WIFSIGNALED(status)))
                (void) snprintf(words, size, "ended, but nothing is known of how");
        else if (WIFEXITED(status))
                (void) snprintf(words, size, "exited with code %d%s", WEXITSTATUS(status), when);
        else
                (void) snprintf(words, size, "was killed by %s%s%s%s", name ? "SIG" : "",
                                name ? name : number, WCOREDUMP(status) ? " (core dumped)" : "",
                                when);
}

static void remark_end(int status, char *words, size_t size) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        char number[32];

        (void) snprintf(number, sizeof(number), "signal %d", WTERMSIG(status));
        if (status < 0 || (!WIFEXITED(status) && !WIFSIGNALED(status)))
                (void) snprintf(words, size, "end unknown");
        else if (WIFEXITED(status))
                (void) snprintf(words, size, "exit code %d", WEXITSTATUS(status));
        else
                (void) snprintf(words, size, "killed by %s%s%s", name ? "SIG" : "",
                                name ? name : number, WCOREDUMP(status) ? ", core dumped" : "");
}

static void resident_words(const EndFacts *facts, FailureWords *words) {
        if (facts->reason == END_MALFORMED) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "wrote a line that is no message: %.140s", facts->why);
                (void) snprintf(words->remark, sizeof(words->remark),
                                "ended: a line that is no message");
        } else if (facts->reason == END_CLOSED) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "closed descriptor 0 or 3 before the end of the job");
                (void) snprintf(words->remark, sizeof(words->remark),
                                "ended: descriptor 0 or 3 closed");
        } else {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "used more than its %llu s of CPU time",
                                (unsigned long long) facts->cpu_seconds);
                (void) snprintf(words->remark, sizeof(words->remark), "CPU time of %llu s",
                                (unsigned long long) facts->cpu_seconds);
        }
}

static void failure_words(const EndFacts *facts, FailureWords *words) {
        if (facts->reason == END_TIMEOUT) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "did not end within its timeout of %s", facts->timeout);
                (void) snprintf(words->remark, sizeof(words->remark), "timeout of %s",
                                facts->timeout);
        } else if (facts->reason == END_LONG_MESSAGE) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "wrote a message of more than %zu bytes", facts->limits.line_bytes);
                (void) snprintf(words->remark, sizeof(words->remark),
                                "ended: a message of more than %zu bytes",
                                facts->limits.line_bytes);
        } else if (facts->reason == END_MANY_MESSAGES) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "wrote more than %zu messages", facts->limits.messages);
                (void) snprintf(words->remark, sizeof(words->remark),
                                "ended: more than %zu messages", facts->limits.messages);
        } else if (facts->reason >= END_MALFORMED) {
                resident_words(facts, words);
        } else if (facts->end.is_given) {
                (void) snprintf(words->sentence, sizeof(words->sentence), "ended the job with %lld",
                                (long long) facts->end.code);
                if (facts->end.code != 1) /* which says no more than that it failed */
                        (void) snprintf(words->remark, sizeof(words->remark), "ended with %lld",
                                        (long long) facts->end.code);
        } else {
                verdict_describe_end(facts->status,
                                     facts->is_resident ? " before the end of the job" : "",
                                     words->sentence, sizeof(words->sentence));
                remark_end(facts->status, words->remark, sizeof(words->remark));
        }
}

static void write_failure(const EndFacts *facts, char *summary, size_t size) {
        FailureWords words = {0};
        char path[4 * PATH_CHARS + 1];

        failure_words(facts, &words);
        if (!*facts->summary) {
                (void) text_copy_utf8(path, sizeof(path), PATH_CHARS, facts->path);
                (void) snprintf(summary, size, "'%s' %s%s%s", path, words.sentence,
                                *facts->last_line ? ": " : "", facts->last_line);
                return;
        }
        (void) text_copy_utf8(summary, size, VERDICT_SUMMARY_CHARS, facts->summary);
        if (*words.remark &&
            text_count_chars(summary) + strlen(" ()") + text_count_chars(words.remark) <=
                    VERDICT_SUMMARY_CHARS)
                (void) text_append(summary, size, " (%s)", words.remark);
}

int verdict_reach(const EndFacts *facts, char summary[VERDICT_SUMMARY_SIZE]) {
        if (facts->reason == END_CANCELED) {
                (void) snprintf(summary, VERDICT_SUMMARY_SIZE, "canceled%s%s",
                                *facts->summary ? ": " : "", facts->summary);
                return RJ_CANCELED;
        }
        int is_done = facts->is_resident ? facts->end.is_given && !facts->end.code
                                         : facts->status == 0; /* exit code 0 */
        if (facts->reason == END_ITSELF && is_done) {
                (void) snprintf(summary, VERDICT_SUMMARY_SIZE, "%s", facts->summary);
                return RJ_OK;
        }
        write_failure(facts, summary, VERDICT_SUMMARY_SIZE);
        return RJ_FAILED;
}
