/* Writes log lines to the systemd journal, with their fields. */
#pragma once

#include "util/log.h"

/* 1 when standard error goes to the journal, as it does in a service of systemd. */
int journal_is_connected(void);

/*
 * Says for which instance this process speaks: the name of its configuration file, without
 * directory and ".conf". It is in each line, so that the lines of two registries on one host can be
 * told apart. Before the first line.
 */
#define JOURNAL_INSTANCE_SIZE 256
void journal_set_instance(const char *config_path);
const char *journal_instance(void);

/*
 * Makes the journal the sink of the log. Returns the descriptor of its socket, which forked workers
 * keep; or -1 when there is no journal, and then the log stays on standard error. `identifier` is
 * the program's name and must outlive the log.
 */
int journal_install(const char *identifier);

/*
 * Writes one line to the journal, wherever the log goes. Does nothing where there is no journal.
 * `text` may be of several lines; they become one.
 */
void journal_write(const char *identifier, int level, const LogFields *fields, const char *text);
