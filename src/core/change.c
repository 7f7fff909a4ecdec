/*
 * The statements decide whether a job is changed, because a job may change between a look and a
 * write. What is judged here is the row that they tell, for the words, and for --dry-run.
 */
#include "core/change.h"

#include <stdio.h>

#include "core/params.h"
#include "util/text.h"

ChangeResult change_worst(const ChangeCounts *counts) {
        ChangeResult worst = _CHANGE_MAX - 1;

        while (worst > CHANGE_DONE && !counts->n[worst])
                worst--;
        return worst;
}

void change_count_words(const ChangeCounts *counts, const char *done,
                        char words[CHANGE_WORDS_SIZE]) {
        (void) snprintf(words, CHANGE_WORDS_SIZE, "%zu %s", counts->n[CHANGE_DONE], done);
        if (counts->n[CHANGE_REFUSED])
                (void) text_append(words, CHANGE_WORDS_SIZE, ", %zu refused",
                                   counts->n[CHANGE_REFUSED]);
        if (counts->n[CHANGE_NOT_FOUND])
                (void) text_append(words, CHANGE_WORDS_SIZE, ", %zu not there",
                                   counts->n[CHANGE_NOT_FOUND]);
}

static const char *name_of(JobState state) {
        return state ? job_state_name(state) : "in an unknown status";
}

static ChangeResult say_not_found(const ChangeFacts *facts, char why[CHANGE_WORDS_SIZE]) {
        (void) snprintf(why, CHANGE_WORDS_SIZE, "there is no job %d", (int) facts->id);
        return CHANGE_NOT_FOUND;
}

ChangeResult change_judge_cancel(const ChangeFacts *facts, char why[CHANGE_WORDS_SIZE]) {
        if (!facts->is_found)
                return say_not_found(facts, why);
        if (facts->state && job_next_state(facts->state, JOB_EV_CANCEL))
                return CHANGE_DONE;
        (void) snprintf(why, CHANGE_WORDS_SIZE, "job %d is %s already", (int) facts->id,
                        name_of(facts->state));
        return CHANGE_REFUSED;
}

ChangeResult change_judge_retry(const ChangeFacts *facts, int may_duplicate,
                                char why[CHANGE_WORDS_SIZE]) {
        int id = (int) facts->id;

        if (!facts->is_found)
                return say_not_found(facts, why);
        if (facts->state != JOB_FAILED && facts->state != JOB_CANCELED)
                (void) snprintf(why, CHANGE_WORDS_SIZE,
                                "job %d is %s; only a failed or canceled job can be tried again",
                                id, name_of(facts->state));
        else if (!facts->plugin || !*facts->plugin)
                (void) snprintf(why, CHANGE_WORDS_SIZE,
                                "job %d cannot run again: its row names no plugin", id);
        else if (facts->bytes > PARAMS_MAX_BYTES)
                (void) snprintf(why, CHANGE_WORDS_SIZE,
                                "job %d cannot run again: its parameters are longer than %d bytes",
                                id, PARAMS_MAX_BYTES);
        else if (facts->successor && !may_duplicate)
                (void) snprintf(why, CHANGE_WORDS_SIZE,
                                "job %d was queued again already, as job %d; --allow-duplicate "
                                "queues it once more",
                                id, (int) facts->successor);
        else if (facts->waiting)
                (void) snprintf(why, CHANGE_WORDS_SIZE,
                                "job %d is not queued again: job %d with the same parameters "
                                "already waits or runs; --allow-duplicate queues it all the same",
                                id, (int) facts->waiting);
        else
                return CHANGE_DONE;
        return CHANGE_REFUSED;
}
