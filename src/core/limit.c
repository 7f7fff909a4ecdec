/*
 * A table lookup and three merges. The configuration builds the table; the worker asks for the
 * limits of each job. A name that no section has leaves the general limits.
 */
#include "core/limit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const LimitOverride *find_override(const LimitTable *table, const char *name,
                                          size_t length) {
        for (size_t i = 0; i < table->n; i++)
                if (strlen(table->overrides[i].name) == length &&
                    !memcmp(table->overrides[i].name, name, length))
                        return &table->overrides[i];
        return NULL;
}

LimitOverride *limit_override(LimitTable *table, const char *name) {
        for (size_t i = 0; i < table->n; i++)
                if (!strcmp(table->overrides[i].name, name))
                        return &table->overrides[i];
        LimitOverride *overrides = reallocarray(table->overrides, table->n + 1, sizeof(*overrides));
        if (!overrides)
                return NULL;
        table->overrides = overrides;
        overrides[table->n] = (LimitOverride){0};
        (void) snprintf(overrides[table->n].name, sizeof(overrides->name), "%s", name);
        return &overrides[table->n++];
}

static void apply_override(const LimitOverride *from, Limits *to) {
        if (!from)
                return;
        if (from->given & LIMIT_MEMORY)
                to->memory_bytes = from->limits.memory_bytes;
        if (from->given & LIMIT_CPU_TIME)
                to->cpu_usec = from->limits.cpu_usec;
        if (from->given & LIMIT_RUN_TIME)
                to->run_usec = from->limits.run_usec;
        if (from->given & LIMIT_OPEN_FILES)
                to->open_files = from->limits.open_files;
        if (from->given & LIMIT_TASKS)
                to->tasks = from->limits.tasks;
}

/* Of the plugin and of the model itself, in the order in which they apply; NULL: there is none. */
static void find_overrides(const LimitTable *table, const char *model,
                           const LimitOverride *ret[2]) {
        size_t plugin = strcspn(model, "."), whole = strlen(model);

        ret[0] = find_override(table, model, plugin);
        ret[1] = plugin < whole ? find_override(table, model, whole) : NULL;
}

Limits limit_resolve(const LimitTable *table, const char *model) {
        Limits limits = table->general;
        const LimitOverride *overrides[2];

        find_overrides(table, model, overrides);
        apply_override(overrides[0], &limits);
        apply_override(overrides[1], &limits);
        return limits;
}

Quarantine limit_quarantine(const LimitTable *table, const char *model) {
        Quarantine quarantine = table->quarantine;
        const LimitOverride *overrides[2];

        find_overrides(table, model, overrides);
        for (size_t i = 0; i < 2; i++) {
                if (overrides[i] && overrides[i]->given & LIMIT_FAILURES)
                        quarantine.failures = overrides[i]->quarantine.failures;
                if (overrides[i] && overrides[i]->given & LIMIT_ON_FAILURE)
                        quarantine.holds_on_failure = overrides[i]->quarantine.holds_on_failure;
        }
        return quarantine;
}

int limit_is_for(const LimitOverride *override, const char *model) {
        size_t n = strlen(override->name);
        return !strncmp(override->name, model, n) && (!model[n] || model[n] == '.');
}

/* The length of the word at the beginning: a letter, then letters, digits and underscores. */
static size_t word_length(const char *text) {
        size_t n = 0;
        if (isalpha((unsigned char) *text))
                while (isalnum((unsigned char) text[n]) || text[n] == '_')
                        n++;
        return n;
}

int limit_is_name(const char *name) {
        size_t plugin = word_length(name);
        if (!plugin || strlen(name) >= LIMIT_NAME_SIZE)
                return 0;
        if (!name[plugin])
                return 1;
        size_t model = name[plugin] == '.' ? word_length(name + plugin + 1) : 0;
        return model && !name[plugin + 1 + model];
}
