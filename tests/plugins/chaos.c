/*
 * ChaosJob misbehaves in the way that its parameters say, so that tests see what becomes of the
 * job, of its worker and of the job after it. It shows nothing that a plugin should do.
 */
#include "chaos.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"
#include "registry-job/plugin.h"

#define EXIT_CODE 7

void chaos_say(const Chaos *chaos, const char *format, ...) {
        char text[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) chaos->ctx->host->summary(chaos->ctx, text);
}

void chaos_note(const Chaos *chaos, const char *key, const char *format, ...) {
        char text[512];
        struct rj_record record = {.struct_size = sizeof(record),
                                   .status = RJ_RECORD_NOTICE,
                                   .key = key,
                                   .comment = text};
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) chaos->ctx->host->record(chaos->ctx, &record);
}

void chaos_mark(const Chaos *chaos, pid_t pid) {
        char digits[16];
        size_t at = sizeof(digits);

        digits[--at] = '\n';
        for (; pid > 0; pid /= 10)
                digits[--at] = (char) ('0' + pid % 10);
        int fd = chaos->path ? open(chaos->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644)
                             : -1;
        if (fd < 0)
                return;
        /* A mark that is missing fails the test by itself. */
        if (write(fd, digits + at, sizeof(digits) - at) < 0)
                _exit(EXIT_CODE);
        (void) close(fd);
}

void chaos_sleep_ms(int64_t ms) {
        struct timespec until;

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t) (ms / 1000);
        until.tv_nsec += (long) (ms % 1000) * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000L;
        }
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
                ;
}

void chaos_sleep(void) {
        for (;;)
                (void) pause();
}

int act_nothing(const Chaos *chaos) {
        (void) chaos;
        return RJ_OK;
}

int act_records(const Chaos *chaos) {
        char key[32];

        for (int64_t i = 1; i <= chaos->value; i++) {
                (void) snprintf(key, sizeof(key), "record %lld", (long long) i);
                chaos_note(chaos, key, "of %lld", (long long) chaos->value);
        }
        return RJ_OK;
}

/* What comes after the act, if the plugin lives. */
static const char *const then_choices[] = {"ok", "fail", "hang", "exit", "kill", NULL};

static int reach_end(const char *then) {
        if (!strcmp(then, "hang"))
                chaos_sleep();
        if (!strcmp(then, "exit"))
                _exit(EXIT_CODE);
        if (!strcmp(then, "kill"))
                (void) raise(SIGKILL);
        return strcmp(then, "ok") ? RJ_FAILED : RJ_OK;
}

#define X(name) #name,
static const char *const act_choices[] = {ACTS(X) NULL};
#undef X

static const struct {
        const char *name;
        int (*act)(const Chaos *chaos);
} acts[] = {
#define X(name) {#name, act_##name},
        ACTS(X)
#undef X
};

static int run_chaos(struct rj_context *ctx) {
        const char *name = ctx->host->param_string(ctx, "act", "nothing");
        Chaos chaos = {.ctx = ctx,
                       .value = ctx->host->param_int(ctx, "value", 0),
                       .path = ctx->host->param_string(ctx, "path", NULL)};
        int r = RJ_OK;

        for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
                if (!strcmp(acts[i].name, name))
                        r = acts[i].act(&chaos);
        return r ? r : reach_end(ctx->host->param_string(ctx, "then", "ok"));
}

static const struct rj_param_desc params[] = {
        {.name = "act", .type = RJ_PARAM_SELECT, .choices = act_choices, .help = "see acts.h"},
        {.name = "value", .type = RJ_PARAM_INT, .help = "see acts.h"},
        {.name = "path", .type = RJ_PARAM_STRING, .help = "file for the PIDs of children"},
        {.name = "then",
         .type = RJ_PARAM_SELECT,
         .choices = then_choices,
         .help = "what follows the act"},
        {.name = "tag", .type = RJ_PARAM_STRING, .help = "tells equal jobs apart"},
        {0},
};

static const struct rj_model models[] = {
        {.name = "ChaosJob", .summary = "misbehaves", .params = params, .run = run_chaos},
        {.name = "OtherJob", .summary = "the same", .params = params, .run = run_chaos},
        {0},
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        static const struct rj_plugin plugin = {RJ_PLUGIN_INIT, .name = "Chaos", .version = "1.0",
                                                .models = models};
        return &plugin;
}
