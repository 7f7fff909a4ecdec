#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 128
#define STAT_SIZE 1024
#define TICKS_FIELD 20 /* of /proc/PID/stat, counted from behind the name in parentheses */

/* In one write, and to the end: lines of several writers do not mix. Returns 0 or an errno. */
static int add_line(const char *path, const char *line, size_t size) {
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
                return errno;

        ssize_t n = write(fd, line, size);
        int error = n < 0 ? errno : (size_t) n < size ? ENOSPC : 0;
        (void) close(fd);
        return error;
}

static long long now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* Field `n` of the words behind the last ')': a name may hold blanks and parentheses itself. */
static long long number_behind_name(const char *stat, int n) {
        const char *word = strrchr(stat, ')');

        for (; word && n > 0; n--)
                word = strchr(word + 1, ' ');
        return word ? strtoll(word, NULL, 10) : 0;
}

/* When this process began, in clock ticks since boot: with its PID a name that no other has. 0 when
 * that cannot be read. */
static long long own_start_ticks(void) {
        char stat[STAT_SIZE];

        int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        ssize_t n = read(fd, stat, sizeof(stat) - 1);
        (void) close(fd);
        stat[n > 0 ? n : 0] = '\0';
        return number_behind_name(stat, TICKS_FIELD);
}

int trace_write(struct rj_context *ctx, const char *path, const char *event, const char *reason) {
        char line[LINE_SIZE], problem[512];

        if (!path)
                return RJ_OK;
        int size = snprintf(line, sizeof(line), "%s %d %d %d %lld %lld%s%s\n", event, ctx->job_id,
                            ctx->co_id, (int) getpid(), own_start_ticks(), now_usec(),
                            reason ? " " : "", reason ? reason : "");
        int error = add_line(path, line, (size_t) size);
        if (!error)
                return RJ_OK;
        (void) snprintf(problem, sizeof(problem), "could not write to the trace file '%s': %s",
                        path, strerror(error));
        (void) ctx->host->summary(ctx, problem);
        return RJ_FAILED;
}

const char *trace_reason(int result) {
        switch (result) {
        case RJ_OK:
                return "ok";
        case RJ_FAILED:
                return "failed";
        case RJ_CANCELED:
                return "canceled";
        default:
                return "error";
        }
}
