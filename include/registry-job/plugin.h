/*
 * registry-job/plugin.h - the interface between registry-jobd and its job plugins
 *
 * A plugin is a shared object `<Plugin>.so` that exports one function,
 * registry_job_plugin_v1(), returning a constant description of itself: its
 * models, their parameters and the function that runs each. Describing a
 * plugin runs none of its code. See registry-job-plugin(3).
 *
 * The header compiles as C99, C11 and C++. It has no bool, no enum and no libpq
 * type in a struct, so that sizes are the same in every language mode.
 *
 * Changes of the interface
 *   1.1  open() and close() in struct rj_plugin, state in struct rj_context; RJ_RECORD_CANCELED
 *   1.0  first version
 */
#ifndef REGISTRY_JOB_PLUGIN_H
#define REGISTRY_JOB_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RJ_ABI_MAJOR 1u /* changes when an old plugin can no longer be loaded */
#define RJ_ABI_MINOR 1u /* grows when a member is appended */

#define RJ_EXPORT __attribute__((visibility("default")))

/* What run() returns. A negative value from a host function is passed on unchanged. */
#define RJ_OK 0       /* the job is Complete */
#define RJ_FAILED 1   /* the job is Failed */
#define RJ_CANCELED 2 /* the plugin saw rj_canceled() and stopped */

/* What host functions return besides 0. */
#define RJ_E_INVALID (-1) /* an argument is out of its range; nothing was done */
#define RJ_E_LOST (-2)    /* canceled while the database was away: stop, and return this value */
#define RJ_E_FATAL (-3)   /* anything else: stop, and return this value */

/* Bits of the control word. */
#define RJ_CONTROL_CANCEL 1u   /* stop as soon as you can */
#define RJ_CONTROL_SHUTDOWN 2u /* the reason is that the daemon stops, not a person's wish */

/* Kinds of parameters. */
#define RJ_PARAM_BOOL 1u   /* 0, 1, true, false */
#define RJ_PARAM_INT 2u    /* a 64-bit integer */
#define RJ_PARAM_SELECT 3u /* one of `choices` */
#define RJ_PARAM_STRING 4u
#define RJ_PARAM_FK 5u /* one id or a comma-separated list; each must belong to the job's CO */

/* Flags of parameters. */
#define RJ_PARAM_REQUIRED 1u
#define RJ_PARAM_SECRET 2u /* its value appears in no log and no listing */

/* Flags of models. */
#define RJ_MODEL_ANY_PARAMETERS 1u /* takes whatever JSON object is stored; see param_json() */

/* Statuses of history records. */
#define RJ_RECORD_OK 1u       /* done */
#define RJ_RECORD_FAILED 2u   /* failed for this key */
#define RJ_RECORD_NOTICE 3u   /* worth knowing */
#define RJ_RECORD_CANCELED 4u /* not done, because of a cancel; since 1.1 */

struct rj_host;
struct rj_model;

struct rj_context {
        const struct rj_host *host;
        const uint32_t *control; /* read it through rj_canceled() */
        const struct rj_model *model;
        int32_t job_id;
        int32_t co_id;
        void *state; /* what open() has put there, for all jobs of this worker; since 1.1 */
};

struct rj_param_desc { /* name NULL ends the table */
        const char *name;
        uint32_t type;              /* RJ_PARAM_BOOL, ... */
        uint32_t flags;             /* RJ_PARAM_REQUIRED, ... */
        const char *const *choices; /* _SELECT: NULL-terminated */
        const char *table;          /* _FK: NULL means the name without "_id", in plural */
        const char *help;
};

struct rj_record {
        uint32_t struct_size;
        uint32_t status;              /* RJ_RECORD_OK, ... */
        const char *key;              /* what it is about, up to 512 characters, or NULL */
        const char *comment;          /* what happened, up to 256 characters, or NULL */
        int32_t person_id;            /* a person of the job's CO, or 0 */
        int32_t external_identity_id; /* an external identity of such a person, or 0 */
};

struct rj_model { /* name NULL ends the table */
        const char *name;
        const char *summary;                /* one line for `registry-job plugins` */
        const struct rj_param_desc *params; /* NULL: takes none */
        int (*run)(struct rj_context *ctx);
        const void *data; /* the model's own; the host does not look at it */
        uint32_t flags;   /* RJ_MODEL_ANY_PARAMETERS, ... */
        uint32_t reserved;
};

struct rj_plugin {
        uint32_t struct_size; /* these five by RJ_PLUGIN_INIT */
        uint32_t abi_major;
        uint32_t abi_minor;
        uint32_t model_size; /* stride of `models` */
        uint32_t param_size; /* stride of every model's `params` */
        const char *name;    /* the file's name without .so */
        const char *version;
        const struct rj_model *models;

        /*
         * Since 1.1, each may be NULL: for what lives as long as a worker, such as a connection to
         * a directory server or a log. open() is called before the first job of this plugin that a
         * worker runs, and puts it into ctx->state, where each job finds it; close() is called when
         * a worker that was opened ends. Their context is no job's: job_id and co_id are 0, model
         * is NULL, there are no parameters. Of the host functions, log() can be called in both,
         * and summary() in open().
         *
         * open() returns RJ_OK, or RJ_FAILED with the reason as its summary: the job that it was
         * called for is Failed with that reason, and the next job tries again. It has 30 seconds.
         * close() has 10 seconds. It is not called in a worker that is killed, or that ends because
         * it has lost its database.
         */
        int (*open)(struct rj_context *ctx);
        void (*close)(struct rj_context *ctx);
};

#define RJ_PLUGIN_INIT                                                                 \
        sizeof(struct rj_plugin), RJ_ABI_MAJOR, RJ_ABI_MINOR, sizeof(struct rj_model), \
                sizeof(struct rj_param_desc)

/*
 * What the host offers. Members are only ever appended. All of it is for the
 * thread that run() was called on. Strings are UTF-8; what is not is replaced,
 * what is too long is cut between two characters.
 */
struct rj_host {
        uint32_t struct_size;
        uint32_t abi_minor;

        /*
         * Parameters by name, checked against the model's table before run() is
         * called. A name or type that the table does not have is a bug of the
         * plugin, and ends the worker with a message.
         */
        int (*param_given)(const struct rj_context *ctx, const char *name); /* 1 or 0 */
        int64_t (*param_int)(const struct rj_context *ctx, const char *name, int64_t otherwise);
        int (*param_bool)(const struct rj_context *ctx, const char *name, int otherwise);
        /* _STRING, _SELECT; lives as long as run(). */
        const char *(*param_string)(const struct rj_context *ctx, const char *name,
                                    const char *otherwise);
        /* _FK: how many ids there are; writes at most `max` of them. */
        size_t (*param_ids)(const struct rj_context *ctx, const char *name, int32_t *ids,
                            size_t max);
        /* All of them as one JSON object; lives as long as run(). */
        const char *(*param_json)(const struct rj_context *ctx);

        /*
         * A database that is away for a while is no failure: progress() and start_summary() then
         * do nothing, records wait in memory that survives this process, and record() itself
         * waits when that is full.
         */
        /* `done` of `total` units; shown as a percentage that never goes back. */
        int (*progress)(struct rj_context *ctx, uint64_t done, uint64_t total);
        /* Hands one history record over: from here on it survives this process. */
        int (*record)(struct rj_context *ctx, const struct rj_record *record);
        /* What the job is about to do; up to 256 characters. */
        int (*start_summary)(struct rj_context *ctx, const char *text);
        /* How it went; up to 256 characters. The last call counts. */
        int (*summary)(struct rj_context *ctx, const char *text);
        /* One line for the journal, with the job's fields. `level` as in syslog, 3 to 7. */
        void (*log)(struct rj_context *ctx, int level, const char *text);
        /*
         * The plugin's own database connection, a PGconn *; opened at the first call,
         * closed (rolled back) after run(). NULL when there is none to be had. Once libpq has
         * found it lost, the next call connects the same PGconn again.
         */
        void *(*db)(struct rj_context *ctx);
};

/* One relaxed load: cheap enough for every turn of a loop. */
static inline int rj_canceled(const struct rj_context *ctx) {
        return (__atomic_load_n(ctx->control, __ATOMIC_RELAXED) & RJ_CONTROL_CANCEL) != 0;
}

/* The one function that a plugin exports. */
RJ_EXPORT const struct rj_plugin *registry_job_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
