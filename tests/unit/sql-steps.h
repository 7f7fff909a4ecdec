/*
 * Which steps of jobs a text of SQL takes, as its statements say and as its "-- step:" lines
 * declare. Reads the plain SQL that statements of this project are written in, and refuses what it
 * does not understand: then the statement has to be written more plainly.
 */
#pragma once

#include <stddef.h>

#define STEPS_MAX 32

/* A literal or a parameter in the text. */
typedef struct StepValue {
        const char *at; /* NULL: there is none */
        size_t length;
} StepValue;

/* One UPDATE of jobs.status, or one INSERT into jobs with a status. */
typedef struct StepWrite {
        int is_insert;
        StepValue to;
        StepValue from[STEPS_MAX]; /* literals that the row's status is compared with */
        size_t n_from;
        StepValue from_array; /* a parameter, where there are no literals */
} StepWrite;

/* "-- step: EVENT (FROM,FROM -> TO)" */
typedef struct StepDeclared {
        char event[32], from[32], to[8]; /* `from` is "A,GO" */
} StepDeclared;

typedef struct SqlSteps {
        StepWrite writes[STEPS_MAX];
        size_t n_writes;
        StepDeclared declared[STEPS_MAX];
        size_t n_declared;
        StepValue follows[STEPS_MAX]; /* second arguments of jobd.follow(), jobd.follow_on() */
        size_t n_follows;
        char problem[200]; /* "": everything was understood */
} SqlSteps;

void sql_steps_read(const char *text, SqlSteps *ret);

/* "'X'" is X, "$3" is itself. */
void sql_steps_value(StepValue value, char text[16]);
