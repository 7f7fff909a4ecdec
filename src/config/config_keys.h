/*
 * The table of keys. From its rows follow how a value is read and refused, where it is stored, how
 * it is printed, what a reload does with it, and what the manual must say.
 *
 * A section has a block of memory that its values lie in: Config, a Limits, a Quarantine or a
 * ConfigProgram. Each key lies at its row's offset in the block of its section.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

typedef enum ConfigSection {
        CONFIG_DATABASE,
        CONFIG_POOL,
        CONFIG_TIMERS,
        CONFIG_LIMITS,
        CONFIG_QUARANTINE,
        CONFIG_PLUGINS,
        CONFIG_REGISTRY,
        CONFIG_HOOKS,
        CONFIG_LOG,
        CONFIG_EXEC,
        _CONFIG_SECTION_MAX,
} ConfigSection;

/* What a heading may look like. */
typedef enum ConfigHeading {
        CONFIG_HEADING_PLAIN = 1, /* [section] */
        CONFIG_HEADING_NAMED = 2, /* [section "Name"] */
} ConfigHeading;

typedef struct ConfigSectionRow {
        const char *name;
        unsigned headings;    /* CONFIG_HEADING_* */
        const char *accepted; /* the headings, in words for messages */
} ConfigSectionRow;

typedef enum ConfigType {
        CONFIG_TEXT,      /* char * */
        CONFIG_CONNINFO,  /* char *, as libpq takes it */
        CONFIG_ZONE,      /* char *, the name of a time zone, or "" */
        CONFIG_LIST,      /* char *, of words */
        CONFIG_PATH,      /* char * */
        CONFIG_COMMAND,   /* char * */
        CONFIG_WORD,      /* int, the number of one of the row's words */
        CONFIG_BOOL,      /* int */
        CONFIG_INT,       /* int64_t */
        CONFIG_DURATION,  /* usec_t */
        CONFIG_SIZE,      /* uint64_t, bytes */
        CONFIG_PARAMETER, /* ConfigNamedList of the keys NAME.*, texts as param_spec_parse() takes
                           */
        CONFIG_VARIABLE,  /* ConfigNamedList of the keys NAME.*, texts without a form */
} ConfigType;

/* Whom a reload reaches with a new value. */
typedef enum ConfigReach {
        CONFIG_AT_ONCE,
        CONFIG_NEXT_WORKER, /* the supervisor at once, and workers that are forked from then on */
        CONFIG_RESTART,     /* nobody: it waits for a restart */
} ConfigReach;

typedef struct ConfigWord {
        const char *word; /* NULL ends a list */
        int number;
} ConfigWord;

typedef struct ConfigKey {
        ConfigSection section;
        const char *name;
        ConfigType type;
        size_t offset;         /* in the block of the section */
        const char *otherwise; /* the default, as in a file; NULL: nothing stands for it there */
        int64_t min, max;      /* CONFIG_DURATION: microseconds */
        const ConfigWord *words;
        const char *prefix; /* may stand before a word */
        ConfigReach reach;
        unsigned limit; /* LIMIT_* of a key of [limits] or [quarantine] */
} ConfigKey;

#define CONFIG_KEYS_MAX 48u /* not less than there are */

extern const ConfigSectionRow config_sections[_CONFIG_SECTION_MAX];
extern const ConfigKey config_keys[];
extern const size_t config_n_keys;

/* 1 when the key is written with a free name behind a dot. */
int config_key_is_named(const ConfigKey *key);

/*
 * Finds the row of a key as it is written in the file; NULL when there is none. *ret_name is the
 * free name behind the dot, NULL for a key without one.
 */
const ConfigKey *config_key_find(ConfigSection section, const char *written, const char **ret_name);

/*
 * The block of a plain section, which is every one but [exec]; of [limits] and [quarantine]: what
 * is general.
 */
void *config_block(const Config *config, ConfigSection section);

/* Where the key lies in a block of its section. */
void *config_field(const void *block, const ConfigKey *key);

/* Gives all keys of a section in this block their defaults. Returns 0 or -errno. */
int config_set_defaults(ConfigSection section, void *block);

/* Frees what the keys of a section own in this block. */
void config_free_fields(ConfigSection section, void *block);
