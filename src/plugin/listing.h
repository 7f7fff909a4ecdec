/*
 * The models of a catalog as JSON, as `registry-job plugins --json` prints them and jobd.model
 * keeps them: what is known of models where their plugins are not loaded.
 */
#pragma once

#include <jansson.h>

#include "core/limit.h"
#include "plugin/catalog.h"

#define LISTING_BYTES_MAX (1 << 20)
#define LISTING_MODELS_MAX 10000

/* A member "model" that stands for all names. */
#define LISTING_ANY "*"

/* One object of a listing; a new reference, or NULL without memory. */
json_t *listing_model(const CatalogEntry *entry);

/* The name of one; NULL when it is no object of a listing. */
const char *listing_name(const json_t *model);

/* The object of that name in a listing; NULL when there is none. */
json_t *listing_find(const json_t *listing, const char *name);

/*
 * An array with one object for each model that can be run; a new reference, or NULL without memory.
 */
json_t *listing_new(const Catalog *catalog);

/* "integer", or "select(Groups,People)"; a new string, or NULL without memory. */
char *listing_type(const struct rj_param_desc *param);

#define LISTING_E_INVALID 1

/*
 * Reads what listing_new() made, from a process that plugins were loaded in: no more than the
 * limits, and no other names than those of models. Returns 0 with a new reference, or
 * LISTING_E_INVALID.
 */
int listing_parse(const char *text, size_t size, json_t **ret);

/*
 * Gives those models of a listing something to say whose failures lead to something: members
 * "failures" and "on_failure", which jobd.count_end() reads in jobd.model. Objects are replaced,
 * since others may use them. 0 or -ENOMEM.
 */
int listing_add_quarantine(json_t *listing, const LimitTable *limits);

/*
 * The listing as a text for jobd.model; `takes_any`: with an entry for all names. A new string, or
 * NULL without memory.
 */
char *listing_text(const json_t *listing, int takes_any);

/* A model of which only its description is here: it can be checked and shown, and not run. */
typedef struct ListedModel {
        CatalogEntry entry; /* its texts are those of `json` */
        int is_told;        /* its parameters are told by a resident program, and not known here */
        json_t *json;
} ListedModel;

/*
 * Reads one object of a listing, of which it takes a reference: 0, LISTING_E_INVALID when it is
 * none, or -ENOMEM.
 */
int listed_model_new(json_t *object, ListedModel **ret);

/* The same of a text, from wherever it was kept. */
int listed_model_parse(const char *text, ListedModel **ret);

ListedModel *listed_model_free(ListedModel *model);
DEFINE_CLEANUP(ListedModel, listed_model_free)
