/* "Did you mean": which of the names that there are is near a word that is none of them. */
#pragma once

#include <stddef.h>

#define NEAR_MAX 64 /* bytes; a longer word is near nothing */

/*
 * How many letters have to be put in, taken out, changed or swapped with the next one to make one
 * word of the other, whatever the case of the letters; NEAR_MAX when a word is longer than that.
 */
size_t near_distance(const char *a, const char *b);

/* 1 when the name may be what was meant: few letters differ, or the name begins with the word. */
int near_is(const char *word, const char *name);

/* The name nearest to `word` among those offered so far, which stay the caller's. */
typedef struct Near {
        const char *word;
        const char *best; /* NULL: none is near */
        size_t distance;
} Near;

void near_offer(Near *near, const char *name);
