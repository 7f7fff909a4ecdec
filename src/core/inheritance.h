/*
 * What an heir does next with the will of a dead worker: a pure function of what was tried, of what
 * came of it, and of the time.
 *
 *   1. The records that are left, once: they are to be in the table when the job is final. Where an
 *      heir has died before, they come after 3.
 *   2. Job and lane, until they are settled: the CO waits for that. After its patience the heir
 *      ends, and leaves the will to the next one.
 *   3. The note of how the job ended.
 *   4. The heir reports that it is ready, whatever the server refused of 1 and 3. Between its turns
 *      it tries that again. What is refused RECORDS_PATIENCE_USEC after the death, or later, is
 *      given up.
 */
#pragma once

#include "util/clock.h"

/* After the death, for records and note that the server refuses. */
#define RECORDS_PATIENCE_USEC (60 * USEC_PER_SEC)
/* Of one heir, to settle: at most. */
#define HEIR_PATIENCE_USEC (10 * USEC_PER_SEC)
#define HEIR_RETRY_USEC USEC_PER_SEC

typedef enum HeirStep {
        HEIR_WRITE_RECORDS,
        HEIR_SETTLE,
        HEIR_WRITE_NOTE,
        HEIR_GIVE_UP, /* what is left of records and note is lost; a line and a count say so */
        HEIR_WAIT,    /* until inheritance_wake() */
        HEIR_REPORT,  /* settled: the worker may serve */
        HEIR_RESIGN,  /* not settled in time: the next heir tries */
        HEIR_DONE,    /* nothing is left */
} HeirStep;

typedef struct Inheritance {
        /* What there is. */
        int has_records;
        int settles_first; /* an heir before this one may have died of the records */
        int is_settled;
        int has_note;
        /* What was tried. */
        int has_tried_records;
        int has_tried_to_settle;
        int has_tried_note;
        int has_reported;
        int is_late; /* the server refused something when the time was over */
        usec_t died_usec;
        usec_t began_usec;      /* the heir */
        usec_t patience_usec;   /* of the heir, to settle */
        usec_t not_before_usec; /* of the next try, after a refusal */
} Inheritance;

HeirStep inheritance_next(const Inheritance *inheritance, usec_t now_usec);

/* When inheritance_next() may have something to do; USEC_INFINITY: never. */
usec_t inheritance_wake(const Inheritance *inheritance);

/* What a try came to: the server refused it, or it was done. */
void inheritance_note_try(Inheritance *inheritance, HeirStep step, int is_done, usec_t now_usec);
