/* The journal as the log's sink: every line with its fields. */
#pragma once

/* 1 when standard error is connected to the journal, as systemd does for its services. */
int journal_is_connected(void);

/* From here on log_*() goes to the journal. */
void journal_install(void);
