#include "util/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/macro.h"

int parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret) {
        const char *digits = text + (*text == '-' || *text == '+');
        if (!isdigit((unsigned char) *digits))
                return PARSE_E_INVALID;

        char *end;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (*end)
                return PARSE_E_INVALID;
        if (errno == ERANGE || value < min || value > max)
                return PARSE_E_RANGE;
        *ret = value;
        return 0;
}

int parse_int32(const char *text, int32_t min, int32_t max, int32_t *ret) {
        int64_t value = 0;
        int r = parse_int64(text, min, max, &value);
        if (!r)
                *ret = (int32_t) value;
        return r;
}

int parse_bool(const char *text, int *ret) {
        static const struct {
                const char *word;
                int value;
        } words[] = {{"yes", 1}, {"no", 0},  {"true", 1}, {"false", 0},
                     {"on", 1},  {"off", 0}, {"1", 1},    {"0", 0}};

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (!strcasecmp(text, words[i].word)) {
                        *ret = words[i].value;
                        return 0;
                }
        return PARSE_E_INVALID;
}

typedef struct Unit {
        const char *suffix;
        uint64_t factor;
} Unit;

/* A whole number and one of the units, blanks between them allowed. */
static int parse_with_unit(const char *text, const Unit units[], size_t n_units, uint64_t min,
                           uint64_t max, uint64_t *ret) {
        if (!isdigit((unsigned char) *text))
                return PARSE_E_INVALID;
        char *end;
        errno = 0;
        unsigned long long number = strtoull(text, &end, 10);
        int overflow = errno == ERANGE;
        while (*end == ' ')
                end++;
        for (size_t i = 0; i < n_units; i++) {
                if (strcmp(end, units[i].suffix))
                        continue;
                uint64_t value;
                if (overflow ||
                    __builtin_mul_overflow((uint64_t) number, units[i].factor, &value) ||
                    value < min || value > max)
                        return PARSE_E_RANGE;
                *ret = value;
                return 0;
        }
        return PARSE_E_INVALID;
}

int parse_duration(const char *text, usec_t min, usec_t max, usec_t *ret) {
        static const Unit units[] = {
                {"", USEC_PER_SEC},          {"ms", USEC_PER_MSEC},    {"s", USEC_PER_SEC},
                {"min", 60 * USEC_PER_SEC},  {"m", 60 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC},
                {"d", 86400 * USEC_PER_SEC},
        };
        return parse_with_unit(text, units, ARRAY_SIZE(units), min, max, ret);
}

int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
        static const Unit units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
        return parse_with_unit(text, units, ARRAY_SIZE(units), min, max, ret);
}
