/* Text to values. Nothing around the value is accepted, and nothing out of range. */
#pragma once

#include <stdint.h>

#include "util/clock.h"

#define PARSE_E_INVALID 1 /* not of this form */
#define PARSE_E_RANGE 2   /* of the form, but too small or too large */

/* Decimal, with a sign before it if need be. */
int parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret);
int parse_int32(const char *text, int32_t min, int32_t max, int32_t *ret);

/* yes, no, true, false, on, off, 1, 0 */
int parse_bool(const char *text, int *ret);

/* "250ms", "10s", "5min", "1h", "2d"; a plain number means seconds. "1h 30min" is refused. */
int parse_duration(const char *text, usec_t min, usec_t max, usec_t *ret);

/* "65536", "64K", "512M", "2G": bytes, in powers of 1024. */
int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
