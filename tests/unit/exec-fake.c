#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec-fake.h"
#include "util/text.h"

char exec_directory[] = "/tmp/test-exec-XXXXXX";

static int note(const struct rj_context *context, const char *text) {
        Fake *fake = (Fake *) (uintptr_t) context;

        (void) text_append(fake->calls, sizeof(fake->calls), "%s\n", text);
        if (fake->cancel_on && strstr(text, fake->cancel_on))
                fake->control |= RJ_CONTROL_CANCEL;
        return fake->lose_on && strstr(text, fake->lose_on) ? RJ_E_LOST : 0;
}

static const char *fake_json(const struct rj_context *context) {
        return ((const Fake *) (const void *) context)->json;
}

static int fake_progress(struct rj_context *context, uint64_t done, uint64_t total) {
        char text[64];
        (void) snprintf(text, sizeof(text), "progress %" PRIu64 "/%" PRIu64, done, total);
        return note(context, text);
}

static int fake_record(struct rj_context *context, const struct rj_record *record) {
        char text[512];
        (void) snprintf(text, sizeof(text), "record %u %s|%s|%d|%d", record->status,
                        record->key ? record->key : "-", record->comment ? record->comment : "-",
                        record->person_id, record->external_identity_id);
        return note(context, text);
}

static int fake_start_summary(struct rj_context *context, const char *words) {
        char text[512];
        (void) snprintf(text, sizeof(text), "start %s", words);
        return note(context, text);
}

static int fake_summary(struct rj_context *context, const char *words) {
        Fake *fake = (Fake *) context;
        char text[512];
        (void) snprintf(fake->summary, sizeof(fake->summary), "%s", words);
        (void) snprintf(text, sizeof(text), "summary %s", words);
        return note(context, text);
}

static void fake_log(struct rj_context *context, int level, const char *words) {
        char text[2048];
        (void) snprintf(text, sizeof(text), "log %d %s", level, words);
        (void) note(context, text);
}

const struct rj_host exec_host = {
        .struct_size = sizeof(exec_host),
        .abi_minor = RJ_ABI_MINOR,
        .param_json = fake_json,
        .progress = fake_progress,
        .record = fake_record,
        .start_summary = fake_start_summary,
        .summary = fake_summary,
        .log = fake_log,
};

int count_fds(void) {
        DIR *dir = opendir("/proc/self/fd");
        int n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        (void) closedir(dir);
        return n;
}

ExecModel *model_named(const char *name, const char *command) {
        ExecModel *model = NULL;
        char why[256];

        assert_int_equal(exec_model_new(name, &model, why, sizeof(why)), 0);
        assert_int_equal(exec_model_set_command(model, command), 0);
        assert_int_equal(exec_model_set_directory(model, exec_directory), 0);
        return model;
}

ExecModel *model_of(const char *command) {
        return model_named("Test.Model", command);
}

char *write_script(const char *body, mode_t mode) {
        static int n;
        char *path = text_format("%s/script%d", exec_directory, n++);

        assert_non_null(path);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fprintf(file, "%s%s\n", *body == '#' ? "" : "#!/bin/sh\n", body) > 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, mode), 0);
        return path;
}

ExecModel *script(const char *body) {
        _cleanup_(freep) char *path = write_script(body, 0755);
        return model_of(path);
}

void expect(const Fake *fake, const char *calls) {
        if (!strstr(fake->calls, calls))
                fail_msg("'%s' is not among:\n%s", calls, fake->calls);
}

int open_fifo(void) {
        _cleanup_(freep) char *path = text_format("%s/fifo", exec_directory);

        assert_non_null(path);
        (void) unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

void expect_read(int fd, ssize_t n) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        char byte;

        assert_int_equal(poll(&poll_fd, 1, NEVER_MSEC), 1);
        assert_int_equal(read(fd, &byte, 1), n);
}

void begin_job(Fake *fake, const ExecModel *model, int32_t job) {
        fake->context = (struct rj_context){.host = &exec_host,
                                            .control = &fake->control,
                                            .model = exec_model_describe(model),
                                            .job_id = job,
                                            .co_id = 2};
        if (!fake->json)
                fake->json = "{\"model\":\"People\"}";
}

int make_directory(void **state) {
        (void) state;
        return mkdtemp(exec_directory) ? 0 : -1;
}

int remove_directory(void **state) {
        DIR *dir = opendir(exec_directory);

        (void) state;
        if (!dir)
                return -1;
        for (struct dirent *entry; (entry = readdir(dir));)
                (void) unlinkat(dirfd(dir), entry->d_name, 0);
        (void) closedir(dir);
        return rmdir(exec_directory);
}
