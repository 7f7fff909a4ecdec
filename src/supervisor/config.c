#include "supervisor/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "supervisor/config_keys.h"
#include "util/argv.h"
#include "util/error.h"
#include "util/text.h"

static const struct {
        const char *name;
        int level;
} levels[] = {{"error", LOG_ERR},
              {"warning", LOG_WARNING},
              {"notice", LOG_NOTICE},
              {"info", LOG_INFO},
              {"debug", LOG_DEBUG}};

Config *config_free(Config *config) {
        if (config) {
                for (size_t i = 0; i < config_n_keys; i++)
                        if (config_key_is_text(&config_keys[i]))
                                free(*(char **) config_field(config, &config_keys[i]));
                (void) argv_free(config->load);
                for (size_t i = 0; i < config->n_exec; i++)
                        (void) exec_model_free(config->exec[i]);
                free(config->exec);
                free(config->exec_text);
                free(config->limits.overrides);
                free(config);
        }
        return NULL;
}

int config_derive(Config *config, const char *where, Problems *problems) {
        config->log_level = -1;
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (!strcmp(config->log_level_text, levels[i].name))
                        config->log_level = levels[i].level;
        if (config->log_level < 0)
                problems_add(problems,
                             "%s: level must be error, warning, notice, info or debug, "
                             "not '%s'",
                             where, config->log_level_text);
        if (config->lease_usec < 3 * config->heartbeat_usec)
                problems_add(problems, "%s: lease must be at least three times heartbeat", where);

        for (char *p = config->load_text; *p; p++)
                if (*p == ',')
                        *p = ' ';
        int r = argv_split(config->load_text, &config->load);
        if (r == ARGV_E_QUOTE)
                problems_add(problems, "%s: load has a quotation mark without its other half",
                             where);
        while (!r && config->load[config->n_load])
                config->n_load++;
        return r < 0 ? r : 0;
}

int config_new_defaults(Config **ret) {
        char ignored[256];
        _cleanup_(config_freep) Config *config = calloc(1, sizeof(*config));
        if (!config)
                return error_origin(-ENOMEM);
        for (size_t i = 0; i < config_n_keys; i++) {
                const Key *key = &config_keys[i];
                int r = config_key_set(key, config_field(config, key), key->otherwise, ignored,
                                       sizeof(ignored));
                if (r)
                        return error_fold(r);
        }
        *ret = TAKE_PTR(config);
        return 0;
}

int config_new(Config **ret) {
        _cleanup_(config_freep) Config *config = NULL;
        Problems problems = {0};
        int r = config_new_defaults(&config);
        if (!r)
                r = config_derive(config, "defaults", &problems);
        if (!r)
                *ret = TAKE_PTR(config);
        return r;
}

static const char *text_or_empty(const char *text) {
        return text ? text : "";
}

/* Workers are forked with what `config` has: they need the sections, not their addresses. */
static void take_limits(Config *config, const Config *next) {
        size_t size = next->limits.n * sizeof(*next->limits.overrides);
        LimitOverride *overrides = NULL;

        if (size) {
                overrides = malloc(size);
                if (!overrides)
                        return; /* what was in force stays in force */
                memcpy(overrides, next->limits.overrides, size);
        }
        free(config->limits.overrides);
        config->limits.overrides = overrides;
        config->limits.n = next->limits.n;
}

void config_apply(Config *config, const Config *next, char *kept, size_t size) {
        kept[0] = '\0';
        for (size_t i = 0; i < config_n_keys; i++) {
                const Key *key = &config_keys[i];
                void *to = config_field(config, key);
                const void *from = config_const_field(next, key);
                if (config_key_is_equal(key, to, from))
                        continue;
                if (key->is_reloaded)
                        (void) config_key_copy(key, to, from);
                else
                        (void) text_append(kept, size, "%s%s.%s", *kept ? ", " : "", key->section,
                                           key->name);
        }
        take_limits(config, next);
        config->log_level = next->log_level;
        if (strcmp(text_or_empty(config->exec_text), text_or_empty(next->exec_text)))
                (void) text_append(kept, size, "%s[exec]", *kept ? ", " : "");
        /* The lease waits for a restart, and the heartbeat has to go with the one that stays. */
        if (config->heartbeat_usec > config->lease_usec / 3) {
                config->heartbeat_usec = config->lease_usec / 3;
                (void) text_append(kept, size, "%stimers.heartbeat above a third of the lease",
                                   *kept ? ", " : "");
        }
}

void config_print(const Config *config) {
        const char *section = "";
        for (size_t i = 0; i < config_n_keys; i++) {
                const Key *key = &config_keys[i];
                if (strcmp(section, key->section))
                        (void) printf("%s[%s]\n", i ? "\n" : "", key->section);
                section = key->section;
                config_key_print(key, config_const_field(config, key));
        }
        for (size_t i = 0; i < config->limits.n; i++) {
                LimitOverride *override = &config->limits.overrides[i];
                (void) printf("\n[limits \"%s\"]\n", override->name);
                for (size_t k = 0; k < config_n_keys; k++)
                        if (override->given & config_keys[k].limit)
                                config_key_print(
                                        &config_keys[k],
                                        config_limit_field(&override->limits, &config_keys[k]));
        }
        for (size_t i = 0; i < config->n_exec; i++)
                (void) printf("\n[exec \"%s\"]\n", exec_model_name(config->exec[i]));
}
