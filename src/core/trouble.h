/*
 * What keeps workers from running jobs, as the supervisor knows it: noted again and again while it
 * lasts, by whoever meets it, and worth a line only when it has lasted for a while. Pure.
 */
#pragma once

#include "util/clock.h"

#define TROUBLE_SIZE 440

/* Whoever meets one knows when his own is over. */
typedef enum TroubleKind {
        TROUBLE_LEASE, /* the supervisor's own statements fail */
        TROUBLE_START, /* workers do not become ready */
        TROUBLE_TURN,  /* what workers send fails */
        _TROUBLE_KIND_MAX,
} TroubleKind;

typedef struct Trouble {
        TroubleKind kind;
        char words[TROUBLE_SIZE]; /* "": there is none */
        usec_t since_usec;
        usec_t noted_usec; /* last */
        usec_t said_usec;  /* 0: not yet */
        char said[TROUBLE_SIZE];
} Trouble;

typedef struct Troubles {
        Trouble of[_TROUBLE_KIND_MAX];
} Troubles;

/* It lasts, or begins, or its words have changed; "" is no trouble. */
void trouble_note(Troubles *troubles, TroubleKind kind, const char *words, usec_t now_usec);

/* Returns for how long it lasted, where a line has said that there is one; otherwise 0. */
usec_t trouble_over(Troubles *troubles, TroubleKind kind, usec_t now_usec);

/*
 * One that is to be said now, or NULL: it has lasted for three seconds, and was not said with these
 * words. It counts as said then. What nobody has noted for a minute is forgotten: with nothing to
 * do, nobody meets it.
 */
const Trouble *trouble_say(Troubles *troubles, usec_t now_usec);

/* When trouble_say() has something to say, if nothing is noted until then. */
usec_t trouble_wake(const Troubles *troubles);

/* The one that others are told of, or NULL. */
const Trouble *trouble_told(const Troubles *troubles);

/* "workers do not start: WORDS", and what is said when it is over. */
#define TROUBLE_SENTENCE_SIZE (TROUBLE_SIZE + 60)
void trouble_describe(const Trouble *trouble, char sentence[TROUBLE_SENTENCE_SIZE]);
const char *trouble_end_words(TroubleKind kind);
