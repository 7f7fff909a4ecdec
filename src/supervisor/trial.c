/*
 * Each line of the child goes into the pipe as a whole: its level as a digit, the text, a NUL byte,
 * the hint, a NUL byte. What the pipe has no room for is left out. A plugin has the descriptor as
 * well: what it writes there becomes lines of the log at most. The models come through a file in
 * memory, and are taken for what they are: the word of a process that has loaded plugins.
 */
#include "supervisor/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/listing.h"
#include "process/spawn.h"
#include "util/log.h"
#include "util/text.h"

#define SAID_BYTES 16384 /* of all lines together */

typedef struct TrialArgs {
        TrialFn *fn;
        const WorkerSettings *settings;
        int fd, models_fd;
} TrialArgs;

static int send_line(int level, const LogFields *fields, const char *text, void *userdata) {
        const int *fd = userdata;
        const char *hint = fields && fields->hint ? fields->hint : "";
        char line[PIPE_BUF];

        int n = snprintf(line, sizeof(line), "%d%s%c%s", level, text, '\0', hint);
        return n > 0 && (size_t) n < sizeof(line) &&
               write(*fd, line, (size_t) n + 1) == (ssize_t) n + 1;
}

static int trial_main(void *arg) {
        TrialArgs *args = arg;

        log_set_sink(send_line, &args->fd);
        return args->fn(args->settings, args->models_fd);
}

int trial_fork(TrialFn *fn, const WorkerSettings *settings, Trial *ret) {
        int ends[2];

        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        int models_fd = memfd_create("registry-jobd models", MFD_CLOEXEC);
        int r = models_fd < 0 ? -errno : 0;
        TrialArgs args = {.fn = fn, .settings = settings, .fd = ends[1], .models_fd = models_fd};
        const int keep[] = {ends[1], models_fd};
        if (!r)
                r = spawn_child(trial_main, &args, keep, ARRAY_SIZE(keep), &ret->pid);
        (void) close(ends[1]);
        if (r) {
                ret->pid = 0;
                (void) close(ends[0]);
                closep(&models_fd);
                return r;
        }
        ret->fd = ends[0];
        ret->models_fd = models_fd;
        return 0;
}

static void read_failure(const char *text, size_t length, char why[TRIAL_WHY_SIZE]) {
        json_auto_t *object = json_loadb(text, length, 0, NULL);

        (void) text_copy_utf8(why, TRIAL_WHY_SIZE, 0,
                              json_string_value(json_object_get(object, "failed")));
}

static json_t *read_models(int fd, char why[TRIAL_WHY_SIZE]) {
        _cleanup_(freep) char *text = malloc(LISTING_BYTES_MAX + 1);
        json_t *models = NULL;
        size_t length = 0;
        ssize_t n = text ? 1 : 0;

        while (n > 0 && length <= LISTING_BYTES_MAX) {
                n = pread(fd, text + length, LISTING_BYTES_MAX + 1 - length, (off_t) length);
                length += n > 0 ? (size_t) n : 0;
        }
        *why = '\0';
        if (n < 0 || !length)
                return NULL;
        if (listing_parse(text, length, &models))
                read_failure(text, MIN_OF(length, LISTING_BYTES_MAX), why);
        return models;
}

static void tell_lines(int fd) {
        char said[SAID_BYTES + 2];
        ssize_t n;
        size_t length = 0;

        while (length < SAID_BYTES && (n = read(fd, said + length, SAID_BYTES - length)) > 0)
                length += (size_t) n;
        said[length] = said[length + 1] = '\0';
        for (const char *p = said; p < said + length;) {
                const char *hint = p + strlen(p) + 1;
                LogFields fields = {.hint = *hint ? hint : NULL};
                int level = *p >= '0' + LOG_ERR && *p <= '0' + LOG_DEBUG ? *p - '0' : LOG_ERR;
                if (*p)
                        log_write(level, &fields, "%s", p + 1);
                p = hint + strlen(hint) + 1;
        }
}

void trial_forget(Trial *trial) {
        (void) close(trial->fd);
        (void) close(trial->models_fd);
        *trial = (Trial){0};
}

json_t *trial_end(Trial *trial, char why[TRIAL_WHY_SIZE]) {
        json_t *models = read_models(trial->models_fd, why);

        tell_lines(trial->fd);
        trial_forget(trial);
        return models;
}

int trial_judge(int wait_status, const json_t *models, char why[TRIAL_WHY_SIZE]) {
        Outcome outcome = spawn_outcome(wait_status);
        char how[128];

        if (!*why && outcome.kind == OUTCOME_EXITED && !outcome.value && models)
                return 0;
        outcome_describe(outcome, NULL, how, sizeof(how));
        if (!*why)
                (void) snprintf(why, TRIAL_WHY_SIZE, "the child that lists the models %s%s", how,
                                outcome.kind == OUTCOME_EXITED ? ", and did not list them" : "");
        return outcome.kind == OUTCOME_EXITED && outcome.value ? outcome.value : WORKER_EXIT_CONFIG;
}

int trial_run(TrialFn *fn, const WorkerSettings *settings, usec_t limit_usec, const char *what,
              json_t **ret, char why[TRIAL_WHY_SIZE]) {
        Trial trial = {0};
        int status;

        *why = '\0';
        int r = trial_fork(fn, settings, &trial);
        if (r) {
                (void) snprintf(why, TRIAL_WHY_SIZE, "could not fork for %s: %s", what,
                                strerror(-r));
                return EXIT_FAILURE;
        }
        r = spawn_wait(trial.pid, limit_usec, &status);
        json_auto_t *models = trial_end(&trial, why);
        if (!r) {
                r = trial_judge(status, models, why);
        } else if (r == SPAWN_E_TIMEOUT) {
                (void) snprintf(why, TRIAL_WHY_SIZE, "%s did not end within %.0f s", what,
                                (double) limit_usec / (double) USEC_PER_SEC);
                r = WORKER_EXIT_CONFIG;
        } else {
                (void) snprintf(why, TRIAL_WHY_SIZE, "%s: could not wait for it", what);
                r = EXIT_FAILURE;
        }
        if (!r)
                *ret = json_incref(models);
        return r;
}
