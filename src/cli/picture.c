/*
 * A screen has two lines of totals, perhaps some of trouble, and two tables, which share the rest
 * if there is any. Its last line stays empty: a newline there would move all of it up. On a narrow
 * one the tables have fewer columns, because a terminal cannot be scrolled to the right.
 */
#include "cli/picture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/rate.h"
#include "cli/screen.h"
#include "cli/table.h"
#include "core/panes.h"
#include "db/exchange.h"
#include "db/json_row.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/text.h"

#define WIDE 120     /* columns of a terminal from which on it shows the wide tables */
#define FOR_PEOPLE 3 /* the last columns of top_running.sql */
#define TROUBLE_LINES 3
#define LINE_SIZE 1024
#define TIME_SIZE 64

typedef struct Section {
        const Column *narrow, *wide;
        size_t n_narrow, n_wide;
        const char *none; /* for a table without rows */
        const char *many; /* behind a number of rows that are not shown */
} Section;

static const Column narrow_running[] = {
        {"JOB", "job"},   {"CO", "co_id"},       {"MODEL", "plugin"},
        {"HOST", "host"}, {"FOR", "runs_for"},   {"%", "percent_complete"},
        {"RATE", "rate"}, {"LEFT", "time_left"}, {"STATUS", "status"}};
static const Column wide_running[] = {
        {"JOB", "job"},      {"CO", "co_id"},       {"NAME", "co"},
        {"MODEL", "plugin"}, {"HOST", "host"},      {"PID", "pid"},
        {"SINCE", "since"},  {"FOR", "runs_for"},   {"%", "percent_complete"},
        {"RATE", "rate"},    {"LEFT", "time_left"}, {"STATUS", "status"}};
static const Column narrow_waiting[] = {{"CO", "co_id"},        {"DUE", "due"},
                                        {"LATER", "later"},     {"DUE AT", "due_at"},
                                        {"FIRST", "first_job"}, {"WHY NOT", "why"}};
static const Column wide_waiting[] = {
        {"CO", "co_id"},      {"NAME", "co"},         {"DUE", "due"},     {"LATER", "later"},
        {"DUE AT", "due_at"}, {"FIRST", "first_job"}, {"MODEL", "model"}, {"WHY NOT", "why"}};

static const Section running = {.narrow = narrow_running,
                                .n_narrow = ARRAY_SIZE(narrow_running),
                                .wide = wide_running,
                                .n_wide = ARRAY_SIZE(wide_running),
                                .none = "nothing runs",
                                .many = "jobs run"};
static const Section waiting = {.narrow = narrow_waiting,
                                .n_narrow = ARRAY_SIZE(narrow_waiting),
                                .wide = wide_waiting,
                                .n_wide = ARRAY_SIZE(wide_waiting),
                                .none = "nothing waits",
                                .many = "COs have jobs that wait"};

json_t *picture_json(const Picture *picture) {
        const PGresult *totals = picture->results[PICTURE_TOTALS];
        const PGresult *jobs = picture->results[PICTURE_RUNNING];
        json_t *all = json_array();

        for (int row = 0; row < PQntuples(jobs); row++) {
                json_t *job = json_row(jobs, row, PQnfields(jobs) - FOR_PEOPLE);
                rate_add_json(jobs, row, job);
                (void) json_array_append_new(all, job);
        }
        return json_pack("{so so so}", "totals", json_row(totals, 0, PQnfields(totals)), "running",
                         all, "waiting", output_rows(picture->results[PICTURE_WAITING]));
}

static int set_text(PGresult *result, int row, const char *column, const char *text) {
        int n = PQfnumber(result, column);
        return PQsetvalue(result, row, n, (char *) (uintptr_t) text, (int) strlen(text))
                       ? 0
                       : error_origin(-ENOMEM);
}

static int prepare_job(PGresult *jobs, int row) {
        char span[WHEN_SIZE] = "", left[WHEN_SIZE] = "", rate[PROGRESS_RATE_SIZE] = "";
        Progress progress;
        int64_t seconds;

        if (!parse_int64(output_value(jobs, row, "running_seconds"), 0, INT64_MAX, &seconds))
                when_span(seconds, span);
        if (rate_read(jobs, row, &progress)) {
                progress_rate(&progress, rate);
                when_span(progress.seconds_left, left);
        }
        int r = set_text(jobs, row, "runs_for", span);
        if (!r)
                r = set_text(jobs, row, "rate", rate);
        if (!r)
                r = set_text(jobs, row, "time_left", left);
        if (!r && *output_value(jobs, row, "stalled_since"))
                r = set_text(jobs, row, "status", "stalled");
        return r;
}

int picture_prepare(Picture *picture) {
        PGresult *jobs = picture->results[PICTURE_RUNNING];
        int r = 0;

        for (int row = 0; !r && row < PQntuples(jobs); row++)
                r = prepare_job(jobs, row);
        return r;
}

/* "s" unless it is one. */
static const char *plural_of(const char *number) {
        return strcmp(number, "1") ? "s" : "";
}

static void say_totals(const PGresult *row, char line[LINE_SIZE]) {
        const char *daemons = output_value(row, 0, "daemons");
        const char *holds = output_value(row, 0, "holds"), *held = output_value(row, 0, "held_cos");

        *line = '\0';
        (void) text_append(line, LINE_SIZE,
                           "%s due, %s later; %s running; %s of %s workers busy; %s daemon%s",
                           output_value(row, 0, "due"), output_value(row, 0, "later"),
                           output_value(row, 0, "running"), output_value(row, 0, "busy"),
                           output_value(row, 0, "workers"), daemons, plural_of(daemons));
        if (strcmp(output_value(row, 0, "lapsed"), "0") != 0)
                (void) text_append(line, LINE_SIZE, ", %s LAPSED", output_value(row, 0, "lapsed"));
        if (strcmp(holds, "0") != 0)
                (void) text_append(line, LINE_SIZE, "; %s hold%s, %s CO%s held up", holds,
                                   plural_of(holds), held, plural_of(held));
}

/* How many rows there are in all: the first column of each has it. */
static int total_of(const PGresult *rows) {
        return PQntuples(rows) ? (int) MIN_OF(db_int(rows, 0, 0), INT32_MAX) : 0;
}

static void print_section(const Section *section, const PGresult *rows, const Pane *pane,
                          int is_wide, const char *line_end) {
        Table table = {.columns = is_wide ? section->wide : section->narrow,
                       .n = is_wide ? section->n_wide : section->n_narrow,
                       .line_end = line_end};

        if (pane->rows) {
                table_add(&table, rows, pane->rows);
                if (pane->more)
                        (void) printf("and %d more%s", pane->more, line_end);
        } else if (pane->more) {
                (void) printf("%d %s%s", pane->more, section->many, line_end);
        } else {
                (void) printf("%s%s", section->none, line_end);
        }
}

void picture_print(const Picture *picture) {
        PGresult *const *results = picture->results;
        char line[LINE_SIZE];
        Pane jobs = {.rows = PQntuples(results[PICTURE_RUNNING])};
        Pane cos = {.rows = PQntuples(results[PICTURE_WAITING])};

        jobs.more = total_of(results[PICTURE_RUNNING]) - jobs.rows;
        cos.more = total_of(results[PICTURE_WAITING]) - cos.rows;
        say_totals(results[PICTURE_TOTALS], line);
        (void) printf("%s\n\n", line);
        print_section(&running, results[PICTURE_RUNNING], &jobs, 1, "\n");
        (void) putchar('\n');
        print_section(&waiting, results[PICTURE_WAITING], &cos, 1, "\n");
}

/* The clock of a picture, as all other times on it. */
static void say_time(time_t at, char text[TIME_SIZE]) {
        struct tm local;

        if (!localtime_r(&at, &local) || !strftime(text, TIME_SIZE, "%Y-%m-%d %H:%M:%S %Z", &local))
                *text = '\0';
}

/* What is left of the screen. */
typedef struct Canvas {
        int width, lines;
} Canvas;

static void draw_line(Canvas *canvas, const char *text) {
        if (canvas->lines <= 0)
                return;
        canvas->lines--;
        output_cut(text, canvas->width);
        (void) fputs(SCREEN_LINE_END, stdout);
}

/* What stands behind the first `width` characters. */
static const char *skip_line(const char *text, int width) {
        uint32_t c;

        while (width-- > 0)
                text += text_next(text, &c);
        return text;
}

static void draw_trouble(Canvas *canvas, const char *why) {
        _cleanup_(freep) char *text = text_format("no news, trying again: %s", why);
        const char *rest = text ? text : why;

        for (int i = 0; i < TROUBLE_LINES && *rest; i++) {
                draw_line(canvas, rest);
                rest = skip_line(rest, canvas->width);
        }
}

static void draw_head(Canvas *canvas, const Picture *picture, const char *why) {
        char line[LINE_SIZE], at[TIME_SIZE] = "no picture yet";

        if (picture->at)
                say_time(picture->at, at);
        (void) snprintf(line, sizeof(line), "registry-job top  %s  (q ends it)", at);
        draw_line(canvas, line);
        if (why)
                draw_trouble(canvas, why);
}

static void draw_totals(Canvas *canvas, const PGresult *row) {
        char line[LINE_SIZE];

        say_totals(row, line);
        draw_line(canvas, line);
}

/* The limit of the statements bounds how many rows are there; a higher screen stays empty. */
static void bound_pane(Pane *pane, const PGresult *rows) {
        int without = MAX_OF(pane->rows - PQntuples(rows), 0);

        pane->rows -= without;
        pane->more += without;
}

static void draw_tables(Canvas *canvas, const PGresult *jobs, const PGresult *cos) {
        int is_wide = canvas->width >= WIDE;
        Pane upper, lower;

        if (canvas->lines < PANES_LEAST + 1)
                return;
        draw_line(canvas, "");
        panes_divide(canvas->lines, total_of(jobs), total_of(cos), &upper, &lower);
        bound_pane(&upper, jobs);
        bound_pane(&lower, cos);
        print_section(&running, jobs, &upper, is_wide, SCREEN_LINE_END);
        draw_line(canvas, "");
        print_section(&waiting, cos, &lower, is_wide, SCREEN_LINE_END);
}

int picture_draw(const Picture *picture, const char *why) {
        View view;

        view_of_output(&view);
        Canvas canvas = {.width = view.width, .lines = screen_height() - 1};
        screen_home();
        draw_head(&canvas, picture, why);
        if (picture->at) {
                draw_totals(&canvas, picture->results[PICTURE_TOTALS]);
                draw_tables(&canvas, picture->results[PICTURE_RUNNING],
                            picture->results[PICTURE_WAITING]);
        }
        return screen_flush();
}

void picture_done(Picture *picture) {
        for (size_t i = 0; i < PICTURE_RESULTS; i++) {
                PQclear(picture->results[i]);
                picture->results[i] = NULL;
        }
}
