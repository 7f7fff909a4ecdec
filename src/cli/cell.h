/* A value of the database as people read it. */
#pragma once

#include <libpq-fe.h>

/* What values are shown on. */
typedef struct View {
        int is_terminal, has_colors;
        int width;     /* of the terminal; otherwise without an end */
        char zone[16]; /* of the reader, now, such as "CET"; on a terminal only */
} View;

void view_of_output(View *ret);

typedef struct Cell {
        const char *text;
        const char *color; /* what makes a terminal show it so, or NULL */
        char time[64];     /* where `text` may be */
} Cell;

/*
 * The value of a named column: a status by its name, and on a terminal a time as the reader's clock
 * has it, with its zone, unless that is `zone`, which the reader knows. `text` is "" for NULL.
 */
void cell_read(const View *view, const char *zone, const PGresult *result, int row,
               const char *name, Cell *ret);

/* 1 when a terminal may cut values of the column: they are texts, and no status. */
int cell_may_be_cut(const PGresult *result, const char *name);

/*
 * How well a narrow terminal can do without the column: the lowest number goes first; 0: not at
 * all.
 */
int cell_spare(const char *name);

/* 1 when the values of the column are times. */
int cell_is_time(const PGresult *result, const char *name);
