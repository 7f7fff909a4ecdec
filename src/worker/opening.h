/*
 * What plugins keep for as long as this worker lives (rj_plugin.open, .close), and programs that
 * serve many jobs. A plugin is opened
 * for the first of its jobs here: a worker that runs none of them pays nothing.
 */
#pragma once

#include "worker/run.h"

/*
 * Opens the job's plugin, unless that was done or it has nothing to open. Returns RJ_OK with what
 * the plugin keeps; or what its open() returned, with words for the job's summary: the next job of
 * the plugin tries again. `control` is the job's word, so that its cancel reaches open().
 */
int opening_open(Runner *runner, const Job *job, const CatalogEntry *entry, const uint32_t *control,
                 void **ret_state, char words[SUMMARY_SIZE]);

/*
 * For a model whose program is resident: starts that, unless it is up, and writes what it has told
 * about the model's parameters into the entry. Returns RJ_OK, also where a cancel came first; or
 * RJ_FAILED with words for the job, which is Assigned. `control` is the job's word.
 */
int opening_start_program(Runner *runner, const Job *job, CatalogEntry *entry,
                          const uint32_t *control, char words[SUMMARY_SIZE]);

/*
 * Starts the programs that have to run before their jobs are claimed. Returns 0, or
 * RESIDENTS_E_DOWN with words.
 */
int opening_start_first(Runner *runner, char words[SUMMARY_SIZE]);

/* Closes every plugin that was opened, the last one first, and ends resident programs. */
void opening_close_all(Runner *runner);
