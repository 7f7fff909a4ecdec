/* A program that is told something: a text on its standard input, and nothing is expected but its
 * end. */
#pragma once

#include "exec/exec_model.h"
#include "exec/verdict.h"

#define EXEC_TOLD_LINES_MAX 100 /* of a program's output and error, in the log */

/*
 * Runs the program of `model` once, with `text` on its standard input, and waits for its end, at
 * most for the timeout of the model and its kill_after. What it writes is lines for the log of
 * `context`, of whose host only log() is called. Returns RJ_OK for exit code 0; otherwise
 * RJ_FAILED, with the reason in `words`.
 */
int exec_tell(const ExecModel *model, struct rj_context *context, const char *text,
              char words[VERDICT_SUMMARY_SIZE]);
