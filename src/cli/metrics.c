/*
 * metrics: prints metrics for Prometheus, or writes them to a file for the textfile collector of
 * its node exporter, which must never see half a file. A timer runs this every minute, so it needs
 * one round trip, and every wait is short. A database that cannot be reached is a metric, not an
 * error.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/metrics_text.h"
#include "cli/verbs.h"
#include "util/error.h"
#include "util/text.h"

#define COS_MAX 10000
#define SUPERVISORS_MAX 10000
#define MODELS_MAX 200
#define STATEMENT_USEC (10 * USEC_PER_SEC)
#define DEADLINE_USEC (15 * USEC_PER_SEC) /* for a server that does not answer */
#define CONNECT_USEC (5 * USEC_PER_SEC)   /* for one host */

enum { METRICS_COS, METRICS_SUPERVISORS, METRICS_MODELS }; /* statements of query_metrics() */

/* Returns CLI_OK, CLI_UNAVAILABLE, or another code; the error was said. */
static int query_metrics(Cli *cli, DbReply *reply) {
        Batch batch = {0};
        DbSettings settings = {.conninfo = cli->config->conninfo,
                               .timezone = cli->config->timezone,
                               .application_name = "registry-job metrics",
                               .statement_usec = STATEMENT_USEC,
                               .deadline_usec = DEADLINE_USEC,
                               .connect_usec = CONNECT_USEC,
                               .lock_usec = STATEMENT_USEC / 2};

        if (!db_open(&settings, &cli->db, &reply->error)) {
                batch_add(&batch, SQL_METRICS_COS);
                batch_int(&batch, COS_MAX + 1);
                batch_add(&batch, SQL_METRICS_SUPERVISORS);
                batch_int(&batch, SUPERVISORS_MAX + 1);
                batch_add(&batch, SQL_METRICS_MODELS);
                batch_int(&batch, MODELS_MAX + 1);
                (void) db_run(cli->db, &batch, reply);
        }
        return reply->error.class ? cli_say_error(&reply->error) : CLI_OK;
}

/* The whole text, which the caller frees; NULL without memory. */
static char *write_text(const Cli *cli, const char *label, const DbReply *reply, int is_up) {
        char *text = NULL;
        size_t size;
        int r = 0;
        FILE *to = open_memstream(&text, &size);

        if (!to)
                return NULL;
        metrics_put_up(to, label, is_up);
        if (is_up) {
                if (db_rows(reply, METRICS_COS) > COS_MAX)
                        cli_tell(cli,
                                 "more than %d COs have jobs: only those with most due jobs "
                                 "are printed",
                                 COS_MAX);
                metrics_put_cos(to, label, reply->results[METRICS_COS], COS_MAX);
                if (db_rows(reply, METRICS_SUPERVISORS) > SUPERVISORS_MAX)
                        cli_tell(cli,
                                 "more than %d daemons and commands have a row: only those seen "
                                 "last are printed",
                                 SUPERVISORS_MAX);
                r = metrics_put_supervisors(to, label, reply->results[METRICS_SUPERVISORS],
                                            SUPERVISORS_MAX);
                if (db_rows(reply, METRICS_MODELS) > MODELS_MAX)
                        cli_tell(cli,
                                 "more than %d models have run jobs: only those with most are "
                                 "printed",
                                 MODELS_MAX);
                metrics_put_models(to, label, reply->results[METRICS_MODELS], MODELS_MAX);
        }
        if (!fclose(to) && !r)
                return text;
        free(text);
        return NULL;
}

static int write_all(int fd, const char *text) {
        for (size_t left = strlen(text); left;) {
                ssize_t n = write(fd, text, left);
                if (n < 0 && errno != EINTR)
                        return -errno;
                text += n > 0 ? n : 0;
                left -= n > 0 ? (size_t) n : 0;
        }
        return 0;
}

/* 0 for a device or a pipe: the new file would replace it, such as /dev/null. */
static int is_replaceable(const char *path) {
        struct stat st;
        return stat(path, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

/* Writes the file as a whole, or leaves it as it was. The temporary name does not end in ".prom".
 */
static int replace_file(const char *path, const char *text) {
        if (!is_replaceable(path)) {
                cli_say("'%s' is not a file: without --output the metrics go to standard output",
                        path);
                return CLI_USAGE;
        }
        _cleanup_(freep) char *temporary = text_format("%s.XXXXXX", path);
        int fd = temporary ? mkostemp(temporary, O_CLOEXEC) : -1;
        int r = fd < 0 ? -errno : write_all(fd, text);

        if (!r && fchmod(fd, 0644) < 0)
                r = -errno;
        if (fd >= 0 && close(fd) < 0 && !r)
                r = -errno;
        if (!r && rename(temporary, path) < 0)
                r = -errno;
        if (r && fd >= 0)
                (void) unlink(temporary);
        if (!r)
                return CLI_OK;
        cli_say("could not write '%s': %s", path, strerror(-r));
        return CLI_FAILED;
}

/* 1 for the names of the metrics' own labels: a name that occurs twice makes the text invalid. */
static int is_taken(const char *name) {
        static const char *const taken[] = {"by",  "co",     "co_id", "host",   "how",
                                            "id",  "kind",   "le",    "model",  "of",
                                            "pid", "status", "type",  "version"};
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
                if (!strcmp(taken[i], name))
                        return 1;
        return 0;
}

static int is_label_name(const char *name) {
        if (!*name || isdigit((unsigned char) *name) || !strncmp(name, "__", 2))
                return 0;
        for (const char *p = name; *p; p++)
                if (*p != '_' && !isalnum((unsigned char) *p))
                        return 0;
        return !is_taken(name);
}

/* --label as `name="value"`; "" without the option. NULL after saying what is wrong. */
static char *label_of(const char *option) {
        const char *equals = option ? strchr(option, '=') : NULL;
        char *label = NULL;
        size_t size;

        if (!option)
                return strdup("");
        _cleanup_(freep) char *name = equals ? strndup(option, (size_t) (equals - option)) : NULL;
        if (!name || !is_label_name(name) || !text_is_utf8(option, strlen(option))) {
                cli_say("--label must be name=value, with a name of letters, digits and _ that "
                        "no other label has, not '%s'",
                        option);
                return NULL;
        }
        FILE *to = open_memstream(&label, &size);
        if (!to)
                return NULL;
        metrics_put_label(to, name, equals + 1);
        return fclose(to) ? NULL : label;
}

int verb_metrics(Cli *cli) {
        _cleanup_(freep) char *label = label_of(cli->options->label);
        _cleanup_(db_reply_donep) DbReply reply = {0};
        const char *path = cli->options->output;

        if (!label)
                return CLI_USAGE;
        int code = query_metrics(cli, &reply);
        if (code && code != CLI_UNAVAILABLE)
                return code;
        _cleanup_(freep) char *text = write_text(cli, label, &reply, !code);
        if (!text) {
                cli_say("out of memory");
                return CLI_FAILED;
        }
        if (path)
                return replace_file(path, text);
        (void) fputs(text, stdout);
        return code;
}
