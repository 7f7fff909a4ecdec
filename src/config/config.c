/*
 * The configuration as an object: made of defaults, changed by a reload, printed, freed. All of it
 * goes by the rows of the table of keys.
 */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config_keys.h"
#include "config/config_program.h"
#include "config/config_value.h"
#include "util/argv.h"
#include "util/error.h"
#include "util/text.h"

void config_forget_models(Config *config) {
        for (size_t i = 0; i < config->n_exec; i++) {
                config_free_fields(CONFIG_EXEC, &config->programs[i]);
                (void) exec_model_free(config->exec[i]);
        }
        free(config->programs);
        free(config->exec);
        (void) argv_free(config->load);
        free(config->registry_app);
        config->programs = NULL;
        config->exec = NULL;
        config->load = NULL;
        config->registry_app = NULL;
        config->n_exec = config->n_load = 0;
}

Config *config_free(Config *config) {
        if (config) {
                config_forget_models(config);
                free(config->hook_missing);
                for (ConfigSection section = 0; section < CONFIG_EXEC; section++)
                        config_free_fields(section, config_block(config, section));
                free(config->limits.overrides);
                free(config);
        }
        return NULL;
}

int config_new(Config **ret) {
        _cleanup_(config_freep) Config *config = calloc(1, sizeof(*config));
        if (!config)
                return error_origin(-ENOMEM);
        for (ConfigSection section = 0; section < CONFIG_EXEC; section++) {
                int r = config_set_defaults(section, config_block(config, section));
                if (r)
                        return r;
        }
        *ret = TAKE_PTR(config);
        return 0;
}

static void add_kept(char *kept, size_t size, const char *section, const char *words) {
        (void) text_append(kept, size, "%s%s.%s", *kept ? ", " : "", section, words);
}

#define SWAP(a, b)                         \
        do {                               \
                __typeof__(a) swapped = a; \
                a = b;                     \
                b = swapped;               \
        } while (0)

/* The plugins go with their key, which the table has exchanged. */
static void apply_models(Config *config, Config *next) {
        SWAP(config->load, next->load);
        SWAP(config->n_load, next->n_load);
        SWAP(config->programs, next->programs);
        SWAP(config->exec, next->exec);
        SWAP(config->n_exec, next->n_exec);
        SWAP(config->hook_missing, next->hook_missing);
}

/* Workers are forked with the address of config->limits: its content is exchanged. */
static void apply_limits(LimitTable *limits, LimitTable *next) {
        LimitTable old = *limits;

        limits->overrides = next->overrides;
        limits->n = next->n;
        next->overrides = old.overrides;
        next->n = old.n;
}

void config_apply(Config *config, Config *next, char *kept, size_t size) {
        kept[0] = '\0';
        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                if (key->section == CONFIG_EXEC)
                        continue;
                void *to = config_field(config_block(config, key->section), key);
                void *from = config_field(config_block(next, key->section), key);
                if (key->reach != CONFIG_RESTART)
                        config_value_swap(key, to, from);
                else if (!config_value_is_equal(key, to, from))
                        add_kept(kept, size, config_sections[key->section].name, key->name);
        }
        apply_limits(&config->limits, &next->limits);
        apply_models(config, next);
        /* The lease waits for a restart, and the heartbeat has to go with the one that stays. */
        if (config->heartbeat_usec > config->lease_usec / 3) {
                config->heartbeat_usec = config->lease_usec / 3;
                add_kept(kept, size, "timers", "heartbeat above a third of the lease");
        }
}

/* Prints the keys of a section in this block; of a section with a name those that were given. */
static void print_section(ConfigSection section, const char *name, const void *block,
                          const LimitOverride *override) {
        if (name)
                (void) printf("\n[%s \"%s\"]\n", config_sections[section].name, name);
        else
                (void) printf("%s[%s]\n", section ? "\n" : "", config_sections[section].name);
        for (size_t i = 0; i < config_n_keys; i++)
                if (config_keys[i].section == section &&
                    (!override || override->given & config_keys[i].limit))
                        config_value_print(&config_keys[i], config_field(block, &config_keys[i]));
}

static void print_overrides(ConfigSection section, const LimitTable *limits) {
        unsigned keys = section == CONFIG_QUARANTINE ? LIMIT_QUARANTINE : ~LIMIT_QUARANTINE;

        for (size_t i = 0; i < limits->n; i++) {
                const LimitOverride *override = &limits->overrides[i];
                const void *block = section == CONFIG_QUARANTINE
                                            ? (const void *) &override->quarantine
                                            : (const void *) &override->limits;
                if (override->given & keys)
                        print_section(section, override->name, block, override);
        }
}

/* Without the one key that they need these sections cannot be read again. */
static int is_used(const Config *config, ConfigSection section) {
        return section == CONFIG_REGISTRY ? config->registry_app != NULL
               : section == CONFIG_HOOKS  ? config->hook_failed != NULL
                                          : 1;
}

void config_print(const Config *config) {
        for (ConfigSection section = 0; section < CONFIG_EXEC; section++)
                if (is_used(config, section))
                        print_section(section, NULL, config_block(config, section), NULL);
        print_overrides(CONFIG_LIMITS, &config->limits);
        print_overrides(CONFIG_QUARANTINE, &config->limits);
        for (size_t i = 0; i < config->n_exec; i++)
                print_section(CONFIG_EXEC, config->programs[i].name, &config->programs[i], NULL);
}
