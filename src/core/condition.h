/* How the daemon is, in one line: what `systemctl status` shows. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CONDITION_SIZE 160u

typedef enum DatabaseCondition {
        DATABASE_AWAY,
        DATABASE_REFUSES, /* answers, but does not take this daemon */
        DATABASE_UP,
} DatabaseCondition;

typedef struct Condition {
        unsigned busy, workers;
        int64_t queued; /* jobs in the queue, due or not; -1: not known */
        int64_t cos;    /* that they belong to */
        int is_more;    /* `queued` is where the counting ended */
        int is_stopping;
        DatabaseCondition database;
} Condition;

/* "4 of 8 workers busy, 12 queued in 3 COs, database up" */
void condition_describe(const Condition *condition, char text[CONDITION_SIZE]);
