/*
 * Text to values. The text must be the value and nothing else. Each function returns 0 with the
 * value, or PARSE_E_* with *ret as it was.
 */
#pragma once

#include <stdint.h>

#include "util/clock.h"

#define PARSE_E_INVALID 1 /* the text does not have the form */
#define PARSE_E_RANGE 2   /* the value is less than min or greater than max */

/* A decimal number, with or without a sign. */
int parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret);
int parse_int32(const char *text, int32_t min, int32_t max, int32_t *ret);

/* yes, no, true, false, on, off, 1 or 0, in any case of letters; *ret is 1 or 0. */
int parse_bool(const char *text, int *ret);

/* A time: "250ms", "10s", "5min" or "5m", "1h", "2d". Without a unit: seconds. One unit only. */
int parse_duration(const char *text, usec_t min, usec_t max, usec_t *ret);

/* Bytes: "65536", "64K", "512M", "2G", with units of powers of 1024. */
int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
