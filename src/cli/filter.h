/* The options that select jobs, and the walk through what they select. */
#pragma once

#include "cli/cli.h"
#include "db/list_store.h"

/* 1 when an option selects jobs by more than their status: by their CO, model, time and so on. */
int filter_is_narrow(const Options *options);

/* 1 when any option selects jobs. */
int filter_is_given(const Options *options);

/* Reads the options; texts are theirs. CLI_OK, or a code after saying what is wrong. */
int filter_read(Cli *cli, JobFilter *ret);

/* Takes a page; `columns` of its first `rows` rows are jobs. Returns CLI_OK, or a code to stop. */
typedef int FilterPageFn(void *userdata, const PGresult *result, const JobPage *page);

/*
 * Gives all jobs that pass the filter, newest first, up to `limit`, to `on_page`, a page at a time.
 * Returns CLI_OK, or a code after saying what went wrong.
 */
int filter_walk(Cli *cli, JobFilter filter, int64_t limit, FilterPageFn *on_page, void *userdata);
