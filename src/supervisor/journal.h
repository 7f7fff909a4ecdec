/* The journal as the log's sink: every line with its fields. */
#pragma once

/* 1 when standard error is connected to the journal, as systemd does for its services. */
int journal_is_connected(void);

/*
 * From here on log_*() goes to the journal. Returns the descriptor, which forked workers keep, or
 * -1: then the log stays on standard error.
 */
int journal_install(void);
