/*
 * A plugin that keeps a log open as long as its worker lives. The environment names a directory in
 * RJ_KEEPER: the file `log` there tells what was called where, and the file `mode` there what
 * open() and close() do instead of what they should.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "callers.h"
#include "registry-job/plugin.h"

#define EXIT_CODE 7
#define CALLS 100

typedef struct Keeper {
        int log;
        int is_threaded;
        struct rj_context *_Atomic given; /* to the thread */
        atomic_int is_over;               /* the job of that context */
        atomic_int calls, not_refused;
} Keeper;

static const char *path_of(const char *name, char *path, size_t size) {
        const char *directory = getenv("RJ_KEEPER");

        if (!directory || snprintf(path, size, "%s/%s", directory, name) >= (int) size)
                return "/dev/null";
        return path;
}

static void read_mode(char *mode, size_t size) {
        char path[512];
        FILE *file = fopen(path_of("mode", path, sizeof(path)), "re");

        if (!file || !fgets(mode, (int) size, file))
                *mode = '\0';
        mode[strcspn(mode, "\n")] = '\0';
        if (file)
                (void) fclose(file);
}

static void sleep_ms(long ms) {
        const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        (void) nanosleep(&time, NULL);
}

/* Calls with the context of a job that is over, while the next one runs. */
static void *call_late(void *arg) {
        Keeper *keeper = arg;

        while (!atomic_load(&keeper->is_over))
                sleep_ms(1);
        for (int i = 0; i < CALLS; i++) {
                (void) atomic_fetch_add(&keeper->not_refused,
                                        callers_call_all(atomic_load(&keeper->given)));
                (void) atomic_fetch_add(&keeper->calls, 1);
                sleep_ms(1);
        }
        return NULL;
}

static int is_no_job(const struct rj_context *ctx) {
        const struct rj_record record = {.struct_size = sizeof(record), .status = RJ_RECORD_OK};

        return !ctx->job_id && !ctx->co_id && !ctx->model &&
               ctx->host->record((struct rj_context *) ctx, &record) == RJ_E_INVALID &&
               ctx->host->start_summary((struct rj_context *) ctx, "x") == RJ_E_INVALID &&
               !ctx->host->db((struct rj_context *) ctx) && !ctx->host->param_given(ctx, "tag");
}

static int open_keeper(struct rj_context *ctx) {
        char path[512], mode[32];
        pthread_t thread;

        read_mode(mode, sizeof(mode));
        ctx->host->log(ctx, 6, "opening");
        if (!is_no_job(ctx))
                abort();
        if (!strcmp(mode, "fail")) {
                (void) ctx->host->summary(ctx, "no directory server");
                return RJ_FAILED;
        }
        if (!strcmp(mode, "exit"))
                _exit(EXIT_CODE);
        while (!strcmp(mode, "hang"))
                sleep_ms(1000);
        while (!strcmp(mode, "wait") && !rj_canceled(ctx))
                sleep_ms(10);
        if (!strcmp(mode, "wait"))
                return RJ_CANCELED;
        if (!strcmp(mode, "move") && chdir("/proc"))
                return RJ_FAILED;

        Keeper *keeper = calloc(1, sizeof(*keeper));
        if (!keeper)
                return RJ_FAILED;
        keeper->log = open(path_of("log", path, sizeof(path)),
                           O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        keeper->is_threaded = !strcmp(mode, "thread");
        if (keeper->is_threaded && pthread_create(&thread, NULL, call_late, keeper))
                return RJ_FAILED;
        (void) dprintf(keeper->log, "open %d\n", (int) getpid());
        ctx->state = keeper;
        return RJ_OK;
}

static void close_keeper(struct rj_context *ctx) {
        Keeper *keeper = ctx->state;
        char mode[32];

        read_mode(mode, sizeof(mode));
        (void) dprintf(keeper->log, "close %d\n", (int) getpid());
        (void) close(keeper->log);
        while (!strcmp(mode, "hang in close"))
                sleep_ms(1000);
        free(keeper);
}

static int run_with_thread(struct rj_context *ctx, Keeper *keeper) {
        char text[64];

        if (!atomic_load(&keeper->given)) {
                atomic_store(&keeper->given, ctx);
                return RJ_OK;
        }
        atomic_store(&keeper->is_over, 1);
        while (atomic_load(&keeper->calls) < CALLS)
                sleep_ms(1);
        (void) snprintf(text, sizeof(text), "%d calls were not refused",
                        atomic_load(&keeper->not_refused));
        return ctx->host->summary(ctx, text);
}

static int run_keep(struct rj_context *ctx) {
        Keeper *keeper = ctx->state;

        if (ctx->host->abi_minor < 1 || !keeper)
                return RJ_FAILED;
        if (dprintf(keeper->log, "job %d %d\n", ctx->job_id, (int) getpid()) < 0)
                return RJ_FAILED;
        return keeper->is_threaded ? run_with_thread(ctx, keeper) : RJ_OK;
}

static const struct rj_param_desc params[] = {
        {.name = "tag", .type = RJ_PARAM_STRING, .help = "free text; tells equal jobs apart"},
        {0},
};

static const struct rj_model models[] = {
        {.name = "KeepJob", .summary = "writes a line", .params = params, .run = run_keep},
        {0},
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        static const struct rj_plugin plugin = {RJ_PLUGIN_INIT,      .name = "Keeper",
                                                .version = "1.0",    .models = models,
                                                .open = open_keeper, .close = close_keeper};
        return &plugin;
}
