/* The journal as the log's sink: every line with its fields. */
#pragma once

#include "util/log.h"

/* 1 when standard error is connected to the journal, as systemd does for its services. */
int journal_is_connected(void);

/*
 * From here on log_*() goes to the journal. Returns the descriptor, which forked workers keep, or
 * -1: then the log stays on standard error. `identifier` is the program's name.
 */
int journal_install(const char *identifier);

/* One line to the journal, whatever else is done with the log. Nothing where there is no journal.
 */
void journal_note(const char *identifier, int level, const LogFields *fields, const char *text);
