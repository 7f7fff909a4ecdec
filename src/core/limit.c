/*
 * A table lookup and three merges. The configuration builds the table; the worker asks for the
 * limits of each job. A name that no section has leaves the general limits.
 */
#include "core/limit.h"

#include <ctype.h>
#include <string.h>

static const LimitOverride *find_override(const LimitTable *table, const char *name,
                                          size_t length) {
        for (size_t i = 0; i < table->n; i++)
                if (strlen(table->overrides[i].name) == length &&
                    !memcmp(table->overrides[i].name, name, length))
                        return &table->overrides[i];
        return NULL;
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

Limits limit_resolve(const LimitTable *table, const char *model) {
        Limits limits = table->general;
        size_t plugin = strcspn(model, "."), whole = strlen(model);

        apply_override(find_override(table, model, plugin), &limits);
        if (plugin < whole)
                apply_override(find_override(table, model, whole), &limits);
        return limits;
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
