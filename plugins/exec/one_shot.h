/*
 * A program that is started for one thing: given a text, listened to, and watched to its end. Which
 * signal is due is decided in ending.c; what the end means is the caller's.
 */
#pragma once

#include "exec/ending.h"
#include "exec/exec_model.h"
#include "exec/pipes.h"
#include "exec/program.h"

typedef struct OneShot {
        const ExecModel *model;
        Program program; /* PROGRAM_INIT at first */
        Stream output, errors;
        const char *input; /* what the program has not taken yet; the caller's */
        size_t input_left;
        Ending ending;
} OneShot;

/*
 * Starts the program of shot->model, to which `input` will be given. The functions for lines of
 * `output` and `errors` are set by the caller; of a line more than `line_bytes` are cut off.
 * Returns 0, or RJ_FAILED with the reason in `why`. `shot` is to be given to one_shot_done() in
 * either case.
 */
int one_shot_start(OneShot *shot, char *const environment[], const char *input, size_t line_bytes,
                   char *why, size_t size);

/*
 * Until the program has ended, or must be. Returns 0, what a function for lines has returned, or
 * RJ_E_FATAL.
 */
int one_shot_watch(OneShot *shot, const struct rj_context *context);

/*
 * Kills what is left of the program's group, and hands over the last lines. `r` is what
 * one_shot_watch() returned. Returns 0, `r`, or what a function for lines has returned.
 */
int one_shot_finish(OneShot *shot, int r, int *ret_status);

/* Ends the program, if need be, and frees what there is. */
void one_shot_done(OneShot *shot);
