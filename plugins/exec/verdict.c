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
        char sentence[96];
        char remark[96];
} FailureWords;

static void signal_words(int status, FailureWords *words) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        char number[32];

        (void) snprintf(number, sizeof(number), "signal %d", WTERMSIG(status));
        (void) snprintf(words->remark, sizeof(words->remark), "killed by %s%s%s", name ? "SIG" : "",
                        name ? name : number, WCOREDUMP(status) ? ", core dumped" : "");
        (void) snprintf(words->sentence, sizeof(words->sentence), "was killed by %s%s%s",
                        name ? "SIG" : "", name ? name : number,
                        WCOREDUMP(status) ? " (core dumped)" : "");
}

static void failure_words(const EndFacts *facts, FailureWords *words) {
        if (facts->reason == END_TIMEOUT) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "did not end within its timeout of %s", facts->timeout);
                (void) snprintf(words->remark, sizeof(words->remark), "timeout of %s",
                                facts->timeout);
        } else if (facts->reason == END_LONG_LINE) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "wrote a line of more than %zu bytes", facts->limits.bytes);
                (void) snprintf(words->remark, sizeof(words->remark),
                                "ended: a line of more than %zu bytes", facts->limits.bytes);
        } else if (facts->reason == END_MANY_LINES) {
                (void) snprintf(words->sentence, sizeof(words->sentence),
                                "wrote more than %zu lines", facts->limits.lines);
                (void) snprintf(words->remark, sizeof(words->remark), "ended: more than %zu lines",
                                facts->limits.lines);
        } else if (facts->status >= 0 && WIFEXITED(facts->status)) {
                (void) snprintf(words->sentence, sizeof(words->sentence), "exited with code %d",
                                WEXITSTATUS(facts->status));
                (void) snprintf(words->remark, sizeof(words->remark), "exit code %d",
                                WEXITSTATUS(facts->status));
        } else if (facts->status >= 0 && WIFSIGNALED(facts->status)) {
                signal_words(facts->status, words);
        } else {
                *words = (FailureWords){"ended, but nothing is known of how", "end unknown"};
        }
}

static size_t count_chars(const char *text) {
        size_t n = 0;

        for (; *text; text++)
                n += (*text & 0xc0) != 0x80;
        return n;
}

static void write_failure(const EndFacts *facts, char *summary, size_t size) {
        FailureWords words = {0};
        char path[4 * PATH_CHARS + 1];

        failure_words(facts, &words);
        if (!*facts->summary) {
                (void) text_copy_utf8(path, sizeof(path), PATH_CHARS, facts->path);
                (void) snprintf(summary, size, "'%s' %s", path, words.sentence);
                return;
        }
        (void) text_copy_utf8(summary, size, VERDICT_SUMMARY_CHARS, facts->summary);
        if (count_chars(summary) + strlen(" ()") + count_chars(words.remark) <=
            VERDICT_SUMMARY_CHARS)
                (void) text_append(summary, size, " (%s)", words.remark);
}

int verdict_reach(const EndFacts *facts, char summary[VERDICT_SUMMARY_SIZE]) {
        if (facts->reason == END_CANCELED) {
                (void) snprintf(summary, VERDICT_SUMMARY_SIZE, "canceled%s%s",
                                *facts->summary ? ": " : "", facts->summary);
                return RJ_CANCELED;
        }
        if (facts->reason == END_ITSELF && facts->status == 0) { /* exit code 0 */
                (void) snprintf(summary, VERDICT_SUMMARY_SIZE, "%s", facts->summary);
                return RJ_OK;
        }
        write_failure(facts, summary, VERDICT_SUMMARY_SIZE);
        return RJ_FAILED;
}
