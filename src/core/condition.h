/* The condition of the daemon as one line, which `systemctl status` shows. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CONDITION_SIZE 160u

typedef enum DatabaseCondition {
        DATABASE_AWAY,    /* no connection */
        DATABASE_REFUSES, /* the database answers, but this daemon cannot work with it */
        DATABASE_UP,
} DatabaseCondition;

typedef struct Condition {
        unsigned busy, workers;
        int64_t queued; /* jobs in the queue, due or not; -1: unknown */
        int64_t cos;    /* COs with jobs in the queue */
        int is_more;    /* counting stopped at `queued`: there are more */
        int is_stopping;
        DatabaseCondition database;
} Condition;

/* Writes a line such as "4 of 8 workers busy, 12 queued in 3 COs, database up". */
void condition_describe(const Condition *condition, char text[CONDITION_SIZE]);
