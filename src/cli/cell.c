/*
 * Times come from the database in UTC. On a terminal they are those of the reader's clock; what
 * goes to a file or a pipe is UTC, as it is in JSON, because nobody knows who reads it where.
 */
#include "cli/cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "core/job.h"
#include "db/oids.h"
#include "util/macro.h"

#define ENDLESS 100000

static const char *const colors[_JOB_STATE_MAX] = {
        [JOB_ASSIGNED] = "\033[36m", [JOB_IN_PROGRESS] = "\033[36m", [JOB_COMPLETE] = "\033[32m",
        [JOB_FAILED] = "\033[31m",   [JOB_CANCELED] = "\033[33m",
};

/* https://no-color.org */
static int wants_colors(void) {
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
        return !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

void view_of_output(View *ret) {
        struct winsize size;
        struct tm now;
        time_t at = time(NULL);

        *ret = (View){.is_terminal = isatty(STDOUT_FILENO), .width = ENDLESS};
        if (!ret->is_terminal)
                return;
        ret->has_colors = wants_colors();
        if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
                ret->width = size.ws_col;
        if (localtime_r(&at, &now))
                (void) snprintf(ret->zone, sizeof(ret->zone), "%s", now.tm_zone);
}

static unsigned type_of(const PGresult *result, const char *name) {
        int column = PQfnumber(result, name);
        return column < 0 ? 0 : PQftype(result, column);
}

int cell_is_time(const PGresult *result, const char *name) {
        return type_of(result, name) == TIMESTAMP_OID;
}

int cell_may_be_cut(const PGresult *result, const char *name) {
        switch (type_of(result, name)) {
        case TIMESTAMP_OID:
        case INT4_OID:
        case INT8_OID:
        case BOOL_OID:
                return 0;
        default:
                return strcmp(name, "status") != 0;
        }
}

int cell_spare(const char *name) {
        static const char *const names[] = {"version", "started",    "start_after_time",
                                            "since",   "worker_pid", "finish_time",
                                            "host"};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (!strcmp(names[i], name))
                        return (int) i + 1;
        return 0;
}

/* What is no time of the usual form, such as 'infinity', stays as it is. */
static void show_local(const char *zone, Cell *cell) {
        struct tm utc = {0}, local;
        const char *end = strptime(cell->text, "%Y-%m-%d %H:%M:%S", &utc);
        time_t at = end && !*end ? timegm(&utc) : -1;

        if (!end || *end || !localtime_r(&at, &local))
                return;
        size_t n = strftime(cell->time, sizeof(cell->time), "%Y-%m-%d %H:%M:%S", &local);
        if (strcmp(zone, local.tm_zone) != 0)
                (void) snprintf(cell->time + n, sizeof(cell->time) - n, " %s", local.tm_zone);
        cell->text = cell->time;
}

/* "NT" occurs in history records only. */
static void show_status(const View *view, Cell *cell) {
        JobState state = job_state_parse(cell->text);

        if (!strcmp(cell->text, "NT"))
                cell->text = "notice";
        if (!state)
                return;
        cell->text = job_state_name(state);
        cell->color = view->has_colors ? colors[state] : NULL;
}

void cell_read(const View *view, const char *zone, const PGresult *result, int row,
               const char *name, Cell *ret) {
        ret->text = output_value(result, row, name);
        ret->color = NULL;
        if (!strcmp(name, "status"))
                show_status(view, ret);
        else if (view->is_terminal && *ret->text && cell_is_time(result, name))
                show_local(zone, ret);
}
