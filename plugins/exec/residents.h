/*
 * The resident programs of one worker. Models whose programs are started alike, with the same
 * command, directory, environment, time to start and limits of memory and open files, share one
 * process. None is started before a job needs it.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "exec/exec_model.h"
#include "exec/ready.h"
#include "registry-job/plugin.h"
#include "util/macro.h"

typedef struct Residents Residents;

/*
 * Gives each of these models that has a resident program its place in a set; limits are given
 * before. *ret is NULL where there is none. The models outlive the set. Returns 0 or -ENOMEM.
 */
int residents_new(ExecModel *const models[], size_t n, Residents **ret);

/* Kills what runs of the set, and frees. */
Residents *residents_free(Residents *residents);
DEFINE_CLEANUP(Residents, residents_free)

/* 1 when a job of the model has to wait for its program: see residents_start(). */
int residents_is_down(const ExecModel *model);

/* How long residents_start() may take. */
usec_t residents_start_usec(const ExecModel *model);

/*
 * Starts the model's program. `context` is no job's, but its control word is looked at, and
 * log() and summary() are called. Returns RJ_OK; RJ_CANCELED when there was a cancel meanwhile; or
 * RJ_FAILED with a summary.
 */
int residents_start(const ExecModel *model, struct rj_context *context);

/*
 * Writes how a job of the model has to be checked: as `model` has it, with the parameters that its
 * program has told where its section leaves that to it. Valid until the program is started again.
 * Returns RJ_OK, or RJ_FAILED with words: the program does not provide the model.
 */
int residents_describe(const ExecModel *model, struct rj_model *ret, char *why, size_t size);

/*
 * Those of the set that have to run before a job of theirs is claimed: 1 when all do; there may be
 * none.
 */
int residents_run_first(const Residents *residents);

/*
 * Starts them, each as residents_start() does. Returns 0; or RESIDENTS_E_DOWN with words when one
 * does not start, and with none when it tells other models than those of the set.
 */
#define RESIDENTS_E_DOWN 1
int residents_start_first(Residents *residents, struct rj_context *context, char *why, size_t size);

/* How long that may take. */
usec_t residents_first_usec(const Residents *residents);

/* What the model's program told when it was started, in the order of the names; NULL: nothing. */
const Ready *residents_told(const ExecModel *model);

/* What runs of the set: processes, and descriptors of ours to them. Each writes at most `max`. */
size_t residents_pids(const Residents *residents, pid_t pids[], size_t max);
size_t residents_fds(const Residents *residents, int fds[], size_t max);

/*
 * Tells all programs that nothing more comes, by the end of their standard input, waits for them
 * so long, and kills what has not left. What they write is logged through `context`.
 */
void residents_close(Residents *residents, struct rj_context *context, usec_t usec);
