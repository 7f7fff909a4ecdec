#include "scripted-play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS_MAX 1024

typedef struct Step {
        enum { STEP_CONNECTION, STEP_REFUSAL, STEP_STATEMENT, STEP_COMMIT } type;
        SqlId statement;
        const char *parameters;
        Answer answer;
} Step;

static struct {
        Step steps[STEPS_MAX];
        int n, at;
} play;

Answer row(const char *columns) {
        int n = 1;
        for (const char *p = columns; *p; p++)
                n += *p == '\n';
        return (Answer){.rows = columns, .changed = n};
}

Answer no_row(void) {
        return (Answer){0};
}

Answer changed(int rows) {
        return (Answer){.changed = rows};
}

Answer refused(const char *sqlstate) {
        return (Answer){.kind = ANSWER_ERROR, .sqlstate = sqlstate};
}

Answer aborted(void) {
        return (Answer){0};
}

Answer lost(void) {
        return (Answer){.kind = ANSWER_LOSS};
}

Answer silence(void) {
        return (Answer){.kind = ANSWER_SILENCE};
}

static void add(Step step) {
        assert_true(play.n < STEPS_MAX);
        play.steps[play.n++] = step;
}

void expect_connection(void) {
        add((Step){.type = STEP_CONNECTION});
}

void expect_refused_connection(void) {
        add((Step){.type = STEP_REFUSAL});
}

void expect(SqlId statement, const char *parameters, Answer answer) {
        add((Step){.type = STEP_STATEMENT,
                   .statement = statement,
                   .parameters = parameters,
                   .answer = answer});
}

void expect_commit(void) {
        add((Step){.type = STEP_COMMIT});
}

static const char *describe(char text[512]) {
        const Step *step = play.at < play.n ? &play.steps[play.at] : NULL;

        if (!step)
                return "nothing more";
        switch (step->type) {
        case STEP_CONNECTION:
        case STEP_REFUSAL:
                return "a connection";
        case STEP_COMMIT:
                return "the end of the transaction";
        default:
                (void) snprintf(text, 512, "%s(%s)", sql_name(step->statement), step->parameters);
                return text;
        }
}

#define surprise(...)                                                                           \
        do {                                                                                    \
                char _expected[512], _came[512];                                                \
                (void) snprintf(_came, sizeof(_came), __VA_ARGS__);                             \
                fail_msg("step %d: expected %s, but %s came", play.at + 1, describe(_expected), \
                         _came);                                                                \
        } while (0)

static const Step *next_step(int type) {
        const Step *step = play.at < play.n ? &play.steps[play.at] : NULL;
        return step && (int) step->type == type ? step : NULL;
}

int play_connection(void) {
        if (!next_step(STEP_CONNECTION) && !next_step(STEP_REFUSAL))
                surprise("a connection");
        return play.steps[play.at++].type == STEP_CONNECTION;
}

void play_commit(void) {
        if (!next_step(STEP_COMMIT))
                surprise("the end of the transaction");
        play.at++;
}

static void join(char *text, size_t size, int n, const char *const *values) {
        size_t used = 0;

        text[0] = '\0';
        for (int i = 0; i < n && used < size; i++)
                used += (size_t) snprintf(text + used, size - used, "%s%s", i ? "|" : "",
                                          values[i] ? values[i] : "NULL");
}

/* "*" is a whole value, or the rest of one. */
static int matches(const char *pattern, const char *text) {
        for (;; pattern++, text++) {
                if (*pattern == '*') {
                        text += strcspn(text, "|");
                        pattern++;
                }
                if (*pattern != *text)
                        return 0;
                if (!*pattern)
                        return 1;
        }
}

const Answer *play_statement(const char *name, int n, const char *const *values) {
        const Step *step = next_step(STEP_STATEMENT);
        char text[400];

        join(text, sizeof(text), n, values);
        if (!step || strcmp(sql_name(step->statement), name) || !matches(step->parameters, text))
                surprise("%s(%s)", name, text);
        play.at++;
        return &step->answer;
}

static PlayedRows read_rows(const char *text, int n_changed) {
        PlayedRows rows = {0};
        char *lines, *line, *value;

        (void) snprintf(rows.changed, sizeof(rows.changed), "%d", n_changed);
        if (!text)
                return rows;
        rows.text = lines = strdup(text);
        assert_non_null(lines);
        while ((line = strsep(&lines, "\n"))) {
                assert_true(rows.n < PLAYED_ROWS);
                for (int i = 0; (value = strsep(&line, "|")); i++) {
                        assert_true(i < PLAYED_COLUMNS);
                        rows.values[rows.n][i] = strcmp(value, "NULL") ? value : NULL;
                }
                rows.n++;
        }
        return rows;
}

PlayedRows play_rows(const Answer *answer) {
        return read_rows(answer->rows, answer->changed);
}

PlayedRows usual_rows(void) {
        return read_rows("17|t|f|word\nNULL", 3);
}

void begin_play(void) {
        play.n = play.at = 0;
        server = (struct pg_conn){.script = {.is_played = 1}};
        live_results = connections = 0;
}

void end_play(void) {
        char text[512];

        if (play.at < play.n)
                fail_msg("step %d: expected %s, but nothing came", play.at + 1, describe(text));
        assert_int_equal(live_results, 0);
}
