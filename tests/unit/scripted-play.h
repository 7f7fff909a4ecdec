/* What scripted-libpq.c asks of the play: see scripted-libpq.h. */
#pragma once

#include "scripted-libpq.h"

#define PLAYED_COLUMNS 16
#define PLAYED_ROWS 8

typedef struct PlayedRows {
        int n;
        char changed[16];
        char *text; /* what the values point into, or NULL */
        const char *values[PLAYED_ROWS][PLAYED_COLUMNS];
} PlayedRows;

/* Of a script: two rows, of which the second is all NULL. */
PlayedRows usual_rows(void);

/* Fail the test when that is not what comes next. */
int play_connection(void); /* 0: refused */
const Answer *play_statement(const char *name, int n, const char *const *values);
void play_commit(void);

PlayedRows play_rows(const Answer *answer);
