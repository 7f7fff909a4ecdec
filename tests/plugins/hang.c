/*
 * A plugin whose loading hangs while the file exists that the environment names in RJ_HANG_FILE;
 * with RJ_HANG_PATH, whoever hangs in it adds its PID there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "registry-job/plugin.h"

static void mark(const char *path) {
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0)
                return;
        (void) dprintf(fd, "%d\n", (int) getpid());
        (void) close(fd);
}

__attribute__((constructor)) static void hang(void) {
        const char *file = getenv("RJ_HANG_FILE"), *path = getenv("RJ_HANG_PATH");
        const struct timespec slice = {.tv_nsec = 10000000};

        if (!file || access(file, F_OK))
                return;
        if (path)
                mark(path);
        while (!access(file, F_OK))
                (void) nanosleep(&slice, NULL);
}

static int run_nothing(struct rj_context *ctx) {
        (void) ctx;
        return RJ_OK;
}

static const struct rj_param_desc params[] = {
        {.name = "tag", .type = RJ_PARAM_STRING, .help = "free text; tells equal jobs apart"},
        {0},
};

static const struct rj_model models[] = {
        {.name = "HangJob", .summary = "does nothing", .params = params, .run = run_nothing},
        {0},
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        static const struct rj_plugin plugin = {RJ_PLUGIN_INIT, .name = "Hang", .version = "1.0",
                                                .models = models};
        return &plugin;
}
