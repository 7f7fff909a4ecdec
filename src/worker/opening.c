/*
 * What one job's plugin keeps for the next must not be of that job: the two may be of different
 * COs. So open() and close() get a context without ids, parameters and model, and only those host
 * functions that need none.
 *
 * The job that open() is called for is In Progress already. An open() that hangs ends like a plugin
 * that has overrun its time: the control word, SIGTERM, SIGKILL; the job fails with that reason. A
 * close() that hangs ends the worker, which has no job any more.
 */
#include "worker/opening.h"

#include <stdio.h>
#include <string.h>

#include "util/log.h"
#include "util/text.h"

#define OPEN_USEC (30 * USEC_PER_SEC)        /* as registry-job-plugin(3) says */
#define CLOSE_USEC (5 * USEC_PER_SEC)        /* and as long again until SIGTERM */
#define LEAVE_USEC (3 * USEC_PER_SEC)        /* as registry-jobd.conf(5) says */
#define START_SLACK_USEC (10 * USEC_PER_SEC) /* the program's own time comes first */

struct Opening {
        Opening *next; /* the plugin that was opened before */
        const Plugin *plugin;
        HostRun run; /* of open(): threads that it started may keep the context */
};

static const Opening *find_opening(const Runner *runner, const Plugin *plugin) {
        const Opening *opening = runner->openings;

        while (opening && opening->plugin != plugin)
                opening = opening->next;
        return opening;
}

/* Why open() failed, in words that fit the column. */
static void describe_failure(const Opening *opening, int code, EndedBy ended_by,
                             char words[SUMMARY_SIZE]) {
        uint32_t control = __atomic_load_n(opening->run.context.control, __ATOMIC_RELAXED);
        const char *said = opening->run.summary;
        char reason[64] = "";

        if (ended_by != ENDED_BY_NOBODY)
                (void) snprintf(reason, sizeof(reason), "it took too long");
        else if (code == RJ_CANCELED)
                (void) snprintf(reason, sizeof(reason), "%s",
                                control & RJ_CONTROL_SHUTDOWN ? "ended by shutdown" : "canceled");
        else if (code != RJ_FAILED)
                (void) snprintf(reason, sizeof(reason), "open() returned %d", code);
        else if (!*said)
                (void) snprintf(reason, sizeof(reason), "no reason given");
        (void) snprintf(words, SUMMARY_SIZE, "plugin '%.80s' could not be opened: %s%s",
                        opening->plugin->desc.name, reason, *reason && *said ? ": " : "");
        size_t used = strlen(words);
        (void) text_copy_utf8(words + used, SUMMARY_SIZE - used, 0, said);
}

/* From here on what it has left is there for every job. */
static void keep_residue(Runner *runner, const Plugin *plugin) {
        LogFields fields = {.plugin = plugin->desc.name};
        char left[RESIDUE_WORDS];

        runner_expect_fds(runner);
        if (residue_keep(runner->residue, runner->session.db ? runner->session.socket.fd : -1,
                         left))
                log_write(LOG_NOTICE, &fields, "plugin '%s': its open() left %s, which is not kept",
                          plugin->desc.name, left);
}

/* Unless a thread may have its context. */
static void free_opening(const Runner *runner, Opening *opening) {
        if (!residue_has_threads(runner->residue))
                free(opening);
}

static int open_plugin(Runner *runner, const Job *job, const CatalogEntry *entry,
                       const uint32_t *control, char words[SUMMARY_SIZE]) {
        Limits limits = limit_resolve(runner->limits, entry->name);
        Opening *opening = calloc(1, sizeof(*opening));

        if (!opening) {
                (void) snprintf(words, SUMMARY_SIZE, "the worker has no memory left");
                return RJ_FAILED;
        }
        opening->plugin = entry->plugin;
        opening->run.page = runner->page;
        opening->run.recorder = &runner->recorder;
        limits.run_usec = limits.run_usec ? MIN_OF(limits.run_usec, OPEN_USEC) : OPEN_USEC;

        watch_open_begin(runner->watch, job->id, &limits);
        int code = host_open(&opening->run, entry->plugin, control);
        EndedBy ended_by = watch_job_end(runner->watch);
        host_end(&opening->run);
        if (code) {
                describe_failure(opening, code, ended_by, words);
                free_opening(runner, opening);
                return code;
        }
        opening->next = runner->openings;
        runner->openings = opening;
        keep_residue(runner, entry->plugin);
        return RJ_OK;
}

int opening_open(Runner *runner, const Job *job, const CatalogEntry *entry, const uint32_t *control,
                 void **ret_state, char words[SUMMARY_SIZE]) {
        *ret_state = NULL;
        if (!entry->plugin || !entry->plugin->desc.open)
                return RJ_OK;
        if (!find_opening(runner, entry->plugin)) {
                int code = open_plugin(runner, job, entry, control, words);
                if (code)
                        return code;
        }
        *ret_state = find_opening(runner, entry->plugin)->run.context.state;
        return RJ_OK;
}

int opening_start_program(Runner *runner, const Job *job, CatalogEntry *entry,
                          const uint32_t *control, char words[SUMMARY_SIZE]) {
        const ExecModel *model = entry->model.data;
        char why[SUMMARY_SIZE];
        int code = RJ_OK;

        if (residents_is_down(model)) {
                const Limits limits = {
                        .run_usec = usec_add(residents_start_usec(model), START_SLACK_USEC)};
                HostRun run = {.page = runner->page, .recorder = &runner->recorder};
                host_begin_alone(&run, entry->name, control);
                watch_open_begin(runner->watch, job->id, &limits);
                code = residents_start(model, &run.context);
                (void) watch_job_end(runner->watch);
                host_end(&run);
                (void) text_copy_utf8(words, SUMMARY_SIZE, SUMMARY_CHARS, run.summary);
        }
        if (code == RJ_OK) {
                code = residents_describe(model, &entry->model, why, sizeof(why));
                if (code)
                        (void) text_copy_utf8(words, SUMMARY_SIZE, SUMMARY_CHARS, why);
        }
        return code == RJ_FAILED ? RJ_FAILED : RJ_OK;
}

int opening_start_first(Runner *runner, char words[SUMMARY_SIZE]) {
        const Limits limits = {
                .run_usec = usec_add(residents_first_usec(runner->residents), START_SLACK_USEC)};
        static const uint32_t nothing = 0;
        HostRun run = {.page = runner->page, .recorder = &runner->recorder};

        host_begin_alone(&run, "[registry]", &nothing);
        watch_open_begin(runner->watch, 0, &limits);
        int r = residents_start_first(runner->residents, &run.context, words, SUMMARY_SIZE);
        (void) watch_job_end(runner->watch);
        host_end(&run);
        runner_expect_fds(runner);
        return r;
}

static void close_programs(Runner *runner) {
        static const Limits limits = {.run_usec = CLOSE_USEC};
        static const uint32_t nothing = 0;
        HostRun run = {.page = runner->page, .recorder = &runner->recorder};

        if (!runner->residents)
                return;
        host_begin_alone(&run, "resident programs", &nothing);
        watch_open_begin(runner->watch, 0, &limits);
        residents_close(runner->residents, &run.context, LEAVE_USEC);
        (void) watch_job_end(runner->watch);
        runner->residents = residents_free(runner->residents);
}

void opening_close_all(Runner *runner) {
        static const Limits limits = {.run_usec = CLOSE_USEC};

        while (runner->openings) {
                Opening *opening = runner->openings;
                runner->openings = opening->next;
                watch_open_begin(runner->watch, 0, &limits);
                host_close(&opening->run, opening->plugin);
                (void) watch_job_end(runner->watch);
                free_opening(runner, opening);
        }
        close_programs(runner);
}
