/*
 * `systemd-analyze calendar` is asked, which needs neither a running systemd nor its bus, once for
 * each time (see core/calendar.c). It takes some milliseconds.
 *
 * Its environment is that of the first process: a TZ of whoever calls the command by hand would
 * give other times than those of the timer.
 */
#include "cli/elapse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/calendar.h"
#include "core/when.h"
#include "process/spawn.h"
#include "util/reader.h"
#include "util/text.h"

#define PROGRAM "systemd-analyze"
#define PATIENCE_USEC (30 * USEC_PER_SEC)
#define SAID_BYTES 4096
#define NEXT_E_REFUSED (CALENDAR_E_NONE + 1) /* systemd-analyze gives no time */

typedef struct Question {
        const char *expression;
        char *why;
        size_t size;
        int64_t after;
        int fd; /* where the child writes its answer */
} Question;

static int run_program(void *arg) {
        const Question *question = arg;
        char base[48];
        const char *const environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
        const char *const argv[] = {PROGRAM, "calendar", base, "--", question->expression, NULL};

        (void) snprintf(base, sizeof(base), "--base-time=@%lld", (long long) question->after);
        if (dup2(question->fd, STDOUT_FILENO) < 0 || dup2(question->fd, STDERR_FILENO) < 0)
                return 127;
        (void) alarm((unsigned) (PATIENCE_USEC / USEC_PER_SEC)); /* the answer is read to its end */
        (void) execve("/usr/bin/" PROGRAM, (char *const *) argv, (char *const *) environment);
        (void) dprintf(STDERR_FILENO, "could not run /usr/bin/" PROGRAM ": %s\n", strerror(errno));
        return 127;
}

/* Runs it to its end. Returns what it has printed in `said`, and its exit code, or -errno. */
static int ask_program(Question *question, char said[SAID_BYTES]) {
        int ends[2], status = 0;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        question->fd = ends[1];
        const int keep[] = {ends[1]};
        int r = spawn_child(run_program, question, keep, ARRAY_SIZE(keep), &pid);
        (void) close(ends[1]);
        ssize_t n = r ? 0 : read_fully(ends[0], said, SAID_BYTES - 1);
        (void) close(ends[0]);
        if (r)
                return r;
        r = spawn_wait(pid, PATIENCE_USEC, &status);
        said[n > 0 ? n : 0] = '\0';
        if (r)
                return r < 0 ? r : -ETIMEDOUT;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/* A line of it names the time in the zone of the host, and, if that is another one, one in UTC. */
static int read_answer(const char *said, int64_t *ret) {
        static const char *const labels[] = {"(in UTC): ", "Next elapse: "};
        struct tm tm = {0};
        const char *text = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(labels) && !text; i++) {
                text = strstr(said, labels[i]);
                if (text)
                        text += strlen(labels[i]);
        }
        if (text && !strncmp(text, "never", 5)) {
                *ret = WHEN_NEVER;
                return 0;
        }
        const char *end = text ? strptime(text, "%a %Y-%m-%d %H:%M:%S UTC", &tm) : NULL;
        if (!end || (*end && *end != '\n'))
                return -EBADMSG;
        *ret = (int64_t) timegm(&tm);
        return 0;
}

static int next_time(int64_t after, void *userdata, int64_t *ret) {
        Question *question = userdata;
        char said[SAID_BYTES] = "";

        question->after = after;
        int r = ask_program(question, said);
        if (!r)
                r = read_answer(said, ret);
        if (!r)
                return 0;
        said[strcspn(said, "\n")] = '\0';
        (void) snprintf(question->why, question->size, "%s",
                        r == -EBADMSG     ? "the answer of " PROGRAM " is not understood"
                        : r < 0 || !*said ? PROGRAM " could not be asked"
                                          : said);
        text_make_line(question->why);
        return r < 0 ? r : NEXT_E_REFUSED;
}

int elapse_find_last(const char *expression, int64_t now, int64_t *ret, char *why, size_t size) {
        Question question = {.expression = expression, .why = why, .size = size};

        int r = calendar_find_last(next_time, &question, now, ret);
        if (r == CALENDAR_E_NONE) {
                (void) snprintf(why, size, "'%.200s' has not come yet", expression);
                return ELAPSE_E_NEVER;
        }
        return r > 0 ? ELAPSE_E_INVALID : r;
}
