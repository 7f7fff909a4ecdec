/* One picture of `top`: who works, what runs, and what waits. */
#pragma once

#include <jansson.h>
#include <libpq-fe.h>
#include <time.h>

/* Results of the statements top_totals, top_running and top_waiting. */
enum { PICTURE_TOTALS, PICTURE_RUNNING, PICTURE_WAITING, PICTURE_RESULTS };

typedef struct Picture {
        PGresult *results[PICTURE_RESULTS];
        time_t at; /* when they came, by the reader's clock; 0: there are none yet */
} Picture;

/* The same for programs; NULL without memory. */
json_t *picture_json(const Picture *picture);

/* Fills in what people read instead of numbers. Returns 0, or -ENOMEM. */
int picture_prepare(Picture *picture);

/* Prints all rows of a picture that is prepared, once. */
void picture_print(const Picture *picture);

/*
 * Draws as much of a prepared picture as fits the terminal, in the place of the last one; with
 * `why`, which says why there is no newer one. Returns 0, or -errno.
 */
int picture_draw(const Picture *picture, const char *why);

/* Frees the results. */
void picture_done(Picture *picture);
