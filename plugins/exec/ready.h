/*
 * The first line of a resident program, on one line:
 *
 *   {"ready": 1, "models": [{"model": "Plugin.Model", "parameters": [
 *     {"name": "...", "type": "select", "required": true, "secret": false, "choices": ["..."],
 *      "table": "...", "help": "..."}]}]}
 *
 * `ready` is the version of what follows, and all else may be left out but "model", "name" and
 * "type". A program that cannot start says {"failed": "why"} instead. This module only reads; it
 * has no I/O.
 */
#pragma once

#include <stddef.h>

#include "registry-job/plugin.h"
#include "util/macro.h"

#define READY_VERSION 1
#define READY_BYTES_MAX ((size_t) 4 * 1024 * 1024)
#define READY_MODELS_MAX 10000u
#define READY_PARAMS_MAX 1000u  /* of one model */
#define READY_CHOICES_MAX 1000u /* of one parameter */

#define READY_E_MALFORMED 1 /* `why` says what is wrong */
#define READY_E_FAILED 2    /* the program cannot start; `why` are its words */

struct json_t;

typedef struct ReadyModel {
        const char *name;             /* "Plugin.Model" */
        struct rj_param_desc *params; /* ended by an empty one; NULL: the program tells none */
} ReadyModel;

typedef struct Ready {
        struct json_t *object; /* owns the strings */
        ReadyModel *models;    /* by name */
        size_t n_models;       /* 0: the program names none */
} Ready;

/* Returns 0 with what is the caller's; READY_E_*, or -ENOMEM. */
int ready_parse(const char *line, size_t length, Ready **ret, char *why, size_t size);

/* The model of that name, or NULL. */
const ReadyModel *ready_find(const Ready *ready, const char *name);

Ready *ready_free(Ready *ready);
DEFINE_CLEANUP(Ready, ready_free)
