/*
 * The distance of Damerau and Levenshtein in its simple form, in which no letter moves twice. Words
 * are read as bytes: a letter of several bytes counts as several, which is near enough for names.
 */
#include "core/near.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "util/macro.h"

static int is_same(char a, char b) {
        return tolower((unsigned char) a) == tolower((unsigned char) b);
}

size_t near_distance(const char *a, const char *b) {
        size_t rows[3][NEAR_MAX + 1], n = strlen(a), m = strlen(b);
        size_t *before = rows[0], *last = rows[1], *row = rows[2];

        if (n > NEAR_MAX || m > NEAR_MAX)
                return NEAR_MAX;
        for (size_t k = 0; k <= m; k++)
                before[k] = last[k] = k;
        for (size_t i = 1; i <= n; i++) {
                row[0] = i;
                for (size_t k = 1; k <= m; k++) {
                        size_t changed = last[k - 1] + !is_same(a[i - 1], b[k - 1]);
                        row[k] = MIN_OF(changed, MIN_OF(last[k], row[k - 1]) + 1);
                        if (i > 1 && k > 1 && is_same(a[i - 1], b[k - 2]) &&
                            is_same(a[i - 2], b[k - 1]))
                                row[k] = MIN_OF(row[k], before[k - 2] + 1);
                }
                size_t *free_row = before;
                before = last;
                last = row;
                row = free_row;
        }
        return last[m];
}

/* A third of the letters may differ, and one of a short word. */
static int is_few(const char *word, size_t distance) {
        size_t n = strlen(word);
        return n > 1 && distance < n && distance <= MAX_OF(n / 3, (size_t) 1);
}

static int begins_with(const char *name, const char *word) {
        size_t n = strlen(word);
        return n > 1 && !strncasecmp(name, word, n);
}

int near_is(const char *word, const char *name) {
        return is_few(word, near_distance(word, name)) || begins_with(name, word);
}

void near_offer(Near *near, const char *name) {
        size_t distance = near_distance(near->word, name);

        if ((near->best && distance >= near->distance) || !near_is(near->word, name))
                return;
        near->best = name;
        near->distance = distance;
}
