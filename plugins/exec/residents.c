/* What is shared, and what belongs to all at once; a single program is resident.c's. */
#include "exec/residents.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "exec/relay.h"
#include "exec/resident.h"
#include "util/error.h"

struct Residents {
        size_t n;
        ExecModel *const *models; /* of which some are resident; n_models of them */
        size_t n_models;
        Resident *items[]; /* n of them */
};

static int words_equal(char *const a[], char *const b[]) {
        size_t i = 0;

        if (!a || !b)
                return a == b;
        while (a[i] && b[i] && !strcmp(a[i], b[i]))
                i++;
        return !a[i] && !b[i];
}

static int may_share(const ExecModel *a, const ExecModel *b) {
        const ProgramLimits *x = &a->program_limits, *y = &b->program_limits;

        return words_equal(a->argv, b->argv) && words_equal(a->environment, b->environment) &&
               !strcmp(a->directory, b->directory) && a->start_usec == b->start_usec &&
               x->memory_bytes == y->memory_bytes && x->open_files == y->open_files;
}

static Resident *find_shared(const Residents *residents, const ExecModel *model) {
        for (size_t i = 0; i < residents->n; i++)
                if (may_share(residents->items[i]->model, model))
                        return residents->items[i];
        return NULL;
}

int residents_new(ExecModel *const models[], size_t n, Residents **ret) {
        _cleanup_(residents_freep) Residents *residents =
                calloc(1, sizeof(*residents) + n * sizeof(residents->items[0]));

        if (!residents)
                return error_origin(-ENOMEM);
        residents->models = models;
        residents->n_models = n;
        for (size_t i = 0; i < n; i++) {
                if (!models[i]->is_resident)
                        continue;
                models[i]->resident = find_shared(residents, models[i]);
                if (models[i]->resident)
                        continue;
                int r = resident_new(models[i], &residents->items[residents->n]);
                if (r)
                        return r;
                models[i]->resident = residents->items[residents->n++];
        }
        *ret = residents->n ? TAKE_PTR(residents) : NULL;
        return 0;
}

Residents *residents_free(Residents *residents) {
        for (size_t i = 0; residents && i < residents->n; i++)
                (void) resident_free(residents->items[i]);
        free(residents);
        return NULL;
}

int residents_is_down(const ExecModel *model) {
        return model->resident && !resident_is_up(model->resident);
}

usec_t residents_start_usec(const ExecModel *model) {
        return model->start_usec;
}

int residents_start(const ExecModel *model, struct rj_context *context) {
        char why[VERDICT_SUMMARY_SIZE];

        int r = resident_start(model->resident, context, why, sizeof(why));
        if (r == RESIDENT_E_FAILED)
                (void) context->host->summary(context, why);
        return r == RESIDENT_E_FAILED ? RJ_FAILED : r ? RJ_CANCELED : RJ_OK;
}

int residents_describe(const ExecModel *model, struct rj_model *ret, char *why, size_t size) {
        const ReadyModel *told;

        *ret = model->model;
        if (!model->resident || !model->resident->ready)
                return RJ_OK;
        if (resident_find(model->resident, model->name, &told, why, size))
                return RJ_FAILED;
        if (model->is_told) {
                ret->flags &= ~RJ_MODEL_ANY_PARAMETERS;
                ret->params = told ? told->params : NULL;
        }
        return RJ_OK;
}

int residents_run_first(const Residents *residents) {
        for (size_t i = 0; residents && i < residents->n; i++)
                if (residents->items[i]->model->starts_first &&
                    !resident_is_up(residents->items[i]))
                        return 0;
        return 1;
}

usec_t residents_first_usec(const Residents *residents) {
        usec_t usec = 0;

        for (size_t i = 0; i < residents->n; i++)
                if (residents->items[i]->model->starts_first)
                        usec = usec_add(usec, residents->items[i]->model->start_usec);
        return usec;
}

/* Its models were taken from what another run of the program has told: it must tell the same. */
static int tells_others(const Residents *residents, const Resident *resident) {
        for (size_t i = 0; i < residents->n_models; i++) {
                const ExecModel *model = residents->models[i];
                if (model->resident == resident && !ready_find(resident->ready, model->name))
                        return 1;
        }
        return resident->ready->n_models != resident->model->n_told;
}

static int start_first(const Residents *residents, Resident *resident, struct rj_context *context,
                       char *why, size_t size) {
        if (resident_start(resident, context, why, size))
                return RESIDENTS_E_DOWN;
        if (!tells_others(residents, resident))
                return 0;
        (void) resident_end(resident);
        *why = '\0';
        return RESIDENTS_E_DOWN;
}

int residents_start_first(Residents *residents, struct rj_context *context, char *why,
                          size_t size) {
        int r = 0;

        (void) snprintf(why, size, "it was told to stop");
        for (size_t i = 0; !r && i < residents->n; i++)
                if (residents->items[i]->model->starts_first)
                        r = start_first(residents, residents->items[i], context, why, size);
        return r;
}

const Ready *residents_told(const ExecModel *model) {
        return model->resident ? model->resident->ready : NULL;
}

size_t residents_pids(const Residents *residents, pid_t pids[], size_t max) {
        size_t n = 0;

        for (size_t i = 0; residents && i < residents->n; i++) {
                const Program *program = &residents->items[i]->program;
                const pid_t both[] = {program->pid, program->guard};
                for (size_t k = 0; k < ARRAY_SIZE(both); k++)
                        if (both[k] > 0 && n < max)
                                pids[n++] = both[k];
        }
        return n;
}

size_t residents_fds(const Residents *residents, int fds[], size_t max) {
        size_t n = 0;

        for (size_t i = 0; residents && i < residents->n; i++) {
                const Program *program = &residents->items[i]->program;
                const int all[] = {program->pidfd, program->input, program->output,
                                   program->errors};
                for (size_t k = 0; k < ARRAY_SIZE(all); k++)
                        if (all[k] >= 0 && n < max)
                                fds[n++] = all[k];
        }
        return n;
}

/* Until it has ended, or that moment. What it writes is taken, so that it can end. */
static void await_end(Resident *resident, Relay *relay, usec_t end_usec) {
        const Program *program = &resident->program;

        resident->output.on_line = relay_resident; /* it drops them: there is no job any more */
        resident->errors.on_line = relay_errors;
        resident->output.userdata = resident->errors.userdata = relay;
        (void) stream_lines(&resident->output);
        for (usec_t now; program->pid && (now = clock_now_usec()) < end_usec;) {
                struct pollfd fds[] = {{.fd = program->pidfd, .events = POLLIN},
                                       {.fd = program->output, .events = POLLIN},
                                       {.fd = program->errors, .events = POLLIN}};
                if (poll(fds, ARRAY_SIZE(fds), (int) ((end_usec - now) / USEC_PER_MSEC) + 1) < 0 &&
                    errno != EINTR)
                        break;
                if (fds[1].revents)
                        (void) stream_serve(&resident->output);
                if (fds[2].revents)
                        (void) stream_serve(&resident->errors);
                if (fds[0].revents) {
                        (void) stream_finish(&resident->errors);
                        break;
                }
        }
        (void) resident_end(resident);
        relay_finish(relay);
}

void residents_close(Residents *residents, struct rj_context *context, usec_t usec) {
        usec_t end_usec = usec_add(clock_now_usec(), usec);

        for (size_t i = 0; i < residents->n; i++)
                pipe_close(&residents->items[i]->program.input);
        for (size_t i = 0; i < residents->n; i++) {
                Relay relay = {.context = context, .limits = residents->items[i]->model->limits};
                await_end(residents->items[i], &relay, end_usec);
        }
}
