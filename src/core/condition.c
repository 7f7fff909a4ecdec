/*
 * The supervisor fills in the facts whenever they change. The queue is left out of the line while
 * the database cannot be asked.
 */
#include "core/condition.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/text.h"

static void add_queue(const Condition *c, char *text) {
        if (c->database != DATABASE_UP || c->queued < 0)
                return;
        if (!c->queued)
                (void) text_append(text, CONDITION_SIZE, ", nothing queued");
        else
                (void) text_append(
                        text, CONDITION_SIZE, ", %s%" PRId64 " queued in %" PRId64 " CO%s",
                        c->is_more ? "more than " : "", c->queued, c->cos, c->cos == 1 ? "" : "s");
}

void condition_describe(const Condition *condition, char text[CONDITION_SIZE]) {
        static const char *const database[] = {
                [DATABASE_AWAY] = "database away",
                [DATABASE_REFUSES] = "the database refuses this daemon: see its log",
                [DATABASE_UP] = "database up",
        };
        (void) snprintf(text, CONDITION_SIZE, "%s%u of %u workers busy",
                        condition->is_stopping ? "stopping: " : "", condition->busy,
                        condition->workers);
        add_queue(condition, text);
        (void) text_append(text, CONDITION_SIZE, ", %s", database[condition->database]);
}
